"""Any Pillow image to the canonical picture: 64x64 grey, and 16x16 cells of mean colour.

The one LANCZOS resize goes through Pillow's `reducing_gap=2`, a box filter down to twice the target first: a third of
the cost, and on photographs 0.0 to 0.3 bits of phash64 from the resize without it (docs/fingerprints.md).
"""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

from mirrorfold.transforms.fingerprint.picture import CELLS
from mirrorfold.transforms.fingerprint.samples import to_bytes

SIDE = 64
GAP = 2.0
BACKGROUND, OTHER_BACKGROUND = 255, 0
"""Transparent pixels are laid on white, as most viewers and converters do; where nothing can be seen on white, as of
white lettering, on black."""
FAINT = 8
"""Levels that a picture on white spans at least if anything can be seen."""

_ALPHA = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
DEEP_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})

_TURNS = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


FULL = 1 << 20
"""A side that asks for the whole picture: no decoder leaves anything out of one that is said to be as fine as this."""

Box = tuple[float, float, float, float]


def canonical(
    image: Image.Image,
    orientation: int = 1,
    box: Box | None = None,
    side: int = SIDE,
    profile: bytes | None = None,
) -> tuple[bytes, bytes]:
    """Give (luma, cells) of a loaded image, turned by its EXIF orientation; cells are empty without colour.

    Args:
      box: the part that holds the picture, where a scaled decode ends within a pixel; None for all.
      side: pixels of the luma's side: 64, or picture.DETAIL_SIDE; FULL gives what `whole` does in place of the luma.
      profile: the ICC profile by which its colours are meant, as `icc.applied` gives it.
    """
    if side >= FULL:
        return whole(image, orientation, profile), b""
    if profile is not None:
        image, box = _by_profile(image, box, profile, side)
    plain = flatten(image)
    if plain.mode == "L":
        return _turn(_squeeze(plain, box, side), orientation), b""
    # A mean over 64x64 samples: over all pixels it costs ten times as much, and says the same within a level.
    samples = plain.resize((SIDE, SIDE), Image.Resampling.NEAREST, box)
    return from_samples(_grey(plain), samples, orientation, box, side)


def whole(image: Image.Image, orientation: int, profile: bytes | None) -> bytes:
    """Give every pixel, upright and in sRGB: width and height (uint32, little-endian), then RGB, row by row."""
    plain = image if image.mode == "CMYK" and profile is not None else flatten(image)
    if profile is not None and plain.mode in ("RGB", "CMYK"):
        from mirrorfold.transforms.fingerprint import srgb  # loads lcms

        plain = srgb.to_srgb(plain, profile) or plain
    pixels = np.asarray(_lab_to_rgb(plain) if plain.mode == "LAB" else plain.convert("RGB"))
    turn = _TURNS.get(orientation)
    pixels = turn(pixels) if turn else pixels
    return struct.pack("<II", pixels.shape[1], pixels.shape[0]) + pixels.tobytes()


def open_whole(packed: bytes) -> Image.Image:
    """Read what `whole` gave."""
    return Image.frombytes("RGB", struct.unpack_from("<II", packed), memoryview(packed)[8:])


def _by_profile(image: Image.Image, box: Box | None, profile: bytes, side: int) -> tuple[Image.Image, Box | None]:
    """Bring a picture to sRGB, as small as the resize would make it; as it is where the profile is broken."""
    from mirrorfold.transforms.fingerprint import srgb  # loads lcms

    plain = image if image.mode == "CMYK" else flatten(image)
    if plain.mode not in ("RGB", "CMYK"):
        return image, box
    small, part = srgb.shrink(plain, box, int(side * GAP))
    shown = srgb.to_srgb(small, profile)
    return (image, box) if shown is None else (shown, part)


def from_samples(
    grey: Image.Image, colours: Image.Image | None, orientation: int = 1, box: Box | None = None, side: int = SIDE
) -> tuple[bytes, bytes]:
    """Give (luma, cells) of a grey picture and 64x64 samples of its colours: RGB, YCbCr or LAB."""
    luma = _turn(_squeeze(grey, box, side), orientation)
    if colours is None:
        return luma, b""
    shown = _lab_to_rgb(colours) if colours.mode == "LAB" else colours.convert("RGB")
    return luma, _turn(np.asarray(shown.reduce(SIDE // CELLS)), orientation)


def canonical_grey(image: Image.Image, orientation: int = 1) -> bytes:
    """Give the luma alone, for pages after the first."""
    return _turn(_squeeze(_grey(flatten(image))), orientation)


def _grey(plain: Image.Image) -> Image.Image:
    return plain.getchannel(0) if plain.mode in ("LAB", "YCbCr") else plain.convert("L")


def flatten(image: Image.Image) -> Image.Image:
    """Bring any mode to L, RGB, YCbCr or LAB of 8 bits, without alpha."""
    mode = image.mode
    if mode in ("L", "RGB", "YCbCr", "LAB"):
        return image if "transparency" not in image.info else _on_background(image.convert("RGBA"))
    if mode == "1":
        return image.convert("L")
    if mode in DEEP_MODES:
        return Image.fromarray(to_bytes(_deep(image)))
    if mode == "P":
        if "transparency" in image.info:
            return _on_background(image.convert("RGBA"))
        return image.convert("L" if _grey_palette(image) else "RGB")
    if mode in ("LA", "La"):
        return _on_background(image.convert("LA"))
    return _on_background(image.convert("RGBA")) if mode in _ALPHA else image.convert("RGB")


def _deep(image: Image.Image) -> np.ndarray:
    """Give the samples of a deep grey image; Pillow's I holds what it read of 16 bits in 32."""
    pixels = np.asarray(image)
    if image.mode == "I" and pixels.size and pixels.min() >= 0 and pixels.max() <= 65535:
        pixels = pixels.astype(np.uint16)
    return pixels


def _on_background(image: Image.Image) -> Image.Image:
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return image.convert(image.mode[:-1])
    plain = image.convert(image.mode[:-1])
    shown = _laid(plain, alpha, BACKGROUND)
    if min(low for low, _ in _extremes(shown)) <= BACKGROUND - FAINT:
        return shown
    other = _laid(plain, alpha, OTHER_BACKGROUND)
    return other if max(high for _, high in _extremes(other)) >= FAINT else shown


def _laid(plain: Image.Image, alpha: Image.Image, level: int) -> Image.Image:
    ground = Image.new(plain.mode, plain.size, level if plain.mode == "L" else (level,) * 3)
    ground.paste(plain, mask=alpha)
    return ground


def _extremes(image: Image.Image) -> list[tuple[int, int]]:
    found = image.getextrema()
    return [found] if image.mode == "L" else list(found)  # type: ignore[arg-type, list-item]  # Pillow's type is a union


def _grey_palette(image: Image.Image) -> bool:
    palette = image.getpalette("RGB") or []
    return palette[0::3] == palette[1::3] == palette[2::3]


def _squeeze(grey: Image.Image, box: Box | None = None, side: int = SIDE) -> np.ndarray:
    return np.asarray(grey.resize((side, side), Image.Resampling.LANCZOS, box, reducing_gap=GAP))


def _turn(pixels: np.ndarray, orientation: int) -> bytes:
    turn = _TURNS.get(orientation)
    return (turn(pixels) if turn else pixels).tobytes()


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    return ImageCms.applyTransform(image, transform) or image
