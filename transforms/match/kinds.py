"""Name the kind of variant that a verified pair is, for tables and for people."""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.match.features import Features
from mirrorfold.transforms.match.measure import Measures, lies_on_black
from mirrorfold.transforms.match.probes import SIDE, trimmed

CROPPED_BELOW = 0.97
RESIZED_ABOVE = 0.01
RETOUCHED_ABOVE = 0.12
CAPTION_ABOVE = 0.3
SKEWED_ABOVE = 0.012
"""Radians of turn that are no accident of the alignment."""
FRAME_NEAR = 0.04
"""Half sides by which an overlay may miss the edges of a frame: a pixel of 64 and a little."""
STRETCHED_ABOVE = 0.03
"""Log of the ratio by which the sides are scaled apart: three hundredths are no rounding, and no lens."""

TURNS = {
    1: "rotated-90",
    2: "rotated-180",
    3: "rotated-90",
    4: "mirrored",
    5: "mirrored-rotated-90",
    6: "flipped",
    7: "mirrored-rotated-90",
}
"""Kind by symmetry. A pair has no direction, so a quarter turn is the same kind to either side."""
PARTS = {
    "motion-video": "with-video", "gain-map": "gain-map", "depth": "with-depth", "second-picture": "stereo",
    "auxiliary-picture": "with-matte", "layers": "layered", "transparency": "transparency",
}  # fmt: skip
"""Kind by the part that one of the two has behind its picture and the other hasn't."""
TEXTS = {
    "copy": "the same bytes",
    "metadata": "the same picture with other metadata",
    "recompressed": "compressed again",
    "reformatted": "saved in another format",
    "retouched": "altered in places",
    "recoloured": "in other colours",
    "toned": "lighter or darker",
    "transparency": "with other transparency",
    "skewed": "turned by some degrees",
    "caption": "with a caption, logo or mark",
    "with-video": "the one with a video behind it",
    "gain-map": "the one with a gain map for bright screens",
    "with-depth": "the one with a depth map",
    "stereo": "the one with a second picture",
    "with-matte": "the one with a further picture, such as a matte",
    "layered": "the one with layers",
    "burst": "another frame of the same moment",
    "similar": "looks alike, not confirmed",
    "rotated-90": "rotated 90°",
    "rotated-180": "rotated 180°",
    "mirrored": "mirrored left to right",
    "flipped": "mirrored top to bottom",
    "mirrored-rotated-90": "mirrored and rotated 90°",
}


LOOKS = ("transparency", "greyscale", "recoloured", "toned")
"""Kinds that a change of transparency, colours or brightness makes."""


def in_frame(features: Features, found: Measures) -> np.ndarray:
    """Tell which pairs lie so that one fills just what is left of the other without its plain edges."""
    boxes = features.boxes[found.turned]
    top, left, bottom, right = (boxes / SIDE).T
    nothing = np.zeros(len(boxes))
    fills = np.stack([right - left, nothing, left + right - 1, nothing, bottom - top, top + bottom - 1], axis=1)
    near = np.abs(found.warp - fills).max(axis=1) < FRAME_NEAR
    return near & trimmed(boxes) & (found.symmetry == 0) & (found.crop_area < CROPPED_BELOW)


def kind_of(
    features: Features, found: Measures, k: int, same: bool, burst: bool, aligned: bool, look: str, framed: bool
) -> str:
    """Name the kind of pair k; the strongest change wins. `look` is one of LOOKS, or ''."""
    a, b = found.a[k], found.b[k]
    if same:
        return "metadata"
    if burst:
        return "burst"
    if not aligned:
        return "similar"
    if abs(found.stretch[k]) > STRETCHED_ABOVE:
        return "stretched"
    if found.symmetry[k]:
        return TURNS[int(found.symmetry[k])]
    if found.angle[k] > SKEWED_ABOVE:
        return "skewed"
    if found.crop_area[k] < CROPPED_BELOW:
        return "framed" if framed else "cropped"
    if features.parts[a] != features.parts[b]:
        return PARTS[min(set(features.parts[a]) ^ set(features.parts[b]))]
    if look:
        return look
    if found.residual[k] > CAPTION_ABOVE:
        return "caption"
    if found.residual[k] > RETOUCHED_ABOVE:
        return "retouched"
    if _scale(features, a, b) > 1 + RESIZED_ABOVE:
        return "resized"
    return "reformatted" if features.media[a] != features.media[b] else "recompressed"


def _scale(features: Features, a: int, b: int) -> float:
    ratio = (
        float(features.width[a]) * float(features.height[a]) / (float(features.width[b]) * float(features.height[b]))
    )
    return float(np.sqrt(max(ratio, 1 / ratio)))


def describe(features: Features, found: Measures, k: int, kind: str) -> str:
    """Say the kind in words, of the smaller or changed picture against the other."""
    if kind == "cropped":
        return f"cropped to {round(100 * float(found.crop_area[k]))} %"
    if kind == "resized":
        return f"resized to {100 / _scale(features, found.a[k], found.b[k]):.3g} %"
    if kind == "framed":
        return f"in a frame, {round(100 * float(found.crop_area[k]))} % of it"
    if kind == "stretched":
        return f"stretched by {round(100 * float(np.expm1(abs(found.stretch[k]))))} %"
    if kind == "transparency":
        if (features.on_black[[found.a[k], found.b[k]]] >= 0).all():
            return TEXTS[kind]
        black = bool(lies_on_black(features, found)[k])
        return f"without the other's transparency, laid on {'black' if black else 'white'}"
    if kind == "greyscale":
        return "greyscale of the other"
    return TEXTS[kind]
