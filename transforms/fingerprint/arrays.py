"""Arrays of samples, as codecs give them, to images of 8 bits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from mirrorfold.transforms.fingerprint.samples import PLAIN, Meaning, to_bytes, used_bits

GREY, RGB, CMYK, CIELAB, ICCLAB = 1, 2, 5, 8, 9
"""TIFF's photometric interpretations, which name the kinds of samples here whatever the file's format is."""


class Arrayed(NamedTuple):
    """An image made of an array, the bits that its samples use, and Pillow's mode for what they were."""

    image: Image.Image
    bits: int
    mode: str


def arrayed(pixels: np.ndarray, photometric: int = GREY, meaning: Meaning = PLAIN, declared: int = 0) -> Arrayed:
    """Make an image of an array, and say what it was made of.

    Args:
      declared: bits of each sample by the file's header; 0 takes the array's own.
    """
    image = image_of(pixels, photometric, meaning)
    declared = declared or 8 * pixels.dtype.itemsize
    bits = min(declared, used_bits(pixels)) if declared > 8 else declared
    deep = "F" if pixels.dtype.kind in "fc" else "I;16" if pixels.dtype == np.uint16 else "I"
    return Arrayed(image, bits, deep if image.mode == "L" and pixels.dtype.itemsize > 1 else image.mode)


def image_of(pixels: np.ndarray, photometric: int = GREY, meaning: Meaning = PLAIN) -> Image.Image:
    """Make an image of an array: (H, W), (H, W, samples), or planes first; any number type."""
    pixels = shaped(pixels)
    if pixels.ndim == 2:
        return Image.fromarray(np.ascontiguousarray(to_bytes(pixels, meaning)))
    samples = pixels.shape[2]
    if photometric in (CIELAB, ICCLAB) and samples >= 3:
        return _lab(pixels[:, :, :3], photometric)
    if photometric == CMYK and samples >= 4:
        return Image.fromarray(np.ascontiguousarray(to_bytes(pixels[:, :, :4], meaning)), "CMYK")
    if samples < 3:
        return _with_alpha(pixels[:, :, 0], pixels[:, :, 1:], meaning)
    return _with_alpha(pixels[:, :, :3], pixels[:, :, 3:4] if samples == 4 else pixels[:, :, :0], meaning)


def shaped(pixels: np.ndarray) -> np.ndarray:
    """Bring an array to (H, W) or (H, W, samples): the first of several pictures, planes last."""
    pixels = np.squeeze(pixels)
    while pixels.ndim > 3:
        pixels = pixels[0]
    if pixels.ndim == 3 and pixels.shape[0] < 6 <= pixels.shape[2]:
        pixels = np.moveaxis(pixels, 0, 2)
    if pixels.ndim < 2:
        pixels = pixels.reshape(1, -1)
    return pixels


def _with_alpha(colours: np.ndarray, alpha: np.ndarray, meaning: Meaning) -> Image.Image:
    """Join colours and their opacity, whose range is its type's and never that of the colours."""
    if not alpha.shape[2]:
        return Image.fromarray(np.ascontiguousarray(to_bytes(colours, meaning)))
    bits = meaning.bits or 8 * alpha.dtype.itemsize - (alpha.dtype.kind == "i")
    full = 1.0 if alpha.dtype.kind == "f" else float(2**bits - 1)
    shown = to_bytes(_apart(colours, alpha, full) if meaning.associated else colours, meaning)
    opaque = alpha if alpha.dtype == np.uint8 else np.clip(alpha * (255.0 / full), 0, 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(np.dstack([shown, opaque])))


def _apart(colours: np.ndarray, alpha: np.ndarray, full: float) -> np.ndarray:
    """Take the opacity out that colours were multiplied with; what can't be seen stays as it is."""
    opaque = alpha.reshape(*colours.shape[:2], *(1,) * (colours.ndim - 2)).astype(np.float32) / np.float32(full)
    found = np.where(opaque > 0, colours / np.maximum(opaque, np.float32(1e-6)), colours)
    if colours.dtype.kind != "f":
        found = np.rint(np.minimum(found, full))
    return found.astype(colours.dtype if colours.dtype.itemsize > 2 or colours.dtype.kind != "f" else np.float32)


def _lab(pixels: np.ndarray, photometric: int) -> Image.Image:
    """Make a LAB image, whose a and b are 128 at grey; TIFF's CIELab holds them as signed numbers."""
    if pixels.dtype.itemsize == 2:
        pixels = (pixels.view(np.uint16) >> 8).astype(np.uint8)
    elif pixels.dtype.itemsize != 1:
        return Image.fromarray(to_bytes(pixels[:, :, 0]))
    pixels = pixels.view(np.uint8)
    if photometric == CIELAB:
        pixels = pixels ^ np.array([0, 128, 128], np.uint8)
    return Image.merge("LAB", [Image.fromarray(np.ascontiguousarray(pixels[:, :, n])) for n in range(3)])
