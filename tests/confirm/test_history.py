"""Pixels that were a coarser JPEG are known by that coding's lattice, whatever file they are in now."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.confirm_pairs import shown
from demo.archive import encode
from mirrorfold.transforms.confirm.compare import compare
from tests.retain.better_pairs import photograph

AGAIN = {
    "PNG": {"kind": "PNG"},
    "TIFF": {"kind": "TIFF"},
    "JPEG 2000": {"kind": "JPEG2000"},
    "WebP without loss": {"kind": "WEBP", "lossless": True},
    "JPEG of quality 98": {"kind": "JPEG", "quality": 98},
}


def jpeg(number: int, quality: int) -> bytes:
    return encode(photograph(number), "JPEG", quality=quality)


def again(data: bytes, kind: str, **options) -> bytes:
    return encode(Image.open(io.BytesIO(data)).convert("RGB"), kind, **options)


@pytest.mark.parametrize("how", AGAIN)
@pytest.mark.parametrize("quality", [60, 85, 92])
def test_a_jpeg_saved_again_is_told_from_it(how, quality):
    for number in (4,):
        first = jpeg(number, quality)
        found = compare(shown(again(first, **AGAIN[how])), shown(first))
        assert found.recoded == (True, False), number


@pytest.mark.parametrize("kind", ["PNG", "JPEG2000"])
def test_what_was_a_coarser_jpeg_is_told_without_that_jpeg(kind):
    for number in (4,):
        found = compare(shown(jpeg(number, 95)), shown(again(jpeg(number, 20), kind)))
        assert found.recoded == (False, True), number


@pytest.mark.parametrize("number", [0, 2])
def test_words_over_a_picture_hide_no_history(number):
    soft = photograph(number).filter(ImageFilter.GaussianBlur(1))  # little for a lattice to lose, beside the words
    first = encode(soft, "JPEG", quality=95 if number == 2 else 92)
    copy = Image.open(io.BytesIO(first)).convert("RGB")
    ImageDraw.Draw(copy).text((12, copy.height - 40), "Harbour, 1957", (255, 255, 255), font_size=22)
    written = shown(encode(copy, "PNG"))
    assert compare(written, shown(first)).recoded == (True, False)
    assert compare(shown(first), written).recoded == (False, True)


ORIGINALS = {
    "a PNG and the JPEG made of it": lambda n: (encode(photograph(n), "PNG"), jpeg(n, 90)),
    "a PNG of a fine JPEG and a coarse one": lambda n: (again(jpeg(n, 95), "PNG"), jpeg(n, 60)),
    "two JPEGs of one picture": lambda n: (jpeg(n, 95), jpeg(n, 80)),
    "a JPEG and its coarser copy": lambda n: (jpeg(n, 92), again(jpeg(n, 92), "JPEG", quality=70)),
}


@pytest.mark.parametrize("kind", ORIGINALS)
def test_what_comes_first_is_never_called_a_copy(kind):
    for number in (4,):
        one, other = ORIGINALS[kind](number)
        found = compare(shown(one), shown(other)).recoded
        assert found is not None
        assert not found[0], number
        assert not found[1], number
