"""A file decoded whole with the decoder's warnings heard: what most decoders pass over in silence.

libjpeg reads on past broken data, and Pillow asks it to say nothing. OpenImageIO tells what it said.
"""

from __future__ import annotations

from mirrorfold.transforms.fingerprint import jpeg_heard
from mirrorfold.transforms.fingerprint.decode import plain_jpeg, read
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.picture import Picture


def read_aloud(kind: str, data: bytes, limits: Limits) -> tuple[Picture, str]:
    """Decode one kind as `decode.read` does; give the picture, and what its decoder said of damage: '' for nothing.

    Raises:
      DecodeError: no decoder reads it.
    """
    picture = read(kind, data, limits)
    return picture, (damage_said(data) if kind == "jpeg" else "") or picture.damaged or ""


def damage_said(data: bytes) -> str:
    """Give what libjpeg says of a JPEG's damage when it reads all of it; '' for nothing."""
    try:
        return jpeg_heard.said(*plain_jpeg(data))
    except DecodeError:
        return ""
