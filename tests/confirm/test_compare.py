"""Full detail: every kind of small change is seen and placed, honest copies are confirmed."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.confirm_pairs import CHANGES, changed, honest, pictures, shown
from demo.archive import encode, photographs
from mirrorfold.transforms.confirm.compare import Shown, compare
from mirrorfold.transforms.confirm.noise import spread_of


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return dict(photographs())["china"].resize((700, 467))


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_of_one_percent_or_twelve_pixels_is_never_confirmed(kind):
    for base, chance in pictures(seed=len(kind), count=4):
        first, second, size = changed(kind, base, chance)
        found = compare(shown(first), shown(second))
        assert not found.confirmed, (kind, size, found)
        assert found.kind in ("retouched", "caption", "redacted", "stamp")


def test_honest_copies_are_confirmed():
    refused = []
    for base, chance in pictures(seed=4, count=40):
        first, second, name = honest(base, chance)
        found = compare(shown(first), shown(second))
        if not found.confirmed:
            refused.append((name, found))
    assert refused == []


def test_which_comes_first_changes_nothing_that_is_decided(picture):
    small = picture.resize((350, 233))
    one, other = shown(encode(picture, "JPEG", quality=90)), shown(encode(small, "JPEG", quality=60))
    assert compare(one, other) == compare(other, one)


@pytest.mark.parametrize(("x", "y", "side"), [(120, 300, 24), (500, 60, 40)])
def test_the_place_of_the_difference_is_given(picture, x, y, side):
    other = picture.copy()
    ImageDraw.Draw(other).rectangle((x, y, x + side - 1, y + side - 1), fill=(128, 128, 128))
    found = compare(shown(encode(picture, "JPEG", quality=92)), shown(encode(other, "JPEG", quality=80)))
    assert not found.confirmed
    assert (found.width, found.height) == picture.size
    place = found.place
    assert x - 10 <= place.x <= x + 10
    assert y - 10 <= place.y <= y + 10
    assert side / 2 <= place.w <= side + 20
    assert side / 2 <= place.h <= side + 20


def test_the_place_is_in_pixels_of_the_smaller_one(picture):
    other = picture.copy()
    ImageDraw.Draw(other).rectangle((400, 200, 459, 259), fill=(10, 10, 10))
    found = compare(shown(encode(picture, "PNG")), shown(encode(other.resize((350, 233)), "JPEG", quality=85)))
    assert (found.width, found.height) == (350, 233)
    assert abs(found.place.x - 200) <= 6
    assert abs(found.place.y - 100) <= 6


def test_a_point_that_moved_on_plain_ground_is_not_laid_over_itself():
    frames = []
    for shift in (0, 9):
        levels = np.linspace((200, 225, 255), (240, 240, 240), 393)[:, None].repeat(405, axis=1)
        plain = Image.fromarray(levels.astype(np.uint8))
        ImageDraw.Draw(plain).ellipse((54 + shift, 200, 75 + shift, 221), fill=(220, 30, 30))
        frames.append(shown(encode(plain, "JPEG", quality=90)))
    assert not compare(*frames).confirmed


def test_another_frame_of_a_still_camera_is_seen_by_what_moved(picture):
    rng = np.random.default_rng(1)
    frames = []
    for shift in (0, 9):
        pixels = np.asarray(picture, float).copy()
        pixels[300:340, 200 + shift : 240 + shift] = np.asarray(picture, float)[100:140, 300:340]
        noisy = np.clip(pixels + rng.normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)
        frames.append(shown(encode(Image.fromarray(noisy), "JPEG", quality=92)))
    assert not compare(*frames).confirmed


def test_a_page_with_one_other_word_is_not_confirmed():
    page = dict(photographs())["page"]
    other = page.copy()
    box = (300, 300, 360, 330)
    other.paste(page.crop((500, 500, 560, 530)), box[:2])
    found = compare(shown(encode(page, "JPEG", quality=90)), shown(encode(other, "JPEG", quality=75)))
    assert not found.confirmed


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda image: image.crop((0, 0, image.width * 3 // 4, image.height)), "cropped"),
        (lambda image: image.resize((20, 13)), "too-small"),
    ],
    ids=["cropped", "too small"],
)
def test_what_cannot_be_compared_is_not_confirmed(picture, change, kind):
    found = compare(Shown(picture), Shown(change(picture)))
    assert (found.confirmed, found.kind) == (False, kind)


def test_other_colours_and_tones_are_not_confirmed(picture):
    grey = picture.convert("L").convert("RGB")
    light = picture.point(lambda value: min(255, int(value * 1.2)))
    for other in (grey, light):
        assert not compare(Shown(picture), Shown(other)).confirmed


def test_a_slightly_cut_copy_is_laid_over_its_original(picture):
    cut = picture.crop((5, 3, picture.width - 4, picture.height - 4))
    found = compare(shown(encode(picture, "JPEG", quality=92)), shown(encode(cut, "JPEG", quality=85)))
    assert found.confirmed, found


def test_quantisation_says_what_a_mean_of_a_block_loses():
    rng = np.random.default_rng(3)
    noise = Image.fromarray(rng.integers(0, 256, (400, 400), dtype=np.uint8).repeat(2, 0).repeat(2, 1))
    for quality in (30, 60, 90):
        data = encode(noise, "JPEG", quality=quality)
        image = Image.open(io.BytesIO(data))
        off = np.asarray(image, float) - np.asarray(noise, float)
        means = off.reshape(200, 4, 200, 4).mean(axis=(1, 3))
        stated = spread_of(tuple(image.quantization[0]))
        assert 0.5 * stated < means.std() < 1.5 * stated, quality


def test_a_pattern_in_either_of_the_two_is_seen_though_sharpness_is_matched_one_way():
    for number, (cut, chance) in enumerate(pictures(1_001, 77)):
        first, second, _ = changed(list(CHANGES)[number % len(CHANGES)], cut, chance)
    one, other = shown(first), shown(second)
    assert not compare(one, other).confirmed
    assert not compare(other, one).confirmed
