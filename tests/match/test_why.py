"""Why two pictures are or aren't one, and what an archive holds of one: the same rules as a run's, said in words."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageOps

from mirrorfold.transforms.match import features as columns
from mirrorfold.transforms.match import find
from mirrorfold.transforms.match.agreement import agreeing, agreement
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.measure import measure
from mirrorfold.transforms.match.rules import Fit
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier
from mirrorfold.transforms.match.why import MEASURES, explain_pair, measured_against

from .match_pictures import make_contents, photographs

VERIFIER = Verifier(Rule(8, CHECK_LIMIT))


def cut(picture: Image.Image, share: float) -> Image.Image:
    width, height = picture.size
    return picture.crop((0, 0, round(width * share), round(height * share)))


def pictures() -> list[Image.Image]:
    whole = photographs()[0]
    return [
        whole,
        whole.resize((whole.width // 2, whole.height // 2)),
        cut(whole, 0.85),
        ImageOps.mirror(whole),
        whole.convert("L").convert("RGB"),
        whole.resize((whole.width * 3 // 4, whole.height)),
        *photographs()[1:4],
    ]


PAIRS = [(0, other) for other in range(1, 9)] + [(2, 3), (6, 7)]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_reasons_are_those_of_the_rules(pair) -> None:
    made = pictures()
    contents = make_contents([made[k] for k in pair])
    reasons = explain_pair(VERIFIER, contents)
    features = VERIFIER.features(contents)
    (judged,) = VERIFIER.verify(features, np.array([[0, 1]]), wide=True).to_pylist()
    assert reasons.result == judged
    assert reasons.found == bool(len(VERIFIER.candidates(features, np.array([0]), np.array([1]))))
    if judged["joins"] and judged["rule"] in ("aligned", "rule-a"):
        assert any(tried.fits for tried in reasons.rules[:-1])


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(VERIFIER.limits) if f.type in (Fit, "Fit")])
def test_tests_say_what_passes_says(name: str) -> None:
    features = VERIFIER.features(make_contents(pictures()))
    pairs = np.array(PAIRS)
    found = measure(features, pairs[:, 0], pairs[:, 1], VERIFIER.rule, wide=True)
    fit = getattr(VERIFIER.limits, name)
    said = [all(one.passed for one in measured_against(fit, found, k)) for k in range(len(pairs))]
    assert said == fit.passes(found).tolist()


def test_every_limit_of_a_rule_is_named() -> None:
    assert {field.name for field in dataclasses.fields(Fit)} == set(MEASURES)


def test_agreement_is_the_one_that_is_compared() -> None:
    random = np.random.default_rng(3)
    one = random.integers(0, 2**64, (200, 4), np.uint64)
    one[:, 2:] &= ~one[:, :2]
    other = one ^ (random.integers(0, 2**64, (200, 4), np.uint64) & random.integers(0, 2**64, (200, 4), np.uint64))
    other[:, 2:] &= ~other[:, :2]
    for limit in (1, 30, 50, 70):
        told = [agreement(a, b) >= limit for a, b in zip(one, other, strict=True)]
        assert told == agreeing(one, other, np.zeros(200, np.int64), limit).tolist()


@pytest.mark.parametrize(
    ("remark", "change"),
    [
        ("blank", {"low_information": True, "pdq_quality": 10}),
        ("pages", {"frames": 3}),
        ("behind", {"parts": ["motion-video"]}),
        ("page of text", {"document": True}),
        ("another frame", {"capture_time": "2024-05-01T10:00:05"}),
    ],
)
def test_what_else_decides_is_said(remark: str, change: dict) -> None:
    whole = photographs()[0]
    contents = make_contents([whole, whole], [{"capture_time": "2024-05-01T10:00:00"}, change])
    assert any(remark in said for said in explain_pair(VERIFIER, contents).remarks)


@pytest.mark.parametrize("query", range(6))
def test_find_lists_what_a_run_would_join(query: int) -> None:
    made = pictures()
    contents = make_contents(made).select(columns.COLUMNS)
    picture = contents.slice(query, 1)
    near = find.may_show(contents, picture, VERIFIER.features(picture), VERIFIER.rule.radius)
    features = VERIFIER.features(contents)
    others = np.array([row for row in range(len(made)) if row != query])
    met = VERIFIER.candidates(features, np.array([query]), others)
    assert set(met.ravel()) <= set(np.flatnonzero(near)) | {query}
    left = contents.take(pa.array([row for row in np.flatnonzero(near) if row != query]))
    shown = find.shown_in(VERIFIER, picture, left)
    told = {left.column("content_id")[row["pair"]].as_py(): row["tier"] for row in shown.to_pylist() if row["joins"]}
    judged = VERIFIER.verify_edges(features, met).to_pylist()
    ids = contents.column("content_id").to_pylist()
    own = {ids[{row["a"], row["b"]}.difference({query}).pop()]: row["tier"] for row in judged if row["joins"]}
    assert told == own
    assert len(own) >= (0 if query == 5 else 3)  # a stretched copy is none yet


def test_stored_windows_alone_find_large_crops() -> None:
    whole = photographs()[0]
    contents = make_contents([whole])
    crop = make_contents([cut(whole, 0.9)], [{"content_id": "f" * 64}])
    for columns_read in (find.COLUMNS, find.CROP_COLUMNS):
        assert find.may_show(contents.select(columns_read), crop, VERIFIER.features(crop), 8).all()
