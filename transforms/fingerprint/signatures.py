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


_TO_32 = dct.pillow_matrix(SIDE, 32)
_TO_16, _TO_17 = dct.pillow_matrix(SIDE, 16), dct.pillow_matrix(SIDE, 17)
_ACROSS = np.ascontiguousarray(np.vstack([_TO_32, _TO_17]).T)
_COS_32 = dct.integer(dct.cosine_matrix(32, 8))
_COS_64 = dct.integer(dct.cosine_matrix(SIDE, 17))
_WINDOW_STARTS = [SIDE * (1 - WINDOW_SHARE) * step / 2 for step in range(3)]
_COS_WINDOWS = dct.integer(
    np.vstack(
        [
            dct.cosine_matrix(32, 8) @ dct.lanczos_matrix(SIDE, 32, start, start + SIDE * WINDOW_SHARE)
            for start in _WINDOW_STARTS
        ]
    )
)
_ALL_64 = np.vstack([_COS_64, _COS_WINDOWS])
_UNIT = float(1 << (2 * dct.COSINE_BITS))
_SIGNS = np.where(np.arange(8) % 2, -1.0, 1.0)


def sign(luma: np.ndarray) -> Signatures:
    """Hash a batch: `luma` is uint8 of shape (B, 64, 64)."""
    pixels = luma.astype(np.float64)
    small = _shrink(pixels)
    low = _coefficients(small[0], _COS_32)
    low64 = low.reshape(-1, 64)
    means = np.rint(pixels.mean(axis=(1, 2)))
    centred = pixels - means[:, None, None]
    products = _ALL_64 @ centred @ _ALL_64.T
    fine = products[:, :17, :17]
    whole = fine[:, :16, :16].copy()
    whole[:, 0, 0] += means * (SIDE * SIDE * _UNIT)
    across, down = small[1][:, :, 1:], small[1][:, :, :-1]
    return Signatures(
        phash64=_pack64(_above_median(low64)),
        phash256=_pack(_above_median(whole.reshape(-1, 256))),
        dhash256=_pack((across > down).reshape(-1, 256)),
        pdq256=_pack(_above_median(fine[:, 1:, 1:].reshape(-1, 256))),
        pdq_quality=_quality(luma),
        windows64=_windows(products[:, 17:, 17:], means),
        dihedral64=_dihedrals(low),
    )


def sign_pages(luma: np.ndarray) -> np.ndarray:
    """Give phash64 alone, uint64 (B,), of pages: uint8 (B, 64, 64)."""
    small = _round(_TO_32 @ _round(luma.astype(np.float64) @ _TO_32.T))
    return _pack64(_above_median(_coefficients(small, _COS_32).reshape(-1, 64)))


def _shrink(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shrink to 32x32 and to 17x16 exactly as Pillow's LANCZOS does."""
    narrow = _round(pixels @ _ACROSS)
    return _round(_TO_32 @ narrow[:, :, :32]), _round(_TO_16 @ narrow[:, :, 32:])


def _round(values: np.ndarray) -> np.ndarray:
    np.add(values, 0.5, out=values)
    np.floor(values, out=values)
    return np.clip(values, 0, 255, out=values)


def _coefficients(pixels: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """DCT with the mean taken out before and put back after, so that a flat picture has no rounding noise."""
    size = pixels.shape[1]
    means = np.rint(pixels.mean(axis=(1, 2)))
    found = cosines @ (pixels - means[:, None, None]) @ cosines.T
    found[:, 0, 0] += means * (size * size * _UNIT)
    return found


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


def _windows(products: np.ndarray, means: np.ndarray) -> np.ndarray:
    count = len(products)
    blocks = products.reshape(count, 3, 8, 3, 8).transpose(0, 1, 3, 2, 4).reshape(count, 9, 64)
    blocks[:, :, 0] += (means * (32 * 32 * _UNIT))[:, None]
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
    steps = np.maximum(left, right) - np.minimum(left, right)
    return _PERCENT[steps].sum(axis=(1, 2), dtype=np.int32)


_PERCENT = (np.arange(256) * 100 // 255).astype(np.uint8)
