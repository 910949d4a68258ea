"""Check that an image can do what its workers are going to be asked for; run while it is built."""

from __future__ import annotations

import importlib.metadata

import imagecodecs
import pi_heif
from PIL import Image, features

PILLOW = ("jpg", "zlib", "libtiff", "webp", "avif", "jpg_2000", "littlecms2")
CODECS = ("JPEG8", "JPEG2K", "JPEGXL", "JPEGXR", "AVIF")


def missing() -> list[str]:
    """Name what this image lacks."""
    lacks = [f"Pillow's {name}" for name in PILLOW if not features.check(name)]
    lacks += [f"imagecodecs' {name}" for name in CODECS if not getattr(imagecodecs, name).available]
    # Before 13 Pillow's JPEG decoder has a heap overflow (CVE-2026-112403), and these are other people's JPEGs.
    if int(Image.__version__.partition(".")[0]) < 13:
        lacks.append(f"Pillow 13 (it has {Image.__version__})")
    if not pi_heif.libheif_info()["decoders"]:
        lacks.append("a HEIF decoder")
    return lacks


if __name__ == "__main__":
    lacks = missing()
    print(f"mirrorfold {importlib.metadata.version('mirrorfold')}: {', '.join(lacks) or 'every codec is there'}")
    raise SystemExit(bool(lacks))
