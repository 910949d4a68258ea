"""A file decoded whole with the decoder's warnings heard: what most decoders pass over in silence.

libjpeg reads on past broken data, and Pillow asks it to say nothing. OpenImageIO tells what it said.
"""

from __future__ import annotations

import re

from mirrorfold.transforms.fingerprint.decode import read
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.read_oiio import warned

_DAMAGE = re.compile(r"(?:Corrupt JPEG data|Premature end of JPEG file|Inconsistent progression)[^(\n]*")
_LONGEST = 200


def read_aloud(kind: str, data: bytes, limits: Limits) -> tuple[Picture, str]:
    """Decode one kind as `decode.read` does; give the picture, and what its decoder said of damage: '' for nothing.

    Raises:
      DecodeError: no decoder reads it.
    """
    picture = read(kind, data, limits)
    return picture, (damage_said(data) if kind == "jpeg" else "") or picture.damaged or ""


def damage_said(data: bytes) -> str:
    """Give what libjpeg says of a JPEG's damage when it reads all of it; '' for nothing."""
    found = _DAMAGE.search(warned("jpeg", data))
    return found[0].strip()[:_LONGEST] if found else ""
