"""How dense chance is: measured on a sample whose copies are known, and what is said of it."""

import logging

import numpy as np
import pytest
from PIL import Image

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines import match_cost
from mirrorfold.pipelines.context import RunContext
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.match.density import Density, measure_density
from mirrorfold.transforms.match.explain import advice_of
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier
from mirrorfold.transforms.stores.output import open_output

from .match_pictures import make_contents

SETTINGS = [(8, True), (4, True), (8, False), (4, False)]
NO_SIGNATURES = np.empty(0, np.uint64)


def picture(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9), dtype=np.uint8)
    return Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).convert("RGB")


def slid(seed: int, place: int) -> Image.Image:
    """Slide over one smooth picture: neighbours look alike, and none is the other's copy once it is bent as well."""
    found = picture(seed)
    return found.transform(found.size, Image.Transform.AFFINE, (1, 0.05 * place, 0, 0.04 * place, 1, 0))


@pytest.fixture(scope="module")
def measured() -> dict[str, Density]:
    verifier = Verifier(Rule(8, CHECK_LIMIT))
    copies = [changed for seed in range(40) for changed in (picture(seed), picture(seed).resize((160, 120)))]
    bent = [slid(seed, place) for seed in range(40) for place in range(2)]
    return {
        name: measure_density(make_contents(pictures), verifier, SETTINGS)
        for name, pictures in {"copies": copies, "look-alikes": bent}.items()
    }


def test_copies_are_not_chance(measured) -> None:
    assert measured["copies"].verified >= 40
    assert measured["copies"].chance[8, True] <= 4


def test_look_alikes_are_chance_and_cost_what_they_are(measured) -> None:
    found = measured["look-alikes"]
    assert found.chance[8, True] >= 10
    assert found.verify_ms > 0
    assert found.cpu((8, True), 2 * 10**6) == pytest.approx(2 * found.cpu((8, True), 10**6))


def test_narrower_settings_meet_no_more(measured) -> None:
    chance = measured["look-alikes"].chance
    assert chance[4, True] <= chance[8, True]
    assert chance[4, False] <= chance[8, False] <= chance[8, True]


def test_a_dense_archive_is_advised_by_name_and_told_the_price() -> None:
    dense = Density(10_000, {(8, True): 50_000.0, (6, True): 500.0, (4, True): 10.0} | dict.fromkeys(
        [(8, False), (6, False), (4, False)], 1.0), 200, 0.3)  # fmt: skip
    said = advice_of(8, 10**6, True, NO_SIGNATURES, dense)
    assert "Not at 10^6" in said
    assert "match.radius: 6" in said
    assert "gives up one copy in 17" in said


def test_a_run_says_before_it_starts_where_matching_costs_more_than_reading(tmp_path, monkeypatch, caplog) -> None:
    contents = make_contents([slid(seed, place) for seed in range(15) for place in range(2)]).sort_by("content_id")
    parquet.write_shard(open_output(str(tmp_path)), CONTENTS, contents, 0, 1)
    run = RunContext(str(tmp_path), Settings(), counts={"contents": len(contents)})
    with caplog.at_level(logging.WARNING, "mirrorfold.match"):
        match_cost.say_cost(run, NO_SIGNATURES)
        assert not caplog.text  # so few can't be dear
        monkeypatch.setattr(match_cost, "FEWEST_TO_MEASURE", 1)
        monkeypatch.setattr(match_cost, "MOST_CPU", 0.0)
        match_cost.say_cost(run, NO_SIGNATURES)
    assert "more than reading the pictures takes" in caplog.text
