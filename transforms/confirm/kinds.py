"""Name what differs between two pictures that lie over each other."""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.confirm.place import Place

DAMAGED = "damaged"
KINDS = {
    DAMAGED: "one of them is damaged: its decoder says so, or a few bytes of the same coding differ",
    "redacted": "a part is blurred or covered in one of them",
    "caption": "other words or figures, or words in one of them alone",
    "stamp": "another date, number or mark in a corner",
    "retouched": "altered in places",
    "another-frame": "another frame: they differ in many places",
    "toned": "lighter, darker or of another contrast",
    "recoloured": "of other colours",
    "cropped": "one shows more than the other",
    "too-small": "too small to be compared",
    "pages": "several pages: only the first would be compared",
    "preview": "a camera RAW, of which only the preview would be compared",
    "not-compared": "nothing compared them",
    "unreadable": "one of them couldn't be read again",
}
FRAME_SHARE = 0.04
"""Share of the blocks from which a difference is no longer one place."""
LESS_DETAIL = 0.5
INK_SHARE, INK_CONTRAST = 0.06, 60
CORNER = 0.3


def name_kind(p: np.ndarray, q: np.ndarray, place: Place, share: float) -> str:
    """Name the difference at a place; `share` is the share of all blocks that differ.

    Args:
      p, q: float32 (H, W), luma of both.
    """
    height, width = q.shape
    if share > FRAME_SHARE and place.w * place.h > FRAME_SHARE * width * height:
        return "another-frame"
    a, b = (one[place.y : place.y + place.h, place.x : place.x + place.w] for one in (p, q))
    plainer, richer = sorted((a, b), key=_detail)
    if _detail(plainer) < LESS_DETAIL * min(_detail(richer), 2 * _around(p, place)):
        return "redacted"
    if _has_ink(a) or _has_ink(b):
        return "stamp" if _has_ink(plainer) and _in_corner(place, width, height) else "caption"
    return "retouched"


def _detail(part: np.ndarray) -> float:
    """Give the root mean square of the finest detail, in levels."""
    if min(part.shape) < 3:
        return 0.0
    middle = part[1:-1, 1:-1]
    fine = 4 * middle - part[:-2, 1:-1] - part[2:, 1:-1] - part[1:-1, :-2] - part[1:-1, 2:]
    return float(np.sqrt(np.square(fine).mean())) / 4


def _around(plane: np.ndarray, place: Place) -> float:
    """Give the detail of the strips beside a place, as wide as the place is high."""
    margin = max(8, place.h)
    rows = slice(max(0, place.y), place.y + place.h)
    sides = plane[rows, max(0, place.x - margin) : place.x], plane[rows, place.x + place.w : place.x + place.w + margin]
    return max(map(_detail, sides))


def _has_ink(part: np.ndarray) -> bool:
    """Tell strokes on a ground: two levels far apart, with little between them."""
    low, high = np.quantile(part, [0.04, 0.96])
    if high - low < INK_CONTRAST:
        return False
    level = (part - low) / (high - low)
    dark = float(np.mean(level < 0.5))
    return bool(np.mean((level > 0.3) & (level < 0.7)) < 0.25 and min(dark, 1 - dark) > INK_SHARE)


def _in_corner(place: Place, width: int, height: int) -> bool:
    x, y = (place.x + place.w / 2) / width, (place.y + place.h / 2) / height
    return min(x, 1 - x) < CORNER and min(y, 1 - y) < CORNER
