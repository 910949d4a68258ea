"""How a picture's tones are spread and how sharp it is, for the review pages: measured on what they show."""

from __future__ import annotations

import io
from collections.abc import Mapping

from PIL import Image, ImageFilter

BINS = 32
TALLEST = 99
LAPLACIAN = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)


def looks(pictures: Mapping[int, bytes]) -> dict:
    """Measure one content's pictures, WebP by their longer side.

    Sharpness is the deviation of the Laplacian, in levels of 255 (Pech-Pacheco et al., "Diatom autofocusing in
    brightfield microscopy", 2000), at each of these sides: only two of one side compare. A picture that is smaller is
    enlarged first: it has no more detail than that.

    Returns:
      tones: BINS heights up to TALLEST of luma, red, green and blue, all to one scale; sharp: by longer side.
    """
    decoded = {side: Image.open(io.BytesIO(data)).convert("RGB") for side, data in pictures.items()}
    smallest = decoded[min(decoded)]
    counts = [_bins(channel) for channel in (smallest.convert("L"), *smallest.split())]
    most = max(map(max, counts))
    return {
        "tones": [[round(TALLEST * count / most) for count in channel] for channel in counts],
        "sharp": {str(side): _sharpness(picture, side) for side, picture in decoded.items()},
    }


def sketched(luma: bytes) -> dict:
    """Measure the tones of a content of which only its luma is at hand; nothing is said of its sharpness."""
    counts = _bins(Image.frombytes("L", (len(luma), 1), luma))
    return {"tones": [[round(TALLEST * count / max(counts)) for count in counts]], "sharp": {}}


def _bins(channel: Image.Image) -> list[int]:
    counts, each = channel.histogram(), 256 // BINS
    return [sum(counts[start : start + each]) for start in range(0, 256, each)]


def _sharpness(picture: Image.Image, side: int) -> float:
    grey = picture.convert("L")
    if max(grey.size) < side:
        scale = side / max(grey.size)
        grey = grey.resize([max(1, round(scale * length)) for length in grey.size], Image.Resampling.BICUBIC)
    counts = grey.filter(LAPLACIAN).histogram()
    total = sum(counts)
    mean = sum(level * count for level, count in enumerate(counts)) / total
    return round((sum(count * (level - mean) ** 2 for level, count in enumerate(counts)) / total) ** 0.5, 1)
