"""Bring a reduced picture to sRGB by its ICC profile, through lcms."""

from __future__ import annotations

import io
import math
from functools import lru_cache

from PIL import Image, ImageCms

CACHED = 32
"""Transforms that are kept: an archive's pictures share a few profiles."""

_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOCACHE


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert an RGB or CMYK image; None where lcms can't use the profile."""
    try:
        return ImageCms.applyTransform(image, _transform(profile, image.mode))
    except _ERRORS:
        return None


@lru_cache(maxsize=CACHED)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=_FLAGS,
    )


Box = tuple[float, float, float, float]


def shrink(image: Image.Image, box: Box | None, side: int) -> tuple[Image.Image, Box]:
    """Reduce an image by whole factors to no less than `side`; give it with the part that holds the picture."""
    _, _, right, bottom = box or (0, 0, *image.size)
    across, down = max(1, int(right / side)), max(1, int(bottom / side))
    if (across, down) == (1, 1):
        return image, (0, 0, right, bottom)
    part = (0, 0, min(image.width, math.ceil(right)), min(image.height, math.ceil(bottom)))
    return image.reduce((across, down), part), (0, 0, right / across, bottom / down)
