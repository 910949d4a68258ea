"""Rows of `contents` made from pictures, for tests of matching that don't need files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
from PIL import Image

from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.fingerprint.colour import look
from mirrorfold.transforms.fingerprint.signatures import sign

DEFAULTS = {
    "media_type": "image/jpeg",
    "frames": 1,
    "algorithm": "test",
    "low_information": False,
    "document": False,
    "preview": False,
    "metadata_fields": 0,
    "orientation": 1,
    "mode": "RGB",
    "bit_depth": 8,
    "lossless": False,
}


def make_contents(pictures: Sequence[Image.Image], changes: Sequence[dict] | None = None) -> pa.Table:
    """Make a row for each picture; `changes` replaces its columns. content_id is a digest of the row's number."""
    changes = changes or [{}] * len(pictures)
    lumas = np.stack([luma_of(picture) for picture in pictures])
    found = sign(lumas)
    cells = np.stack(
        [np.asarray(picture.convert("RGB").resize((16, 16), Image.Resampling.BOX)) for picture in pictures]
    )
    looks = look(lumas, cells, np.array([picture.mode != "L" for picture in pictures]))
    rows = []
    for i, (picture, change) in enumerate(zip(pictures, changes, strict=True)):
        row = DEFAULTS | {
            "content_id": content_id(i),
            "size": picture.width * picture.height // 4,
            "width": picture.width,
            "height": picture.height,
            "phash64": int(found.phash64[i]),
            "phash256": found.phash256[i].tobytes(),
            "dhash256": found.dhash256[i].tobytes(),
            "pdq256": found.pdq256[i].tobytes(),
            "pdq_quality": int(found.pdq_quality[i]),
            "windows64": found.windows64[i].tolist(),
            "dihedral64": found.dihedral64[i].tolist(),
            "luma": lumas[i].tobytes(),
            "colour": looks.colour[i].tobytes(),
            "grey": bool(looks.grey[i]),
        }
        rows.append(row | change)
    return pa.Table.from_pylist(rows, schema=CONTENTS.schema)


def luma_of(picture: Image.Image) -> np.ndarray:
    """Give the 64x64 luma that a row stores."""
    return np.asarray(picture.convert("L").resize((64, 64), Image.Resampling.LANCZOS))


def content_id(number: int) -> str:
    """Give a content id that looks like one."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def make_objects(content_ids: Sequence[str], uris: Sequence[str] | None = None) -> pa.Table:
    """Make a listed object for each content id."""
    rows = []
    for i, content in enumerate(content_ids):
        uri = uris[i] if uris else f"s3://b/{i:06d}.jpg"
        rows.append(
            {
                "uri": uri, "library": "b", "store": "s3", "bucket": "b", "key": uri.removeprefix("s3://b/"),
                "version": "", "size": 1000, "etag": "e", "storage_class": "STANDARD", "hold": "no", "is_latest": True,
                "is_delete_marker": False, "archived": False, "content_id": content, "identity_evidence": "read",
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=OBJECTS.schema)


@lru_cache(maxsize=1)
def photographs() -> tuple[Image.Image, ...]:
    """Give the photographs that scikit-image ships in its wheel."""
    from skimage import data

    names = ("astronaut", "camera", "chelsea", "coffee", "rocket", "cat")
    found = {}
    for name in names:
        picture = Image.fromarray(getattr(data, name)())
        found.setdefault(picture.tobytes(), picture)
    return tuple(found.values())
