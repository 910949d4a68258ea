"""Every perceptual hash of a batch of pictures from their 64x64 canonical luma, in numpy.

Given the canonical picture, `phash64`, `phash256` and `dhash256` equal imagehash's `phash`, `phash(hash_size=16)` and
`dhash(hash_size=16)`, except for bits whose coefficient lies within `EPSILON` of the median. There the exact integer
arithmetic of `dct` decides, with "equal to the median is 0".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mirrorfold.transforms.fingerprint import dct

SIDE = 64
EPSILON = 2.0
"""Margin in imagehash's DCT units (4x the sum of pixels times cosines) above which every bit equals imagehash's."""

WINDOW_SHARE = 0.9
"""A crop window's side as a share of the picture's."""


class Signatures(NamedTuple):
    """Hashes of B pictures. Bits run row by row, most significant first, as imagehash writes its hex string.

    phash64: uint64 (B,). phash256, dhash256, pdq256: uint8 (B, 32). pdq_quality: int16 (B,), 0..100.
    windows64: uint64 (B, 9), row by row. dihedral64: uint64 (B, 8).
    """

    phash64: np.ndarray
    phash256: np.ndarray
    dhash256: np.ndarray
    pdq256: np.ndarray
    pdq_quality: np.ndarray
    windows64: np.ndarray
    dihedral64: np.ndarray


def _flat(down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Give the coefficients of a picture of ones, but for the mean's own: what rounded cosines leave of flatness."""
    found = np.outer(down.sum(axis=1), across.sum(axis=1))
    found[0, 0] = 0
    return found


_TO_32 = dct.pillow_matrix(SIDE, 32)
_TO_16, _TO_17 = dct.pillow_matrix(SIDE, 16), dct.pillow_matrix(SIDE, 17)
_COS_32 = dct.integer(dct.cosine_matrix(32, 8))
_COS_64 = dct.integer(dct.cosine_matrix(SIDE, 17))
_ACROSS = np.ascontiguousarray(np.vstack([_TO_32, _TO_17, _COS_64]).T)
"""Everything that is done along rows, in one product: 32 and 17 pixels of the shrunk pictures, 17 coefficients."""

_WINDOW_STARTS = [SIDE * (1 - WINDOW_SHARE) * step / 2 for step in range(3)]
_COS_WINDOWS = dct.integer(
    np.vstack(
        [
            dct.cosine_matrix(32, 8) @ dct.lanczos_matrix(SIDE, 32, start, start + SIDE * WINDOW_SHARE)
            for start in _WINDOW_STARTS
        ]
    )
)
_UNIT = float(1 << (2 * dct.COSINE_BITS))
_FLAT_32, _FLAT_64 = _flat(_COS_32, _COS_32), _flat(_COS_64, _COS_64)
_FLAT_WINDOWS = np.stack(
    [_flat(down, across) for down in np.split(_COS_WINDOWS, 3) for across in np.split(_COS_WINDOWS, 3)]
)
# glibc hands freed blocks back to the system, and a batch's arrays then cost as much in page faults as in arithmetic.
# Once a block of this size was freed, it keeps up to twice as much.
np.empty(8 << 20, np.uint8)
_SIGNS = np.where(np.arange(8) % 2, -1.0, 1.0)


def sign(luma: np.ndarray) -> Signatures:
    """Hash a batch: `luma` is uint8 of shape (B, 64, 64)."""
    pixels = luma.astype(np.float64)
    base, low = _base(luma, pixels)
    return Signatures(**base, windows64=windows(pixels), dihedral64=_dihedrals(low))


def sign_base(luma: np.ndarray) -> dict[str, np.ndarray]:
    """Hash a batch without its crop windows and symmetries: what every picture needs, apart for the benchmark."""
    return _base(luma, luma.astype(np.float64))[0]


def _base(luma: np.ndarray, pixels: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    across = pixels @ _ACROSS
    fine = _centred(_COS_64 @ across[:, :, 49:], SIDE, _FLAT_64)
    narrow = _round(across[:, :, :49])
    low = _centred(_COS_32 @ _round(_TO_32 @ narrow[:, :, :32]) @ _COS_32.T, 32, _FLAT_32)
    steps = _round(_TO_16 @ narrow[:, :, 32:])
    return {
        "phash64": _pack64(_above_median(low.reshape(-1, 64))),
        "phash256": _pack(_above_median(fine[:, :16, :16].reshape(-1, 256))),
        "dhash256": _pack((steps[:, :, 1:] > steps[:, :, :-1]).reshape(-1, 256)),
        "pdq256": _pack(_above_median(fine[:, 1:, 1:].reshape(-1, 256))),
        "pdq_quality": _quality(luma),
    }, low


def sign_pages(luma: np.ndarray) -> np.ndarray:
    """Give phash64 alone, uint64 (B,), of pages: uint8 (B, 64, 64)."""
    small = _round(_TO_32 @ _round(luma.astype(np.float64) @ _TO_32.T))
    return _pack64(_above_median(_centred(_COS_32 @ small @ _COS_32.T, 32, _FLAT_32).reshape(-1, 64)))


def _round(values: np.ndarray) -> np.ndarray:
    np.add(values, 0.5, out=values)
    np.floor(values, out=values)
    return np.clip(values, 0, 255, out=values)


def _centred(coefficients: np.ndarray, size: int, flat: np.ndarray) -> np.ndarray:
    """Take what the rounded cosines make of the mean out of (..., N, N): a flat picture has exact zeros."""
    coefficients -= np.rint(coefficients[..., :1, :1] / (size * size * _UNIT)) * flat
    return coefficients


def _above_median(values: np.ndarray) -> np.ndarray:
    """Compare (B, N) with each row's median; N is even, so the median is the mean of the middle two."""
    middle = values.shape[1] // 2
    parted = np.partition(values, (middle - 1, middle), axis=1)
    medians = (parted[:, middle - 1] + parted[:, middle]) / 2
    return values > medians[:, None]


def _pack(bits: np.ndarray) -> np.ndarray:
    return np.packbits(bits, axis=1)


def _pack64(bits: np.ndarray) -> np.ndarray:
    return np.packbits(bits, axis=1).view(">u8").reshape(-1).astype(np.uint64)


def windows(pixels: np.ndarray) -> np.ndarray:
    """Give phash64 of the 9 crop windows, uint64 (B, 9): one product holds the coefficients of all of them.

    The windows' resize isn't rounded to bytes between the two passes as Pillow's is: they are for finding crops, and a
    crop's own phash64 is 0 to 2 bits away.
    """
    count = len(pixels)
    products = (_COS_WINDOWS @ pixels @ _COS_WINDOWS.T).reshape(count, 3, 8, 3, 8).transpose(0, 1, 3, 2, 4)
    blocks = _centred(products.reshape(count, 9, 8, 8), 32, _FLAT_WINDOWS)
    return _pack64(_above_median(blocks.reshape(count * 9, 64))).reshape(count, 9)


def _dihedrals(low: np.ndarray) -> np.ndarray:
    """Hash the 8 symmetries from the coefficients of one: a flip turns odd frequencies' signs, a transpose swaps axes.

    Order: turned counter-clockwise by 0, 90, 180, 270 degrees (as Pillow's ROTATE_90 ...), then the same of the
    picture mirrored left to right.
    """
    across, down = _SIGNS[None, None, :], _SIGNS[None, :, None]
    turned = low.transpose(0, 2, 1)
    views = (low, turned * down, low * (across * down), turned * across)
    mirrored = (low * across, turned, low * down, turned * (across * down))
    stacked = np.stack([*views, *mirrored], axis=1)
    return _pack64(_above_median(stacked.reshape(-1, 64))).reshape(-1, 8)


def _quality(luma: np.ndarray) -> np.ndarray:
    """PDQ's measure of how much there is to hash: the sum of gradients in percent, over 90, at most 100."""
    total = _gradients(luma[:, 1:, :], luma[:, :-1, :]) + _gradients(luma[:, :, 1:], luma[:, :, :-1])
    return np.minimum(total // 90, 100).astype(np.int16)


def _gradients(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    percent = (np.maximum(left, right) - np.minimum(left, right)).astype(np.uint16)
    percent *= 100
    return _over_255(percent).sum(axis=(1, 2), dtype=np.int32)


def _over_255(values: np.ndarray) -> np.ndarray:
    """Divide uint16 below 65535 by 255, rounding down, in shifts: numpy vectorises these."""
    high = values >> 8
    high += values
    high += 1
    high >>= 8
    return high
