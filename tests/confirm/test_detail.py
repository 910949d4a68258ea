"""Which has less detail than its pixels promise: a blow-up, a blurred copy, never an original beside its copy."""

from __future__ import annotations

import pytest
from PIL import Image, ImageFilter

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
