"""What charts are drawn with: an SVG of text, rules and shapes that takes its colours from the page's CSS variables.

Only presentation attributes and no ids, so that it stands in a page under a strict Content-Security-Policy, follows
light and dark, stays text, and can be repeated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from markupsafe import Markup, escape

WIDTH = 840
SIZE = 13
"""Of all text, in pixels of the drawing."""
LETTER = 7.4
"""About the width of a letter; of an East Asian one, twice that."""
TICKS = 6


def nice_ticks(largest: float, most: int = TICKS, least_step: float = 0.0) -> list[float]:
    """Give round numbers from 0 on, the last at or above `largest`, about `most` of them."""
    if largest <= 0:
        return [0.0, 1.0]
    rough = largest / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(least_step, next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999))
    return [step * number for number in range(math.ceil(largest / step - 1e-9) + 1)]


def said(number: float) -> str:
    """Write a tick: no more digits than it has."""
    return f"{number:,.6g}" if number < 1e6 else f"{number:,.0f}"


def shortened(text: str, width: float) -> str:
    """Cut a text that is wider than so many pixels."""
    room, kept = width, ""
    for letter in text:
        room -= LETTER * (2 if ord(letter) > 0x2E7F else 1)
        if room < 0:
            return kept[:-1] + "…"
        kept += letter
    return text


def wide(text: str) -> float:
    """Give about how many pixels a text takes."""
    return sum(LETTER * (2 if ord(letter) > 0x2E7F else 1) for letter in text)


def words(x: float, y: float, text: str, anchor: str = "middle", turned: bool = False) -> Markup:
    """Write a text."""
    turn = Markup(' transform="rotate(-90 {:.1f} {:.1f})"').format(x, y) if turned else Markup("")
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>').format(x, y, anchor, turn, text)


def rule(x1: float, y1: float, x2: float, y2: float) -> Markup:
    """Draw a line of the grid."""
    return Markup('<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}" stroke="var(--line)"/>').format(x1, y1, x2, y2)


def box(x: float, y: float, width: float, height: float, colour: str) -> Markup:
    """Draw a part of a bar."""
    return Markup('<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" fill="{}" stroke="var(--card)"/>').format(
        x, y, width, height, colour
    )


def drawing(height: float, label: str, parts: Iterable[Markup]) -> Markup:
    """Join the parts to an SVG; `label` says to those who don't see it what it shows."""
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {:.0f}" role="img" aria-label="{}" font-size="{}">'
        '<g fill="var(--soft)">{}</g></svg>'
    ).format(WIDTH, height, escape(label), SIZE, Markup("").join(parts))
