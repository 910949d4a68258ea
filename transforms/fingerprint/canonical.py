"""Any Pillow image to the canonical picture: 64x64 grey, and 16x16 cells of mean colour.

The one LANCZOS resize goes through Pillow's `reducing_gap=2`, a box filter down to twice the target first: a third of
the cost, and on photographs 0.0 to 0.3 bits of phash64 from the resize without it (docs/fingerprints.md).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from PIL import Image

from mirrorfold.transforms.fingerprint.backgrounds import BLACK, differ, is_used, laid, see_through, shown
from mirrorfold.transforms.fingerprint.parts import TRANSPARENCY
from mirrorfold.transforms.fingerprint.picture import CELLS
from mirrorfold.transforms.fingerprint.samples import to_bytes

SIDE = 64
GAP = 2.0
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
AS_SHOWN = FULL + 1
"""The same, and a JPEG's colours converted by its decoder, as Pillow does unasked: a level apart here and there."""

Box = tuple[float, float, float, float]


class Canonical(NamedTuple):
    """The luma and the cells of a picture; its luma on black where transparency makes that look otherwise.

    `parts` names transparency where it is used at all: a corner of it may not show in so small a picture.
    """

    luma: bytes
    cells: bytes = b""
    on_black: bytes = b""
    parts: tuple[str, ...] = ()


def canonical(
    image: Image.Image,
    orientation: int = 1,
    box: Box | None = None,
    side: int = SIDE,
    profile: bytes | None = None,
) -> Canonical:
    """Make the canonical picture of a loaded image, turned by its EXIF orientation; cells are empty without colour.

    Args:
      box: the part that holds the picture, where a scaled decode ends within a pixel; None for all.
      side: pixels of the luma's side: 64, or picture.DETAIL_SIDE; FULL gives what `whole` does in place of the luma.
      profile: the ICC profile by which its colours are meant, as `icc.applied` gives it.
    """
    if side >= FULL:
        return Canonical(whole(image, orientation, profile))
    clear = see_through(image)
    if clear is None:
        return Canonical(*_canonical(image, orientation, box, side, profile))
    parts = (TRANSPARENCY,) if is_used(clear) else ()
    first, on_white = shown(clear)
    luma, cells = _canonical(first, orientation, box, side, profile)
    del first  # or both would be held at once
    # What can't be seen on white lies on black already, and would be blank on the other.
    if side == SIDE and on_white:
        # Grey first, a quarter of the work: only a profile needs the colours.
        black = laid(clear if profile is not None else clear.convert("LA"), BLACK)
        on_black, _ = _canonical(black, orientation, box, side, profile, colour=False)
        if differ(luma, on_black):
            return Canonical(luma, cells, on_black, parts)
    return Canonical(luma, cells, parts=parts)


def _canonical(
    image: Image.Image, orientation: int, box: Box | None, side: int, profile: bytes | None, colour: bool = True
) -> tuple[bytes, bytes]:
    if profile is not None:
        image, box = _by_profile(image, box, profile, side)
    plain = _opaque(image)
    if plain.mode == "L" or not colour:
        return _turn(_squeeze(_grey(plain), box, side), orientation), b""
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

    plain = image if image.mode == "CMYK" else _opaque(image)
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
    clear = see_through(image)
    return _opaque(image) if clear is None else shown(clear)[0]


def _opaque(image: Image.Image) -> Image.Image:
    mode = image.mode
    if mode in ("L", "RGB", "YCbCr", "LAB"):
        return image
    if mode in ("1", "LA", "La"):
        return image.convert("L")
    if mode in DEEP_MODES:
        return Image.fromarray(to_bytes(_deep(image)))
    if mode == "P" and "transparency" not in image.info:
        return image.convert("L" if _grey_palette(image) else "RGB")
    return image.convert("RGB")


def _deep(image: Image.Image) -> np.ndarray:
    """Give the samples of a deep grey image; Pillow's I holds what it read of 16 bits in 32."""
    pixels = np.asarray(image)
    if image.mode == "I" and pixels.size and pixels.min() >= 0 and pixels.max() <= 65535:
        pixels = pixels.astype(np.uint16)
    return pixels


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
