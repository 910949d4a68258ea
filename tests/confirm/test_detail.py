"""Which has less detail than its pixels promise: a blow-up, a blurred copy, never an original beside its copy."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from benchmarks.confirm_pairs import shown
from demo.archive import encode
from mirrorfold.transforms.confirm.compare import compare
from tests.retain.better_pairs import photograph

How = Image.Resampling
NUMBERS = (4, 16)


def scaled(picture: Image.Image, scale: float, how: How = How.BICUBIC) -> Image.Image:
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), how)


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(radius))


def jpeg(picture: Image.Image, quality: int) -> bytes:
    return encode(picture, "JPEG", quality=quality)


def again(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def captioned(picture: Image.Image) -> Image.Image:
    copy, side = picture.copy(), picture.height
    ImageDraw.Draw(copy).text(
        (9, side - side // 9), "Harbour, 1957", fill=(255,) * 3, font=ImageFont.load_default(side // 18)
    )
    return copy


WORSE = {
    **{
        f"twice, {how.name}, JPEG": lambda p, how=how: jpeg(scaled(p, 2, how), 90)
        for how in (How.BILINEAR, How.BICUBIC, How.LANCZOS)
    },
    "twice, NEAREST, PNG": lambda p: encode(scaled(p, 2, How.NEAREST), "PNG"),
    "a third more, JPEG": lambda p: jpeg(scaled(p, 4 / 3, How.LANCZOS), 85),
    "a blow-up of something coarser": lambda p: jpeg(scaled(scaled(p, 1 / 3), 4), 90),
    "a blow-up of one size": lambda p: jpeg(scaled(scaled(p, 1 / 2), 2).resize(p.size), 92),
    "blurred": lambda p: jpeg(blurred(p, 1.0), 95),
    "much blurred": lambda p: jpeg(blurred(p, 1.6), 95),
    "blurred and coarsely coded": lambda p: jpeg(blurred(p, 3), 70),
    "twice, words over it": lambda p: jpeg(captioned(scaled(p, 2)), 92),
    "twice, in black and white dots": lambda p: encode(scaled(p, 2).convert("1"), "PNG"),
}
COPIES = {
    "half, JPEG": lambda p: jpeg(scaled(p, 0.5), 80),
    "half, sharpened": lambda p: jpeg(scaled(p, 0.5).filter(ImageFilter.UnsharpMask(1, 80, 2)), 85),
    "three quarters, by boxes": lambda p: jpeg(scaled(p, 0.75, How.BOX), 70),
    "a quarter, WebP": lambda p: encode(scaled(p, 0.25), "WEBP", quality=60),
    "one size, JPEG of quality 60": lambda p: jpeg(p, 60),
    "one size, sharpened": lambda p: jpeg(p.filter(ImageFilter.UnsharpMask(2, 100, 2)), 90),
    "the same pixels": lambda p: encode(p, "PNG"),
}


@pytest.mark.parametrize("kind", WORSE)
def test_what_promises_more_than_it_has_is_told(kind):
    for number in NUMBERS:
        picture = photograph(number)
        original, worse = shown(jpeg(picture, 92)), shown(WORSE[kind](picture))
        assert compare(worse, original).soft == (True, False), number
        assert compare(original, worse).soft == (False, True), number


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("soft", [0.0, 0.7], ids=["a sharp original", "a soft original"])
def test_an_original_is_never_called_less_than_its_copy(kind, soft):
    for number in NUMBERS:
        picture = blurred(photograph(number), soft) if soft else photograph(number)
        found = compare(shown(jpeg(picture, 92)), shown(COPIES[kind](picture)))
        assert found.soft is not None
        assert not found.soft[0], number


def test_words_over_one_of_two_are_no_detail_of_its():
    picture = photograph(4)
    original, half = shown(jpeg(picture, 92)), shown(jpeg(captioned(scaled(picture, 0.5)), 85))
    assert compare(original, half).soft == (False, False)
    blow_up = scaled(picture, 2)
    assert compare(shown(jpeg(blow_up, 92)), shown(jpeg(captioned(blow_up), 92))).soft == (False, False)


def test_what_is_larger_by_a_little_is_told_from_what_it_was_resized_from():
    first = jpeg(photograph(4), 90)
    larger = encode(scaled(again(first), 1.05, How.BILINEAR), "PNG")
    assert compare(shown(larger), shown(first)).soft == (True, False)
    smaller = encode(scaled(again(first), 0.95, How.BILINEAR), "PNG")
    assert compare(shown(first), shown(smaller)).soft == (False, False)


COARSE = {
    "JPEG of quality 12 saved as TIFF": lambda p: encode(again(jpeg(p, 12)), "TIFF"),
    "JPEG of quality 40": lambda p: jpeg(p, 40),
    "WebP of quality 8": lambda p: encode(p, "WEBP", quality=8),
}


@pytest.mark.parametrize("kind", COARSE)
def test_block_edges_of_a_coarse_copy_never_pass_for_detail_that_a_soft_original_lacks(kind):
    picture = blurred(photograph(4), 1.2)
    found = compare(shown(jpeg(picture, 97)), shown(COARSE[kind](picture)))
    assert found.soft is not None
    assert not found.soft[0]


def test_a_frame_around_it_makes_no_blow_up_of_a_picture():
    for number in NUMBERS:
        picture = photograph(number)
        framed = ImageOps.expand(picture, round(0.08 * max(picture.size)), (255, 255, 255))
        found = compare(shown(jpeg(framed, 92)), shown(jpeg(picture, 92)))
        assert not found.confirmed
        assert found.soft is None, number
