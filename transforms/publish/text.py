"""Text from strangers, made visible: keys and metadata as people should see them, never as markup or direction."""

from __future__ import annotations

import unicodedata

from markupsafe import Markup, escape

NAMES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Categories that draw nothing, break the line or turn its direction around."""


def visible(text: str | None, limit: int = 1_000, tail: bool = False) -> Markup:
    """Escape text for HTML, isolate its direction and spell out every character that can't be seen.

    Text longer than `limit` loses its end, or its beginning where the `tail` says most (paths).
    """
    if text is None:
        return Markup("")
    shown = text if len(text) <= limit else "…" + text[1 - limit :] if tail else text[: limit - 1] + "…"
    return Markup("<bdi>") + Markup("").join(_pieces(shown)) + Markup("</bdi>")


def _pieces(text: str):
    start = 0
    for index, character in enumerate(text):
        if character == " " or unicodedata.category(character) not in _HIDDEN:
            continue
        yield escape(text[start:index])
        yield Markup("<span class=ctl>{}</span>").format(spelled(character))
        start = index + 1
    yield escape(text[start:])


def spelled(character: str) -> str:
    """Spell out one character: its escape, the byte it stands for (schemas/uri.py), or its code."""
    code = ord(character)
    if 0xEF80 <= code <= 0xEFFF:
        return f"\\x{code - 0xEF00:02X}"
    return NAMES.get(character, f"U+{code:04X}")


def human_bytes(count: int | float) -> str:
    """Write a number of bytes in decimal units, three significant digits: 2.00 TB."""
    value = float(count)
    for unit in ("bytes", "KB", "MB", "GB", "TB", "PB"):
        if abs(value) < 999.5 or unit == "PB":
            break
        value /= 1000
    if unit == "bytes" or value >= 99.95 or value == int(value):
        return f"{value:,.0f} {unit}"
    return f"{value:.1f} {unit}" if value >= 9.995 else f"{value:.2f} {unit}"


def human_share(part: float, whole: float) -> str:
    """Write a share in per cent; a share that isn't nothing never shows as 0 %, one that isn't all never as 100 %."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 0.1:
        return "< 0.1 %"
    if 99.9 < share < 100:
        return "> 99.9 %"
    return f"{share:.0f} %" if share in (0, 100) or share >= 99.95 else f"{share:.1f} %"


def human_money(amount: float | None, currency: str) -> str | None:
    """Write money with its currency's code: HKD 1,234; small sums keep their cents."""
    if amount is None:
        return None
    if 0 < amount < 0.01:
        return f"< {currency} 0.01"
    return f"{currency} {amount:,.2f}" if abs(amount) < 100 else f"{currency} {amount:,.0f}"
