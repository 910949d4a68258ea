"""What is done to a picture: each change makes B out of A, as the vocabulary's definition says."""

from __future__ import annotations

import numpy as np

from standard.suite import draw
from standard.suite.chance import Chance
from standard.suite.scenes import WORDS


def greyscale(picture: np.ndarray, chance: Chance) -> np.ndarray:
    return draw.grey(picture)


def toned(picture: np.ndarray, chance: Chance) -> np.ndarray:
    return draw.levels(picture, chance.pick((75, 85, 120, 130)), chance.pick((-24, -16, 16, 24)))


def recoloured(picture: np.ndarray, chance: Chance) -> np.ndarray:
    way = chance.below(3)
    if way == 0:  # another white balance
        return draw.clipped(picture.astype(np.int64) * np.array([122, 100, 78]) // 100)
    if way == 1:  # sepia
        return draw.clipped(draw.grey(picture)[..., None].astype(np.int64) * np.array([108, 92, 68]) // 100 + 8)
    return 255 - picture  # the negative


def restored(picture: np.ndarray, chance: Chance) -> np.ndarray:
    """Paint a thing over with what lies beside it; the dust of `dusty` is gone as well."""
    height, width = picture.shape[:2]
    w, h = width // 7, height // 6
    x, y = chance.between(w, width - 2 * w), chance.below(height - h)
    out = picture.copy()
    out[y : y + h, x : x + w] = picture[y : y + h, x - w : x][:, ::-1]
    return out


def dusty(picture: np.ndarray, chance: Chance) -> np.ndarray:
    """Lay dust and scratches over."""
    out = picture.copy()
    height, width = picture.shape[:2]
    for _ in range(chance.between(8, 20)):
        side = chance.between(2, 5)
        draw.cover(out, (chance.below(width - 6), chance.below(height - 6), side, side), [235] * 3, 230, True)
    for _ in range(chance.between(1, 3)):
        draw.cover(out, (chance.below(width - 2), 0, chance.between(1, 2), height), [225] * 3, 150, False)
    return out


def cropped(picture: np.ndarray, chance: Chance) -> np.ndarray:
    height, width = picture.shape[:2]
    share = chance.between(70, 92)
    w, h = width * share // 100, height * chance.between(share - 4, share + 4) // 100
    x, y = chance.below(width - w + 1), chance.below(height - h + 1)
    return picture[y : y + h, x : x + w]


def framed(picture: np.ndarray, chance: Chance) -> np.ndarray:
    edge = picture.shape[1] * chance.between(3, 8) // 100
    level = chance.pick((8, 250))
    return np.pad(picture, ((edge, edge * chance.pick((1, 1, 3))), (edge, edge), (0, 0)), constant_values=level)


def rotated(picture: np.ndarray, chance: Chance) -> np.ndarray:
    way = chance.below(4)
    if way < 3:
        return np.ascontiguousarray(np.rot90(picture, way + 1))
    turned = draw.turned(picture, 2287, 65496)  # two degrees
    return turned[18:-18, 22:-22]


def mirrored(picture: np.ndarray, chance: Chance) -> np.ndarray:
    return np.ascontiguousarray(picture[:, ::-1] if chance.below(3) else picture[::-1])


def stretched(picture: np.ndarray, chance: Chance) -> np.ndarray:
    height, width = picture.shape[:2]
    return draw.scaled(picture, width * chance.pick((82, 88, 112, 118)) // 100, height)


def captioned(picture: np.ndarray, chance: Chance) -> np.ndarray:
    out = picture.copy()
    height, width = picture.shape[:2]
    bar = height * chance.between(8, 12) // 100
    said = f"{chance.pick(WORDS)} {chance.pick(WORDS)}, {chance.between(1890, 1990)}".title()
    draw.cover(out, (0, height - bar, width, bar), [12] * 3, 256, False)
    draw.write(out, (10, height - bar + max(1, (bar - 22) // 2)), said, 2, 240)
    return out


def stamped(picture: np.ndarray, chance: Chance) -> np.ndarray:
    out = picture.copy()
    height, width = picture.shape[:2]
    draw.cover(out, (width - 150, height - 34, 140, 26), [245] * 3, 230, False)
    draw.write(out, (width - 144, height - 32), f"{chance.between(1890, 1990)}.{chance.between(100, 999)}", 2, 30)
    return out


def watermarked(picture: np.ndarray, chance: Chance) -> np.ndarray:
    out = picture.copy()
    height, width = picture.shape[:2]
    x, y = chance.pick(((width // 4, height // 2), (width // 2, height - 60), (20, 20)))
    draw.write(out, (x, y), chance.pick(("(c) archive", "sample", "no copy")), 4, 255, chance.between(110, 160))
    return out


def redacted(picture: np.ndarray, chance: Chance) -> np.ndarray:
    height, width = picture.shape[:2]
    w, h = width // 5, height // 5
    box = (chance.below(width - w), chance.below(height - h), w, h)
    if chance.below(2):
        return draw.coarsened(picture, box, 16)
    out = picture.copy()
    draw.cover(out, box, [0, 0, 0], 256, False)
    return out


def scanned(picture: np.ndarray, chance: Chance) -> np.ndarray:
    """Put on a scanner: a little turned and moved, paler, with noise."""
    sine = chance.between(-700, 700)
    matrix = (65532, -sine, chance.between(-200000, 200000), sine, 65532, chance.between(-200000, 200000))
    out = draw.levels(draw.warped(picture, matrix, 240), chance.between(82, 94), chance.between(4, 14))
    return draw.clipped(out.astype(np.int64) + chance.noise(out.shape) // 20)


def next_exposure(picture: np.ndarray, chance: Chance) -> np.ndarray:
    """Expose once more: the camera moved a little, and something in the scene as well."""
    x, y = chance.between(3, 8), chance.between(2, 5)
    out = np.roll(np.roll(picture, x, axis=1), y, axis=0)[y:, x:]
    out = draw.scaled(out, picture.shape[1], picture.shape[0])
    height, width = out.shape[:2]
    w, h = width // 6, height // 4
    at = chance.below(width - 2 * w), chance.below(height - h)
    out[at[1] : at[1] + h, at[0] + w // 3 : at[0] + w // 3 + w] = picture[at[1] : at[1] + h, at[0] : at[0] + w]
    return draw.clipped(out.astype(np.int64) + chance.noise(out.shape) // 20)


CHANGES = {
    "greyscale": greyscale, "toned": toned, "recoloured": recoloured, "cropped": cropped, "framed": framed,
    "rotated": rotated, "mirrored": mirrored, "stretched": stretched, "captioned": captioned, "stamped": stamped,
    "watermarked": watermarked, "redacted": redacted,
}  # fmt: skip
"""Changes whose class is made of A and of B alone: neither may go without a person's word."""
