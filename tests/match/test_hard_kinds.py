"""Copies that were at zero: squeezed, framed, turned by some degrees, written over; and what must not pass for one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from mirrorfold.transforms.match.in_process import candidate_edges, verified_edges
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.probes import SIDE, WHOLE, trimmed, trimmed_boxes
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier

from .match_pictures import make_contents, photographs

VERIFIER = Verifier(Rule(8, CHECK_LIMIT))
WHITE, BLACK = (255, 255, 255), (8, 8, 8)


def photograph() -> Image.Image:
    picture = photographs()[0].convert("RGB")
    return picture.crop((0, 0, picture.width, picture.width * 2 // 3)).resize((600, 400))


def squeezed(picture, share):
    return picture.resize((round(picture.width * share), picture.height), Image.Resampling.LANCZOS)


def letterboxed(picture):
    return ImageOps.expand(picture, (0, picture.height // 8), BLACK)


def squared(picture):
    canvas = Image.new("RGB", (picture.width, picture.width), WHITE)
    canvas.paste(picture, (0, (picture.width - picture.height) // 2))
    return canvas


def captioned(picture):
    picture = picture.copy()
    top = round(picture.height * 0.95)
    ImageDraw.Draw(picture).rectangle((0, top, *picture.size), fill=(12, 12, 12))
    return picture


def turned(picture, degrees):
    big = picture.rotate(degrees, Image.Resampling.BICUBIC)
    across, down = picture.width // 14, picture.height // 14
    return big.crop((across, down, picture.width - across, picture.height - down))


MADE = {
    "squeezed to 85 %": (lambda p: squeezed(p, 0.85), "stretched", "stretched by 18 %"),
    "widened by 10 %": (lambda p: squeezed(p, 1.1), "stretched", "stretched by 10 %"),
    "white frame": (lambda p: ImageOps.expand(p, 40, WHITE), "framed", "in a frame, 73 % of it"),
    "black frame": (lambda p: ImageOps.expand(p, 40, BLACK), "framed", "in a frame, 73 % of it"),
    "letterboxed": (letterboxed, "framed", "in a frame, 80 % of it"),
    "squared": (squared, "framed", "in a frame, 67 % of it"),
    "bar over the foot": (captioned, "toned", "lighter or darker"),
    "turned by 3 degrees": (lambda p: turned(p, 3), "skewed", "turned by some degrees"),
}


def edges_between(one: Image.Image, other: Image.Image) -> list[dict]:
    contents = make_contents([one, other])
    edges, _ = verified_edges(contents, candidate_edges(contents, VERIFIER), VERIFIER)
    return edges.to_pylist()


@pytest.mark.parametrize("name", MADE)
def test_hard_copies_join_as_probable(name: str) -> None:
    make, kind, text = MADE[name]
    (edge,) = edges_between(photograph(), make(photograph()))
    assert (edge["joins"], edge["tier"], edge["kind"]) == (True, "probable", kind)
    assert abs(_number(edge["kind_text"]) - _number(text)) <= 3


def _number(text: str) -> int:
    return int("".join(character for character in text if character.isdigit()) or 0)


@pytest.mark.parametrize("name", MADE)
def test_another_picture_made_alike_does_not(name: str) -> None:
    make = MADE[name][0]
    for other in photographs()[1:4]:
        other = other.convert("RGB").resize((600, 400))
        assert [edge for edge in edges_between(make(photograph()), make(other)) if edge["joins"]] == []


def test_a_page_squeezed_is_no_copy_yet() -> None:
    contents = make_contents([photograph(), squeezed(photograph(), 0.85)], [{"document": True}] * 2)
    edges, _ = verified_edges(contents, candidate_edges(contents, VERIFIER), VERIFIER)
    assert [edge for edge in edges.to_pylist() if edge["joins"]] == []


@settings(max_examples=60, deadline=None)
@given(
    edges=st.tuples(*[st.integers(0, 20)] * 4),
    level=st.integers(0, 255),
    noise=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_plain_edges_are_found_as_they_were_laid(edges, level: int, noise: int, seed: int) -> None:
    top, left, bottom, right = edges
    random = np.random.default_rng(seed)
    luma = np.clip(level + random.integers(0, 1 + noise, (SIDE, SIDE)), 0, 255).astype(np.uint8)
    inside = random.integers(0, 256, (SIDE - top - bottom, SIDE - left - right), np.uint8)
    inside[0, :2] = inside[-1, :2] = inside[:2, 0] = inside[:2, -1] = (0, 255)
    luma[top : SIDE - bottom, left : SIDE - right] = inside
    (box,) = trimmed_boxes(luma[None])
    assert box.tolist() == [top, left, SIDE - bottom, SIDE - right]
    assert trimmed(box[None])[0] == (tuple(box) != WHOLE)


@pytest.mark.parametrize(
    "luma", [np.zeros((SIDE, SIDE), np.uint8), np.pad(np.eye(8, dtype=np.uint8) * 255, 28)], ids=["blank", "a speck"]
)
def test_what_shows_too_little_is_left_whole(luma) -> None:
    assert tuple(trimmed_boxes(luma[None])[0]) == WHOLE
