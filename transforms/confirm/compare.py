"""Compare two pictures in small blocks, and say where they differ by more than a copy does.

How far a copy's blocks lie apart is measured on the pair itself, by how rich in detail they are: recompression and
resampling touch the whole picture, a change its own place. What is so measured is capped by what the quantisation of
both files can do, so that two frames which differ everywhere aren't taken for a bad copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from mirrorfold.transforms.confirm import blocks, noise
from mirrorfold.transforms.confirm.detail import Side, softer
from mirrorfold.transforms.confirm.history import recoded
from mirrorfold.transforms.confirm.kinds import name_kind
from mirrorfold.transforms.confirm.place import Place, place_of
from mirrorfold.transforms.confirm.register import cut, lay_over, match_tone

ALGORITHM = "8"
"""Version of the comparison: what another one confirmed is compared again."""
WHOLE_KINDS = ("pages", "preview")
"""Why nothing was compared though both can be read: several pages, or a camera RAW's preview alone."""
APART = ("another-frame", "toned")
"""Kinds of a difference all over, which may mean that one isn't laid over the other."""
SMALLEST = 24
"""Pixels of the shorter side below which there is nothing to compare."""
MOST_ASPECT = 0.06

_EDGES = np.array([0, 1.5, 3, 6, 10, 16, 24, 36, 54, 80, 120, np.inf])
_CENTRES = np.array([0.75, 2.2, 4.5, 8, 13, 20, 30, 45, 67, 100, 150], np.float32)
"""Classes of detail: the mean of the gradient's absolute values, levels per pixel."""
_PLAIN = (5.0, 24.0)
"""Detail up to which a block counts as plain, and from which it has detail."""
_SHARE, _FEWEST = 0.03, 60
"""Share and number of blocks that a class must hold to be measured; the others are drawn on from the class below."""
_SLOPE, _RESIZED = 0.045, 0.045
"""Levels by which spreads grow at most with each level of detail, into classes that are too thin to be measured; and
more where one picture was resized: filters differ at edges, and pages have few."""
_QUARTILE = 0.75
_NORMAL = 1.15
"""The 75th percentile of a normal's absolute values, in standard deviations."""


@dataclass(frozen=True)
class Test:
    """One measure of a block: what it may be at most, in spreads of the pair's own blocks, and at least to count.

    Attributes:
      limit, plain: spreads that a copy's blocks lie apart at most, where there is detail and where there is none.
      floor: levels; no spread is taken to be smaller.
      slack, slope: the cap of a spread: slack + quantisation + slope * detail.
    """

    name: str
    limit: float
    plain: float
    floor: float
    slack: float
    slope: float


MEANS = Test("means", 10.5, 9.5, 0.5, 0.5, 0.07)
CELLS = Test("cells", 13.0, 11.5, 0.7, 1.5, 0.12)
FINE = Test("fine", 11.0, 9.5, 0.7, 2.5, 0.25)
COLOUR = Test("colour", 10.0, 10.0, 0.7, 2.0, 0.08)
WORDS = 40
"""Cells over which letters count as one writing, some of which hardly stand out from the ground."""
RINGING = 6
"""Cells of 2x2 pixels over which an encoder's blocks spread the error of an edge."""
WIDE_CELLS, MOST_SHIFT = 8, 2.4
"""Cells over which tones and colours are averaged, and the levels by which nine tenths of a copy may be off at most."""
GRAIN_CELLS = 8
FRAME_GRAIN, FRAME_CORRELATION = 1.0, 0.25
"""Grain, levels, that both must have for its correlation to tell another frame; and the least correlation of a copy."""


@dataclass(frozen=True)
class Shown:
    """A decoded picture: upright, sRGB, mode RGB or L; the luma's quantisation (`noise.spread_of`); of few colours."""

    image: Image.Image
    steps: tuple[int, ...] | None = None
    few_colours: bool = False
    turned: bool = False
    """The file holds it turned, so that its blocks lie elsewhere."""


@dataclass(frozen=True)
class Comparison:
    """How two pictures compare.

    Attributes:
      confirmed: nothing differs by more than a copy does.
      kind: what differs: '' where confirmed, else one of kinds.KINDS.
      width, height: pixels that were compared: the smaller picture's.
      excess: the largest difference, 1 being the most that a copy may show.
      place: of the largest difference, in pixels of the smaller picture.
      soft: of each of the two, whether it has less detail than its pixels promise; None where nothing tells.
      recoded: of each, whether it is pixels of a coarser JPEG, saved again (`history.recoded`).
    """

    confirmed: bool
    kind: str
    width: int
    height: int
    excess: float
    place: Place = field(default=Place(0, 0, 0, 0))
    soft: tuple[bool, bool] | None = None
    recoded: tuple[bool, bool] | None = None


def compare(one: Shown, other: Shown) -> Comparison:
    """Compare two pictures at the full size of the smaller one. Which comes first changes nothing."""
    turned = _rank(one, other) < _rank(other, one)
    large, small = (other, one) if turned else (one, other)
    width, height = small.image.size
    aspect = width * large.image.height / (height * large.image.width)
    if min(width, height) < SMALLEST or abs(aspect - 1) > MOST_ASPECT:
        kind = "too-small" if min(width, height) < SMALLEST else "cropped"
        return Comparison(False, kind, width, height, float("inf"), Place(0, 0, width, height))
    a, b = _coded(large.image), _coded(small.image)
    box = lay_over(a.getchannel(0), b.getchannel(0))
    fitted = cut(a, box, b.size)
    ratio = float(np.sqrt(_pixels(large) / _pixels(small)))
    spreads = noise.spread_of(large.steps, ratio), noise.spread_of(small.steps)
    most = float(
        np.hypot(max(spreads[0], noise.RESAVED), max(spreads[1], noise.RESAVED))
    )  # either may be a copy of a coarser file
    resized = large.image.size != small.image.size
    loss = Loss(float(np.hypot(spreads[0], spreads[1])), most, _SLOPE + _RESIZED * resized)
    found, written = _judge(fitted, b, loss)
    # Of two that don't lie on each other nothing more is told: a frame made a blow-up of what it frames.
    laid = not resized or found.kind not in APART
    if found.confirmed:  # tone and sharpness are matched one way: a pattern in one of them may be matched away
        found, written = max((found, written), _judge(b, fitted, loss), key=lambda judged: judged[0].excess)
    first, second = (Side(coded.getchannel(0), of.steps, of.few_colours) for coded, of in ((a, large), (b, small)))
    soft = softer(first, second, box, written) if laid else None
    again = recoded(first._replace(steps=_lying(large)), second._replace(steps=_lying(small)), written)
    return replace(found, soft=soft[::-1] if soft and turned else soft, recoded=again[::-1] if turned else again)


def _lying(shown: Shown) -> tuple[int, ...] | None:
    """Give the steps of a file whose blocks lie as its picture does."""
    return None if shown.turned else shown.steps


def _rank(shown: Shown, beside: Shown) -> tuple[int, bytes]:
    """Rank by size; pictures of one size by what they show, so that which comes first changes nothing."""
    return _pixels(shown), shown.image.tobytes() if shown.image.size == beside.image.size else b""


def _pixels(shown: Shown) -> int:
    return shown.image.width * shown.image.height


def _coded(image: Image.Image) -> Image.Image:
    return image.convert("YCbCr")


@dataclass(frozen=True)
class Loss:
    """What recompression and resampling cost: the spread of 4x4 means by the tables, the most that it may be in
    either's history, and its growth with detail.
    """

    spread: float
    most: float
    slope: float

    def times(self, factor: float) -> Loss:
        """Give the loss of finer measures, which is larger."""
        return Loss(self.spread * factor, self.most * factor, self.slope * min(factor, 1.5))


def _judge(a: Image.Image, b: Image.Image, loss: Loss) -> tuple[Comparison, Place | None]:
    """Judge two pictures of one size; give also the place where one of them may be written over."""
    width, height = b.size
    p, q = (np.asarray(one.getchannel(0), np.float32) for one in (a, b))
    p = match_tone(p, q)
    cells = blocks.sums_of(p, q)
    found = {test.name: over for test, over in _tests(cells, a, b, loss)}
    if _other_frame(cells, loss.most):
        return Comparison(False, "another-frame", width, height, 9.0, Place(0, 0, width, height)), None
    look = _other_look(cells, a, b)
    if look:
        return Comparison(False, look, width, height, 9.0, Place(0, 0, width, height)), None
    worst = max(found, key=lambda name: float(found[name].max(initial=0)))
    excess = float(found[worst].max(initial=0))
    if excess <= 1:
        place = place_of(found[worst], excess, (width, height))
        return Comparison(True, "", width, height, excess, place), None
    place = place_of(found[worst], 1.0, (width, height))
    written = place_of(found[worst], 1.0, (width, height), WORDS)
    share = float(np.mean(found["means"] > 1))
    return Comparison(False, name_kind(p, q, place, share), width, height, excess, place), written


def _tests(cells: np.ndarray, a: Image.Image, b: Image.Image, loss: Loss) -> Iterator[tuple[Test, np.ndarray]]:
    """Give each test with its blocks' differences, 1 being the most that a copy may show."""
    # Between the two: a pattern laid over one of them mustn't pass for detail of both.
    detail = np.sqrt(cells[2] * cells[3])
    means = np.abs(blocks.windows(cells[0], 2))
    yield MEANS, _excess(means, _detail(np.maximum(cells[2], cells[3]), 2), MEANS, loss)
    yield CELLS, _excess(np.abs(cells[0]) * np.float32(0.25), _detail(detail, 1), CELLS, loss.times(1.5))
    fine = np.sqrt(blocks.windows(cells[1], 3))
    yield FINE, _excess(fine, _detail(detail, 3), FINE, loss.times(2))
    off = [of_b - of_a for of_a, of_b in zip(_halved(a), _halved(b), strict=True)]
    off = [np.abs(blocks.windows(4 * (one - np.clip(np.median(one), -3, 3)), 3)) for one in off]
    texture = _detail(np.maximum(cells[2], cells[3]), 3)
    yield COLOUR, _excess(np.maximum(off[0], off[1]), texture, COLOUR, loss.times(1.5))


def _detail(cells: np.ndarray, side: int) -> np.ndarray:
    """Give the detail of windows of side x side cells: their own, or that of their surroundings, which rings into them.

    An encoder spreads the error of an edge over its own block of 8x8 pixels.
    """
    own = blocks.windows(cells, side) if side > 1 else blocks.windows(np.pad(cells, 1, mode="edge"), 3)
    before = (RINGING - side) // 2
    padded = np.pad(cells, ((before, RINGING - side - before),) * 2, mode="edge")
    return np.maximum(own, blocks.windows(padded, RINGING))


def _halved(coded: Image.Image) -> list[np.ndarray]:
    """Give the means of Cb and Cr over cells of 2x2 pixels."""
    whole = coded.crop((0, 0, coded.width // 2 * 2, coded.height // 2 * 2))
    return [np.asarray(whole.getchannel(n).reduce(2), np.float32) for n in (1, 2)]


def _excess(values: np.ndarray, detail: np.ndarray, test: Test, loss: Loss) -> np.ndarray:
    spreads = np.minimum(_spreads(values, detail, test.floor, loss), test.slack + loss.most + test.slope * _CENTRES)
    limits = np.interp(_CENTRES, _PLAIN, (test.plain, test.limit))
    allowed = np.interp(detail.ravel(), _CENTRES, spreads * limits).astype(np.float32)
    return values / allowed.reshape(values.shape)


def _spreads(values: np.ndarray, detail: np.ndarray, floor: float, loss: Loss) -> np.ndarray:
    """Measure how far blocks of each class of detail lie apart, robustly; thin classes are drawn on from the others."""
    which = np.digitize(detail.ravel(), _EDGES) - 1
    flat = values.ravel()
    enough = max(_FEWEST, _SHARE * flat.size)
    found, last = np.full(len(_CENTRES), np.nan), -1
    for place, centre in enumerate(_CENTRES):
        mine = flat[which == place]
        if len(mine) >= enough:
            found[place], last = max(floor, float(np.quantile(mine, _QUARTILE)) / _NORMAL), place
        elif last >= 0:
            at, known = _CENTRES[last], found[last]
            found[place] = min(known * centre / at, known + loss.slope * (centre - at))
            if centre > _PLAIN[1]:
                found[place] = max(found[place], loss.spread)
    first = int(np.flatnonzero(~np.isnan(found))[0]) if last >= 0 else 0
    found[:first] = found[first]
    return np.nan_to_num(found, nan=floor)


def _other_look(cells: np.ndarray, a: Image.Image, b: Image.Image) -> str:
    """Name a change of all tones or colours, which blocks can't show against each other; '' for none."""
    colours = [of_b - of_a for of_a, of_b in zip(_halved(a), _halved(b), strict=True)]
    shifts = [np.abs(blocks.windows(part, WIDE_CELLS)) for part in (cells[0], *(4 * one for one in colours))]
    luma, blue, red = (float(np.quantile(shift, 0.9)) if shift.size else 0.0 for shift in shifts)
    if max(luma, blue, red) <= MOST_SHIFT:
        return ""
    return "toned" if luma >= max(blue, red) else "recoloured"


def _other_frame(cells: np.ndarray, spread: float) -> bool:
    """Tell two frames by their grain, where there is little else: a copy's grain is the original's, or it has none."""
    texture = blocks.windows(np.maximum(cells[2], cells[3]), GRAIN_CELLS)
    plain = texture <= np.median(texture)
    both, weaker = cells[6], np.minimum(*(np.median(blocks.windows(cells[k], GRAIN_CELLS)[plain]) for k in (4, 5)))
    shared = np.median(blocks.windows(both, GRAIN_CELLS)[plain])
    return bool(weaker > (FRAME_GRAIN + spread) ** 2 and shared < FRAME_CORRELATION * weaker)
