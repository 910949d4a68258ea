"""Pages drawn from a few templates: till receipts, register forms, letters and slips, no two with the same text.

Templates repeat as an archive's do: receipts of one shop differ in their lines and sums, forms of one register in what
was written into the fields. Paper has grain and uneven light, so that equal pixels can't give a page away.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SYLLABLES = [consonant + vowel for consonant in "bdklmnrst" for vowel in "aeio"]
INK = (45, 42, 52)


def _word(chance: random.Random) -> str:
    return "".join(chance.choice(SYLLABLES) for _ in range(chance.randint(1, 4)))


def _line(chance: random.Random, words: int) -> str:
    return " ".join(_word(chance) for _ in range(words))


def _paper(size: tuple[int, int], tone: tuple[int, int, int], chance: random.Random) -> Image.Image:
    """Give a sheet with grain, and light that falls from one side."""
    noise = np.random.default_rng(chance.randrange(1 << 32))
    width, height = size
    across, down = np.linspace(-1, 1, width), np.linspace(-1, 1, height)[:, None]
    light = chance.uniform(-6, 6) * across + chance.uniform(-6, 6) * down
    grain = noise.normal(0, 2.5, (height, width)) + light
    return Image.fromarray(np.clip(np.array(tone) + grain[:, :, None], 0, 255).astype(np.uint8))


def receipt(template: int, chance: random.Random) -> Image.Image:
    """Draw a till receipt: the shop's head and foot are the template's, the lines between are its own."""
    shop = random.Random(template)
    sheet = _paper((420, 900), (shop.randint(225, 250),) * 3, chance)
    draw, font, large = ImageDraw.Draw(sheet), ImageFont.load_default(18), ImageFont.load_default(34)
    draw.text((60, 25), _line(shop, 2).upper(), fill=INK, font=large)
    for row in range(3):
        draw.text((70, 75 + 24 * row), _line(shop, 3), fill=INK, font=font)
    draw.line((20, 160, 400, 160), fill=INK, width=2)
    total = 0.0
    for row in range(shop.randint(10, 16)):
        price = chance.randint(50, 4_000) / 100
        total += price
        draw.text((25, 175 + 30 * row), _line(chance, 2), fill=INK, font=font)
        draw.text((325, 175 + 30 * row), f"{price:7.2f}", fill=INK, font=font)
    draw.line((20, 690, 400, 690), fill=INK, width=2)
    draw.text((25, 700), "TOTAL", fill=INK, font=large)
    draw.text((280, 700), f"{total:7.2f}", fill=INK, font=large)
    for row in range(3):
        draw.text((60, 770 + 26 * row), _line(shop, 4), fill=INK, font=font)
    return sheet


def form(template: int, chance: random.Random) -> Image.Image:
    """Draw a register's page: ruled rows and columns and printed heads, some of the cells filled in."""
    kind = random.Random(1_000 + template)
    sheet = _paper((900, 1200), (kind.randint(205, 235), kind.randint(200, 228), kind.randint(180, 215)), chance)
    draw, font, large = ImageDraw.Draw(sheet), ImageFont.load_default(17), ImageFont.load_default(30)
    draw.text((250, 30), _line(kind, 3).title(), fill=INK, font=large)
    columns = sorted(kind.sample(range(130, 850, 60), 4))
    height = kind.choice((36, 44, 56))
    for edge in (50, *columns, 860):
        draw.line((edge, 100, edge, 1150), fill=(120, 115, 120), width=2)
    for left in (50, *columns):
        draw.text((left + 6, 108), _word(kind), fill=INK, font=font)
    for top in range(140, 1150, height):
        draw.line((50, top, 860, top), fill=(160, 155, 155), width=1)
        for left, right in zip((50, *columns), (*columns, 860), strict=True):
            if chance.random() < 0.75:
                words = max(1, (right - left) // 90)
                draw.text(
                    (left + 8, top + 8), _line(chance, words)[: (right - left) // 9], fill=(60, 60, 130), font=font
                )
    return sheet


def letter(template: int, chance: random.Random) -> Image.Image:
    """Draw a letter: the head is the template's, the paragraphs are its own."""
    sender = random.Random(2_000 + template)
    sheet = _paper((850, 1200), (sender.randint(228, 250),) * 3, chance)
    draw, font, large = ImageDraw.Draw(sheet), ImageFont.load_default(20), ImageFont.load_default(40)
    draw.text((90, 50), _line(sender, 2).title(), fill=INK, font=large)
    draw.text((560, 120), _line(sender, 3), fill=INK, font=font)
    top = 240
    while top < 1040:
        for row in range(chance.randint(2, 7)):
            if top + 28 * row < 1060:
                draw.text((90, top + 28 * row), _line(chance, 12)[:72], fill=INK, font=font)
        top += 28 * (row + 1) + 24
    return sheet


def slip(template: int, chance: random.Random) -> Image.Image:
    """Draw a printed slip: dense print that is the template's, and five short fields that were filled in."""
    kind = random.Random(3_000 + template)
    sheet = _paper((700, 1000), (kind.randint(222, 248),) * 3, chance)
    draw, font, large = ImageDraw.Draw(sheet), ImageFont.load_default(19), ImageFont.load_default(34)
    draw.text((60, 40), _line(kind, 3).upper(), fill=INK, font=large)
    fields = kind.sample(range(110, 940, 30), 5)
    for top in range(110, 940, 30):
        draw.text((60, top), _line(kind, kind.randint(4, 9))[:34], fill=INK, font=font)
        draw.line((410, top + 24, 640, top + 24), fill=INK, width=1)
        if top in fields:
            draw.text((420, top), _line(chance, 2), fill=(50, 50, 140), font=font)
    return sheet


PAGES: dict[str, Callable[[int, random.Random], Image.Image]] = {
    "receipt": receipt,
    "form": form,
    "letter": letter,
    "slip": slip,
}
"""Kinds of page: a template's number and a source of chance to a picture."""


def rendered(kind: str, count: int, templates: int) -> list[Image.Image]:
    """Draw that many pages of a kind, the templates in turn; the same ones each time."""
    return [PAGES[kind](number % templates, random.Random(f"{kind} {number}")) for number in range(count)]
