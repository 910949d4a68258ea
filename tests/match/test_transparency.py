"""A picture with transparency is found by copies laid on white and on black, and neither counts as a sure copy."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw, ImageFilter

from mirrorfold.transforms.fingerprint.backgrounds import FAINT
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.match.find import COLUMNS as FIND_COLUMNS
from mirrorfold.transforms.match.find import CROP_COLUMNS, may_show, shown_in
from mirrorfold.transforms.match.in_process import candidate_edges, verified_edges
from mirrorfold.transforms.match.incremental.search import make_broadcast, pass_by
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.plan import make_plan
from mirrorfold.transforms.match.rows import searched_rows
from mirrorfold.transforms.match.signatures import BLACK_KIND, make_light, withheld_search
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier
from mirrorfold.transforms.match.why import explain_pair
from mirrorfold.transforms.merge.withhold import withhold
from tests.fingerprint.worlds import encode, inline, photo

VERIFIER = Verifier(Rule(8, CHECK_LIMIT))
SIZE = (480, 360)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def cut_out(name: str = "astronaut.png", share: float = 0.12) -> Image.Image:
    """Give a photograph cut out along a soft oval, as shops and museums cut out objects."""
    picture, mask = photo(name, SIZE), Image.new("L", SIZE)
    across, down = (round(side * share) for side in SIZE)
    ImageDraw.Draw(mask).ellipse((across, down, SIZE[0] - across, SIZE[1] - down), 255)
    picture.putalpha(mask.filter(ImageFilter.GaussianBlur(4)))
    return picture


def on(ground: tuple[int, int, int], image: Image.Image) -> Image.Image:
    whole = Image.new("RGB", image.size, ground)
    whole.paste(image, mask=image.getchannel("A"))
    return whole


def contents_of(*files: bytes) -> pa.Table:
    return content_rows({hashlib.sha256(data).hexdigest(): Content(len(data), inline(data)) for data in files})


def edges_between(*files: bytes) -> list[dict]:
    contents = contents_of(*files)
    edges, _ = verified_edges(contents, candidate_edges(contents, VERIFIER), VERIFIER)
    return edges.to_pylist()


MASTER = encode(cut_out(), "PNG")
COPIES: dict[str, tuple[Callable[[], bytes], str]] = {
    "on white, PNG": (lambda: encode(on(WHITE, cut_out()), "PNG"), "white"),
    "on white, JPEG": (lambda: encode(on(WHITE, cut_out()), "JPEG", quality=80), "white"),
    "on black, PNG": (lambda: encode(on(BLACK, cut_out()), "PNG"), "black"),
    "on black, JPEG": (lambda: encode(on(BLACK, cut_out()), "JPEG", quality=80), "black"),
    "on black, half the size": (lambda: encode(on(BLACK, cut_out()).resize((240, 180)), "JPEG", quality=85), "black"),
    "on black, WebP": (lambda: encode(on(BLACK, cut_out()), "WEBP", quality=80), "black"),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_on_either_ground_joins_and_people_decide(name: str) -> None:
    make, ground = COPIES[name]
    (edge,) = edges_between(MASTER, make())
    assert (edge["joins"], edge["tier"], edge["kind"]) == (True, "probable", "transparency")
    assert edge["kind_text"] == f"without the other's transparency, laid on {ground}"


def test_both_copies_and_their_master_are_three_contents_of_one_picture() -> None:
    files = (MASTER, COPIES["on white, JPEG"][0](), COPIES["on black, JPEG"][0]())
    joined = [edge for edge in edges_between(*files) if edge["joins"]]
    assert len({edge[side] for edge in joined for side in ("content_a", "content_b")}) == 3


def test_the_copies_alone_are_not_taken_for_each_other() -> None:
    """Without the master nothing says that the grounds meant nothing: so the second hash is what finds the copy."""
    assert not [
        edge for edge in edges_between(*(COPIES[f"on {g}, PNG"][0]() for g in ("white", "black"))) if edge["joins"]
    ]


@pytest.mark.parametrize("ground", [WHITE, BLACK], ids=["white", "black"])
def test_another_picture_cut_out_alike_is_no_copy(ground) -> None:
    for name in ("coffee.png", "chelsea.png", "rocket.jpg"):
        assert not [edge for edge in edges_between(MASTER, encode(on(ground, cut_out(name)), "PNG")) if edge["joins"]]


def test_the_same_transparency_makes_a_sure_copy_and_other_does_not() -> None:
    (same,) = edges_between(MASTER, encode(cut_out().resize((360, 270), Image.Resampling.LANCZOS), "PNG"))
    assert (same["tier"], same["kind"]) == ("near-certain", "resized")
    # On white both look the same: where the one is clear, the other is white.
    half = Image.alpha_composite(Image.new("RGBA", SIZE, (*WHITE, 0)), cut_out())
    filled = on(WHITE, cut_out()).convert("RGBA")
    filled.putalpha(Image.new("L", SIZE, 255))
    filled.paste((255, 255, 255, 0), (0, 0, 40, 40))
    (other,) = edges_between(encode(half, "PNG"), encode(filled, "PNG"))
    assert (other["tier"], other["kind"], other["kind_text"]) == (
        "probable",
        "transparency",
        "with other transparency",
    )


OPAQUE = {
    "no alpha": lambda: encode(photo(size=SIZE), "PNG"),
    "alpha that hides nothing": lambda: encode(photo(size=SIZE).convert("RGBA"), "PNG"),
    "alpha that no level shows": lambda: encode(faintly_clear(), "PNG"),
    "white lettering, which lies on black already": lambda: encode(lettering(), "PNG"),
}


def faintly_clear() -> Image.Image:
    picture = photo(size=SIZE)
    picture.putalpha(256 - FAINT // 2)
    return picture


def lettering() -> Image.Image:
    picture = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    ImageDraw.Draw(picture).text((60, 100), "MIRRORFOLD", (255, 255, 255, 255), font_size=60)
    return picture


@pytest.mark.parametrize("name", OPAQUE)
def test_what_looks_the_same_on_both_costs_nothing(name: str) -> None:
    contents = contents_of(OPAQUE[name]())
    assert contents.column("luma_on_black").null_count == contents.column("phash64_on_black").null_count == 1
    kinds = searched_rows(make_light(contents, True)).ids & np.uint64(63)
    assert BLACK_KIND not in kinds.tolist()


def test_what_shows_nothing_on_black_is_kept_and_not_searched() -> None:
    drawn = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    for at in range(0, 360, 24):
        ImageDraw.Draw(drawn).text((20, at), "black words on nothing at all", (0, 0, 0, 255), font_size=20)
    contents = contents_of(encode(drawn, "PNG"))
    assert contents.column("luma_on_black").null_count == 0
    assert contents.column("phash64_on_black").null_count == 1
    assert BLACK_KIND not in (searched_rows(make_light(contents, True)).ids & np.uint64(63)).tolist()


def test_an_audit_finds_it_by_the_earlier_run_s_probe() -> None:
    contents = contents_of(MASTER, COPIES["on black, JPEG"][0]())
    clear = contents.column("luma_on_black").is_valid().to_numpy()
    early, late = (contents.filter(pa.array(which)) for which in (clear, ~clear))
    plan = make_plan(8, 200, np.unique(contents.column("phash64").to_numpy()))
    met = pass_by(early, make_broadcast([make_light(late, False)], plan), plan, VERIFIER.rule)
    assert (np.stack([met.column(end).to_numpy() & np.uint64(63) for end in "ab"]).max(axis=0) == BLACK_KIND).all()
    assert met.num_rows == 1


def test_where_the_luma_stays_at_home_its_hash_travels() -> None:
    contents = contents_of(MASTER, COPIES["on black, JPEG"][0]())
    hidden = withhold(contents, withheld_search)
    assert hidden.column("luma_on_black").null_count == len(contents)
    assert candidate_edges(hidden, VERIFIER).equals(candidate_edges(contents, VERIFIER))


@pytest.mark.parametrize("columns", [FIND_COLUMNS, CROP_COLUMNS], ids=["stored hashes", "all windows"])
def test_find_and_why_know_it(columns) -> None:
    contents = contents_of(MASTER, COPIES["on black, JPEG"][0]())
    clear = contents.column("luma_on_black").is_valid().to_numpy()
    archive, picture = contents.filter(pa.array(clear)), contents.filter(pa.array(~clear))
    features = VERIFIER.features(picture)
    assert may_show(archive.select(list(columns)), picture, features, 8).tolist() == [True]
    (row,) = shown_in(VERIFIER, picture, archive).to_pylist()
    assert row["kind"] == "transparency"
    reasons = explain_pair(VERIFIER, contents)
    assert [meeting.found for meeting in reasons.meetings if "black" in meeting.signature] == [True]
