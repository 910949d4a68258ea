"""The report's charts: bytes by library and tier, by distance accepted, by pairs looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from mirrorfold.transforms.publish.plot import WIDTH, box, drawing, nice_ticks, rule, said, shortened, wide, words

TIERS = ("identical", "same-picture", "near-certain", "probable")
COLOURS = dict(zip(TIERS, (f"var(--tier-{number})" for number in range(1, len(TIERS) + 1)), strict=True))
UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB")
EDGE, FOOT = 12, 48
STEP, BAR = 34, 0.9
"""Of a row of the savings chart: pixels, and the share that the bar takes."""
LONGEST_NAME = 220


def unit_for(largest: float) -> tuple[str, float]:
    """Choose the decimal unit in which the largest value of a chart reads well."""
    power = 0
    while power < len(UNITS) - 1 and largest >= 1000 ** (power + 1):
        power += 1
    return UNITS[power], 1000.0**power


def savings_chart(rows: Sequence[Mapping], label: str) -> Markup:
    """Draw bytes freed by library (bars) and tier (parts). Rows: library, tier, bytes."""
    stacks: dict[str, dict[str, float]] = {}
    for row in rows:
        tiers = stacks.setdefault(row["library"], {})
        tiers[row["tier"]] = tiers.get(row["tier"], 0) + row["bytes"]
    unit, scale = unit_for(max((sum(tiers.values()) for tiers in stacks.values()), default=0))
    order = sorted(stacks, key=lambda library: (-sum(stacks[library].values()), library))
    names = {library: shortened(library, LONGEST_NAME) for library in order}
    left = EDGE + max((wide(name) for name in names.values()), default=0) + 6
    ticks = nice_ticks(max((sum(tiers.values()) for tiers in stacks.values()), default=0) / scale)
    across, bottom = (WIDTH - EDGE - left) / ticks[-1], STEP * len(order) + 6
    parts = []
    for tick in ticks:
        x = left + tick * across
        parts += [rule(x, 4, x, bottom), words(x, bottom + 18, said(tick))]
    for number, library in enumerate(order):
        top, x = 6 + STEP * number, left
        parts.append(words(left - 6, top + STEP / 2 + 4, names[library], "end"))
        for tier in TIERS:
            width = stacks[library].get(tier, 0) / scale * across
            if width:
                parts.append(box(x, top + STEP * (1 - BAR) / 2, width, STEP * BAR, COLOURS[tier]))
            x += width
    return drawing(bottom + FOOT, label, [*parts, words((left + WIDTH - EDGE) / 2, bottom + 38, unit)])


def threshold_chart(rows: Sequence[Mapping], axis: str, label: str) -> Markup:
    """Draw bytes freed when everything up to a distance is accepted. Rows: step, place, tier, bytes (cumulated)."""
    places = dict(sorted({row["place"]: row["step"] for row in rows}.items()))
    stacks: dict[int, dict[str, float]] = {place: {} for place in places}
    for row in rows:
        stacks[row["place"]][row["tier"]] = row["bytes"]
    largest = max((sum(tiers.values()) for tiers in stacks.values()), default=0)
    unit, scale = unit_for(largest)
    frame = _Upright(largest / scale, unit, 220)
    band = frame.room / max(1, len(places))
    parts = frame.grid(axis)
    for number, (place, step) in enumerate(places.items()):
        middle, y = frame.left + band * (number + 0.5), frame.bottom
        parts.append(words(middle, frame.bottom + 18, step))
        for tier in TIERS:
            height = stacks[place].get(tier, 0) / scale * frame.up
            if height:
                parts.append(box(middle - band * 0.36, y - height, band * 0.72, height, COLOURS[tier]))
            y -= height
    return drawing(frame.bottom + FOOT, label, parts)


def effort_chart(rows: Sequence[Mapping], axis: str, label: str) -> Markup:
    """Draw the bytes freed against the pairs looked at. Rows: pairs, bytes, both cumulated."""
    largest = max((row["bytes"] for row in rows), default=0)
    unit, scale = unit_for(largest)
    frame = _Upright(largest / scale, unit, 200)
    ticks = nice_ticks(max((row["pairs"] for row in rows), default=0), least_step=1.0)
    across = frame.room / ticks[-1]
    parts = frame.grid(axis)
    parts += [words(frame.left + tick * across, frame.bottom + 18, said(tick)) for tick in ticks]
    points = [(0.0, 0.0), *((row["pairs"], row["bytes"] / scale) for row in rows)]
    path = " ".join(f"{frame.left + x * across:.1f},{frame.bottom - y * frame.up:.1f}" for x, y in points)
    ends = f"{frame.left + points[-1][0] * across:.1f},{frame.bottom:.1f} {frame.left:.1f},{frame.bottom:.1f}"
    parts += [
        Markup('<polygon points="{} {}" fill="var(--tier-4)"/>').format(path, ends),
        Markup('<polyline points="{}" fill="none" stroke="var(--accent)" stroke-width="2"/>').format(path),
    ]
    return drawing(frame.bottom + FOOT, label, parts)


class _Upright:
    """A chart whose values go up: where it lies, and the grid of its values."""

    def __init__(self, largest: float, unit: str, height: float):
        self.unit, self.ticks = unit, nice_ticks(largest)
        self.left = EDGE + 24 + max(wide(said(tick)) for tick in self.ticks)
        self.room, self.bottom = WIDTH - EDGE - self.left, height + 10
        self.up = height / self.ticks[-1]

    def grid(self, axis: str) -> list[Markup]:
        """Draw the rules with their numbers, the unit beside them, and what goes across below."""
        parts = [words(EDGE + 4, self.bottom / 2, self.unit, turned=True)]
        for tick in self.ticks:
            y = self.bottom - tick * self.up
            parts += [rule(self.left, y, WIDTH - EDGE, y), words(self.left - 6, y + 4, said(tick), "end")]
        return [*parts, words(self.left + self.room / 2, self.bottom + 38, axis)]
