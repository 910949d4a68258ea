"""Tiers and kinds: what each rule lets through and what it must not."""

import itertools
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from mirrorfold.transforms.fingerprint.colour import LOW_QUALITY
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.moments import captured_apart, captured_in_burst
from mirrorfold.transforms.match.probes import WINDOWS, turn
from mirrorfold.transforms.match.rules import CLOSER, FITS, MARKS, Fit, Limits, as_markdown
from mirrorfold.transforms.match.signatures import DIHEDRAL_KINDS
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier

from .match_pictures import make_contents, photographs

VERIFIER = Verifier(Rule(6, CHECK_LIMIT))


def photograph(number: int = 0) -> Image.Image:
    return photographs()[number]


def cut(picture, share):
    width, height = picture.size
    left, top = round(width * share / 2), round(height * share / 2)
    return picture.crop((left, top, width - left, height - top))


def judge(one, other, changes=({}, {})):
    features = VERIFIER.features(make_contents([one, other], changes))
    return VERIFIER.verify(features, np.array([[0, 1]])).to_pylist()[0]


@pytest.mark.parametrize(
    ("change", "warp"),
    [
        (lambda p: p.resize((p.width // 2, p.height // 2)), (1, 0, 0, 0, 1, 0)),
        (lambda p: p.crop((0, 0, p.width * 8 // 10, p.height * 9 // 10)), (1.25, 0, 0.25, 0, 10 / 9, 1 / 9)),
        (lambda p: p.rotate(90, expand=True), (0, 1, 0, -1, 0, 0)),
        (lambda p: p.rotate(270, expand=True), (0, -1, 0, 1, 0, 0)),
        (lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (-1, 0, 0, 0, 1, 0)),
        (lambda p: p.transpose(Image.Transpose.TRANSPOSE), (0, 1, 0, 1, 0, 0)),
    ],
    ids=["resized", "corner", "left", "right", "mirrored", "transposed"],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_pair_says_how_the_first_lies_on_the_second(change, warp, swapped) -> None:
    whole = photograph()
    changed = change(whole)
    found = np.array(judge(*((changed, whole) if swapped else (whole, changed)))["warp"])
    expected = np.array(warp, float)
    if swapped:
        linear = np.linalg.inv(expected.reshape(2, 3)[:, :2])
        expected = np.column_stack([linear, -linear @ expected.reshape(2, 3)[:, 2]]).ravel()
    assert np.abs(found - expected).max() < 0.02


def page(seed: int, size: int = 640) -> Image.Image:
    """Draw a page of a form: the same lines, other words."""
    random = np.random.default_rng(seed)
    picture = Image.new("L", (size, size * 4 // 3), 235)
    draw = ImageDraw.Draw(picture)
    for line in range(12):
        y = 40 + line * 65
        draw.line([(20, y + 50), (size - 20, y + 50)], fill=90, width=3)
        x = 40
        while x < size - 80:
            width = int(random.integers(15, 70))
            draw.rectangle([x, y, x + width, y + 24], fill=int(random.integers(20, 90)))
            x += width + int(random.integers(8, 60))
    return picture


@pytest.mark.parametrize(
    ("change", "kind", "text", "tier"),
    [
        (lambda p: p.resize((p.width // 2, p.height // 2)), "resized", "resized to 50 %", "near-certain"),
        (lambda p: p.convert("L"), "greyscale", "greyscale of the other", "probable"),
        (lambda p: ImageEnhance.Color(p).enhance(1.5), "recoloured", "in other colours", "probable"),
        (lambda p: ImageEnhance.Brightness(p).enhance(0.85), "toned", "lighter or darker", "probable"),
        (lambda p: cut(p, 0.1), "cropped", "cropped to 81 %", "probable"),
        (lambda p: p.rotate(90, expand=True), "rotated-90", "rotated 90°", "probable"),
        (lambda p: p.rotate(270, expand=True), "rotated-90", "rotated 90°", "probable"),
        (lambda p: p.rotate(180), "rotated-180", "rotated 180°", "probable"),
        (lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "mirrored", "mirrored left to right", "probable"),
        (lambda p: p.transpose(Image.Transpose.FLIP_TOP_BOTTOM), "flipped", "mirrored top to bottom", "probable"),
        (
            lambda p: p.transpose(Image.Transpose.TRANSPOSE),
            "mirrored-rotated-90",
            "mirrored and rotated 90°",
            "probable",
        ),
    ],
    ids=[
        "resized",
        "grey",
        "saturated",
        "darker",
        "cropped",
        "left",
        "right",
        "half-turn",
        "mirrored",
        "flipped",
        "transposed",
    ],
)
@pytest.mark.parametrize("number", [0, 2], ids=["astronaut", "chelsea"])
def test_variants_are_named(number, change, kind, text, tier):
    found = judge(photograph(number), change(photograph(number)))
    assert (found["kind"], found["tier"], found["joins"]) == (kind, tier, True)
    assert found["kind_text"] == text or (kind == "resized" and found["kind_text"].startswith("resized to 49."))


@pytest.mark.parametrize("wide", [True, False], ids=["family", "candidates"])
def test_a_crop_of_a_turned_picture_is_found_within_its_family(wide):
    features = VERIFIER.features(make_contents([photograph().rotate(90, expand=True), cut(photograph(), 0.15)]))
    found = VERIFIER.verify(features, np.array([[0, 1]]), wide).to_pylist()[0]
    assert (found["joins"], found["kind"]) == ((True, "rotated-90") if wide else (False, "similar"))


@pytest.mark.parametrize("symmetry", range(1, 8), ids=str)
def test_a_corner_of_a_turned_page_is_found_within_its_family(symmetry):
    whole, page_like = page(7), {"document": True}
    corner = whole.crop((0, 0, round(whole.width * 0.85), round(whole.height * 0.85)))
    turned = Image.fromarray(np.ascontiguousarray(turn(np.asarray(whole)[None], symmetry)[0]))
    features = VERIFIER.features(make_contents([turned, corner], (page_like, page_like)))
    found = VERIFIER.verify(features, np.array([[0, 1]]), wide=True).to_pylist()[0]
    assert (found["joins"], found["crop_area"]) == (True, pytest.approx(0.7225, abs=0.02))


def test_a_crop_that_bears_a_mark_is_laid_over_all_the_same():
    crop = cut(photograph(), 0.1)
    ImageDraw.Draw(crop).text((30, crop.height // 2), "© archive", fill=(255, 255, 255), font_size=crop.width // 9)
    found = judge(photograph(), crop)
    assert (found["tier"], found["joins"], found["kind"]) == ("probable", True, "cropped")


def test_the_same_coded_picture_is_the_same_picture():
    same = {"picture_digest": "d"}
    found = judge(photograph(), photograph(), (same, same))
    assert (found["tier"], found["rule"], found["kind"]) == ("same-picture", "picture-digest", "metadata")


@pytest.mark.parametrize(
    "change", [{"orientation": 6}, {"width": 99}, {"frames": 2}], ids=["orientation", "size", "frames"]
)
def test_the_same_coded_picture_shown_otherwise_is_not(change):
    same = {"picture_digest": "d"}
    assert judge(photograph(), photograph(), (same, same | change))["tier"] != "same-picture"


def test_several_pages_never_equal_one():
    found = judge(photograph(), photograph(), ({}, {"frames": 3, "page_hashes": [1, 2]}))
    assert not found["joins"]


@pytest.mark.parametrize(("pages", "joins"), [([7, 9], True), ([7, 2**60 - 1], False)], ids=["equal", "one differs"])
def test_pages_are_compared_one_by_one(pages, joins):
    first = {"frames": 3, "page_hashes": [7, 8]}
    assert judge(photograph(), photograph(), (first, first | {"page_hashes": pages}))["joins"] is joins


def test_pages_that_were_not_hashed_are_not_taken_on_trust():
    many = {"frames": 300, "page_hashes": [7] * 64}
    assert not judge(photograph(), photograph(), (many, many))["joins"]


def test_conflicting_capture_times_make_a_burst():
    times = ({"capture_time": "2020-01-01T10:00:00.1"}, {"capture_time": "2020-01-01T10:00:00.6"})
    found = judge(photograph(), photograph(), times)
    assert (found["kind"], found["joins"], found["capture_conflict"], found["near_miss"]) == (
        "burst",
        False,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("2020-01-01T10:00:00", "2020-01-01T10:00:00", False),
        ("2020-01-01T10:00:00", "2020-01-01T10:00:00.25", False),
        ("2020-01-01T10:00:00+08:00", "2020-01-01T10:00:00", False),
        ("2020-01-01T10:00:00-05:00", "2020-01-01T10:00:01-05:00", True),
        ("2020-01-01T10:00:00.10", "2020-01-01T10:00:00.15", True),
        (None, "2020-01-01T10:00:00", False),
    ],
    ids=["equal", "fraction", "offset", "second", "hundredths", "unknown"],
)
def test_capture_times(one, other, apart):
    assert captured_apart(one, other) is apart
    assert captured_apart(other, one) is apart


@pytest.mark.parametrize(
    ("one", "other", "burst"),
    [
        ("2020-01-01T10:00:00", "2020-01-01T10:00:01", True),
        ("2020-01-01T10:00:00", "2020-01-01T10:02:00", True),
        ("2020-01-01T10:00:00", "2020-01-01T10:02:01", False),
        ("2020-01-01T10:00:00", "2020-01-01T18:00:00", False),
        ("2020-01-01T10:00:00", "2020-01-01T18:00:05", True),
        ("2020-01-01T10:00:05", "2020-01-01T18:00:00", True),
        ("2020-01-01T10:00:00", "2020-01-02T00:00:03", True),
        ("2020-01-01T10:00:00", "2020-01-02T00:15:03", False),
        ("1957-06-01T00:00:00", "2024-03-05T10:11:12", False),
        ("2023-03-05T10:00:00", "2024-03-05T10:00:30", False),
        ("2020-01-01T10:00:00.1", "2020-01-01T10:00:00.6", True),
        ("2020-01-01T10:00:00", "2020-01-01T10:00:00", False),
        (None, "2020-01-01T10:00:00", False),
    ],
    ids=[
        "a second", "two minutes", "longer", "a zone", "a zone and 5 s", "5 s before a zone", "14 h",
        "beyond all zones", "a scan's date", "a year", "sub-seconds", "the same", "unknown",
    ],
)  # fmt: skip
def test_only_times_close_together_but_for_zones_are_a_burst(one, other, burst):
    assert captured_in_burst(one, other) is burst
    assert captured_in_burst(other, one) is burst


@pytest.mark.parametrize("other", ["2020-01-01T18:00:00", "1957-01-01T00:00:00"], ids=["a zone", "a catalogue's date"])
def test_any_other_difference_of_times_joins_with_a_conflict(other):
    found = judge(photograph(), photograph(), ({"capture_time": "2020-01-01T10:00:00"}, {"capture_time": other}))
    assert (found["joins"], found["capture_conflict"], found["tier"]) == (True, True, "probable")


def test_documents_never_reach_a_sure_tier():
    page_like = {"document": True}
    found = judge(page(1), page(1).resize((320, 427)), (page_like, page_like))
    assert (found["tier"], found["joins"]) == ("probable", True)


@pytest.mark.parametrize("seeds", [(1, 2), (3, 4), (5, 6)], ids=str)
def test_pages_of_one_form_do_not_join(seeds):
    page_like = {"document": True}
    assert not judge(page(seeds[0]), page(seeds[1]), (page_like, page_like))["joins"]


@pytest.mark.parametrize("shift", [(0.05, 0), (0, 0.06), (0.04, 0.04)], ids=str)
def test_pages_of_one_form_that_were_laid_otherwise_on_the_scanner_do_not_join(shift):
    page_like, other = {"document": True}, page(2)
    moved = other.crop((round(shift[0] * other.width), round(shift[1] * other.height), *other.size))
    assert not judge(page(1), moved, (page_like, page_like))["joins"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda p: cut(p, 0.08), "cropped"),
        (lambda p: cut(p, 0.15), "cropped"),
        (lambda p: p.point(lambda level: min(255, int(level * 1.3))), "toned"),
        (lambda p: p.rotate(1, Image.Resampling.BICUBIC, fillcolor=235), "skewed"),
    ],
    ids=["crop-8", "crop-15", "brighter", "skewed"],
)
def test_variants_of_a_page_join(change, kind):
    page_like = {"document": True}
    found = judge(page(7), change(page(7)), (page_like, page_like))
    assert (found["joins"], found["tier"], found["kind"]) == (True, "probable", kind)


@pytest.mark.parametrize("number", [0, 2], ids=["astronaut", "chelsea"])
def test_a_skewed_photograph_joins_and_is_not_sure(number):
    found = judge(photograph(number), photograph(number).rotate(1, Image.Resampling.BICUBIC))
    assert (found["joins"], found["tier"], found["kind"]) == (True, "probable", "skewed")


def faint(picture, share=0.12):
    """Bring a page's ink near to its paper's level."""
    return picture.point(lambda level: int(235 - share * (235 - level)))


@pytest.mark.parametrize(("quality", "joins"), [(40, True), (10, False)], ids=["pale-ribbon", "next-to-nothing"])
def test_a_faint_page_is_searched_where_its_hash_still_holds(quality, joins):
    pale = {"document": True, "low_information": True, "pdq_quality": quality}
    copy = faint(page(7)).resize((320, 427))
    features = VERIFIER.features(make_contents([faint(page(7)), copy], (pale, pale)))
    assert len(VERIFIER.candidates(features, np.array([0]), np.array([1]))) == joins
    assert judge(faint(page(7)), copy, (pale, pale))["joins"] is joins


def test_the_edges_of_faint_sheets_are_no_evidence():
    pale = {"document": True, "low_information": True, "pdq_quality": 40}
    sheets = [Image.new("L", (600, 800), level) for level in (235, 228)]
    for sheet in sheets:
        ImageDraw.Draw(sheet).line((0, 6, 600, 6), fill=60, width=12)
    assert not judge(*sheets, (pale, pale))["joins"]


def test_low_information_joins_by_content_only():
    blank = {"low_information": True, "pdq_quality": 10}
    assert not judge(photograph(), photograph(), (blank, blank))["joins"]


def smooth(number: int) -> Image.Image:
    """Draw a sky: light that turns to dark, and a few small things in it."""
    chance = np.random.default_rng(number)
    across, down = np.meshgrid(np.linspace(0, 1, 480), np.linspace(0, 1, 360))
    light = 120 + 100 * np.sin(chance.uniform(0, 6) + across * chance.uniform(-2, 2) + down * chance.uniform(-2, 2))
    picture = Image.fromarray(light.clip(0, 255).astype(np.uint8)).convert("RGB")
    for _ in range(3):
        left, top = chance.integers(20, 380), chance.integers(20, 260)
        colour = tuple(chance.integers(0, 255, 3).tolist())
        ImageDraw.Draw(picture).ellipse((left, top, left + 60, top + 80), fill=colour)
    return picture


def looked(pictures: list[Image.Image]) -> pa.Table:
    """Give rows that count as low in information where the fingerprint would say so."""
    quality = make_contents(pictures).column("pdq_quality").to_pylist()
    return make_contents(pictures, [{"low_information": q < LOW_QUALITY} for q in quality])


@pytest.mark.parametrize("number", range(12))
def test_a_copy_of_a_smooth_picture_is_searched_and_joins(number: int):
    contents = looked([smooth(number), smooth(number).resize((240, 180), Image.Resampling.LANCZOS)])
    quality = min(contents.column("pdq_quality").to_pylist())
    features = VERIFIER.features(contents)
    found = len(VERIFIER.candidates(features, np.array([0]), np.array([1])))
    joins = VERIFIER.verify(features, np.array([[0, 1]])).to_pylist()[0]["joins"]
    assert (bool(found), joins) == (quality >= 30, quality >= 30)


def test_other_smooth_pictures_do_not_join():
    features = VERIFIER.features(looked([smooth(number) for number in range(40)]))
    pairs = np.array(list(itertools.combinations(range(40), 2)))
    assert not any(row["joins"] for row in VERIFIER.verify(features, pairs).to_pylist())


@pytest.mark.parametrize("other", range(1, 5), ids=str)
def test_distinct_photographs_do_not_join(other):
    assert not judge(photograph(0), photograph(other).resize(photograph(0).size))["joins"]


def test_a_frame_that_moved_is_not_sure():
    whole = photograph(0)
    moved = whole.copy()
    moved.paste(whole.crop((200, 60, 330, 200)), (150, 90))
    found = judge(whole, moved)
    assert found["tier"] == "probable"


def test_the_order_of_a_pair_changes_no_score():
    one, other = photograph(0), cut(photograph(0), 0.1)
    forth, back = judge(one, other), judge(other, one)
    for name in ("tier", "kind", "kind_text", "correlation", "residual", "highpass", "crop_area"):
        assert forth[name] == pytest.approx(back[name])


def variants():
    """Give photographs, copies of them and a page, all in one block."""
    pictures = [photograph(0), cut(photograph(0), 0.1), photograph(0).rotate(90, expand=True)]
    crop = cut(photograph(0), 0.2)
    ImageDraw.Draw(crop).text((30, crop.height // 2), "© archive", fill=(255, 255, 255), font_size=crop.width // 9)
    pictures += [crop, photograph(0).rotate(1, Image.Resampling.BICUBIC)]
    pictures += [photograph(1), photograph(1).resize((200, 200)), photograph(2), page(1), page(2)]
    return make_contents(pictures, [{"document": number > 7} for number in range(len(pictures))])


ALL_PAIRS = np.array(list(itertools.combinations(range(10), 2)))


def test_edges_are_the_verified_pairs_that_came_to_something():
    features = VERIFIER.features(variants())
    every = VERIFIER.verify(features, ALL_PAIRS)
    taken = pc.or_(pc.or_(every.column("joins"), every.column("near_miss")), every.column("undecided"))
    edges = VERIFIER.verify_edges(features, ALL_PAIRS)
    assert edges.drop_columns("pair").equals(every.filter(taken))
    assert (
        ALL_PAIRS[edges.column("pair").to_numpy()] == np.stack([edges.column("a"), edges.column("b")], axis=1)
    ).all()
    joined = edges.filter(edges.column("joins")).select(["a", "b"]).to_pylist()
    assert all({"a": a, "b": b} in joined for a, b in ((0, 1), (0, 2), (5, 6)))
    assert all(row["b"] < 5 or row == {"a": 5, "b": 6} for row in joined)
    assert len(edges) < len(every) / 2


def test_a_pair_comes_to_the_same_whatever_its_block():
    contents = variants()
    whole = VERIFIER.verify_edges(VERIFIER.features(contents), ALL_PAIRS).drop_columns(["a", "b", "pair"])
    order = [5, 3, 8, 7, 1, 0, 6, 9, 4, 2]
    shuffled = VERIFIER.features(contents.take(order))
    place = np.argsort(order)
    alone = [VERIFIER.verify_edges(shuffled, place[ALL_PAIRS[[k]]]) for k in range(len(ALL_PAIRS))]
    assert pa.concat_tables(alone).drop_columns(["a", "b", "pair"]).equals(whole)


@pytest.mark.parametrize("swapped", [False, True], ids=["forth", "back"])
@pytest.mark.parametrize(
    ("change", "kind", "name"),
    [
        (lambda p: cut(p, 0.1), 1 + WINDOWS.index((0.5 * (1 - 0.9), 0.5 * (1 - 0.9), 0.9)), "cropped"),
        (lambda p: p.rotate(90, expand=True), DIHEDRAL_KINDS.start, "rotated-90"),
        (lambda p: p.resize((200, 200)), 0, "resized"),
    ],
    ids=["window", "turn", "whole"],
)
def test_the_ways_that_the_search_found_stand_for_the_probes(change, kind, name, swapped):
    pictures, ways = [change(photograph(0)), photograph(0)], np.zeros((1, 4), np.int64)
    if swapped:
        pictures = pictures[::-1]
    ways[0, 2 * swapped + (kind >= DIHEDRAL_KINDS.start)] = kind
    light = VERIFIER.features(make_contents(pictures), probes=False)
    assert light.hashes.shape[1] == 1
    found = VERIFIER.verify_edges(light, np.array([[0, 1]]), ways=ways).to_pylist()[0]
    assert (found["joins"], found["kind"]) == (True, name)


@pytest.mark.parametrize(
    ("part", "kind"),
    [("motion-video", "with-video"), ("gain-map", "gain-map"), ("depth", "with-depth"), ("second-picture", "stereo")],
)
def test_files_whose_parts_differ_are_never_surely_the_same(part, kind):
    changes = ({"picture_digest": "d" * 64, "parts": [part]}, {"picture_digest": "d" * 64})
    found = judge(photograph(), photograph(), changes)
    assert (found["tier"], found["kind"], found["joins"]) == ("probable", kind, True)


def test_the_docs_show_the_rules_as_the_code_has_them():
    docs = Path(__file__).resolve().parents[2] / "docs/matching.md"
    assert as_markdown() in docs.read_text(encoding="utf-8")


def test_every_limit_of_a_way_is_named_in_a_table():
    fits = {field.name for field in fields(Limits) if isinstance(field.default, Fit)}
    assert {way.name for way in FITS + MARKS + CLOSER} == fits - {"near", "miss", "document_miss"}
