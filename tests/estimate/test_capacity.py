"""The capacity model: constants that say where they come from, and figures that add up."""

from pathlib import Path

import pytest

from mirrorfold.pipelines.estimating.capacity import markdown
from mirrorfold.pipelines.savings import load_constants
from mirrorfold.transforms.estimate.capacity import Model, Workload

MODEL = Model(load_constants())
WORK = Workload(50_000_000, 50_000_000, 10 * 10**12, 40_000_000, crops=False, chance=0.0)


@pytest.mark.parametrize("name", sorted(MODEL.constants["terms"]))
def test_every_constant_says_how_it_is_known(name):
    term = MODEL.constants["terms"][name]
    assert set(term) == {"value", "unit", "how", "by"}
    assert term["how"] in ("measured", "assumed")
    assert len(term["by"]) > 15
    assert float(term["value"]) > 0


def test_more_workers_never_take_longer_and_never_less_than_their_share():
    load = MODEL.load(WORK)
    hours = [MODEL.hours(load, workers) for workers in (1, 2, 16, 256)]
    assert hours == sorted(hours, reverse=True)
    assert hours[0] / 256 < hours[-1]


@pytest.mark.parametrize("field", ["objects", "reads", "bytes_read", "contents"])
def test_twice_the_work_takes_more_and_its_cost_is_nearly_linear(field):
    one = MODEL.load(WORK).cpu_hours
    double = MODEL.load(
        Workload(*(2 * n for n in (WORK.objects, WORK.reads, WORK.bytes_read, WORK.contents)), crops=False, chance=0.0)
    )
    assert 1.9 < double.cpu_hours / one < 2.5


def test_what_chance_makes_grows_as_the_square_and_is_taken_as_measured():
    one, double = (MODEL.load(Workload(n, n, n, n, chance=2.0, verify=1e-3)) for n in (10**6, 2 * 10**6))
    assert one.cpu_seconds["verify"] == pytest.approx(2e-6 * 10**12 / 2 * 1e-3)
    assert double.cpu_seconds["verify"] == pytest.approx(4 * one.cpu_seconds["verify"])
    stated = MODEL.load(Workload(10**6, 10**6, 10**6, 10**6))
    assert stated.cpu_seconds["verify"] == pytest.approx(
        MODEL.term("chance_crops") * 1e-6 * 10**12 / 2 * MODEL.term("verify_cpu")
    )


@pytest.mark.parametrize("contents", [1, 10**4, 3 * 10**5, 10**6, 5 * 10**8, 10**9, 10**11])
@pytest.mark.parametrize("name", ["plain", "crops", "shuffle_plain", "shuffle_crops"])
def test_matching_costs_lie_between_those_stated(name, contents):
    values = MODEL.constants["match"][name].values()
    assert min(map(float, values)) * 0.999999 <= MODEL.by_size(name, contents) <= max(map(float, values)) * 1.000001


def test_what_bounds_a_run_is_named():
    assert MODEL.slowest(MODEL.load(WORK), 16)[0] == "CPU"
    slow = Workload(10**6, 10**6, 10**15, 1, crops=False)
    assert MODEL.slowest(MODEL.load(slow), 16)[0] == "network"


def test_the_page_shows_what_the_model_says():
    page = (Path(__file__).parents[2] / "docs" / "capacity.md").read_text(encoding="utf-8")
    assert markdown() in page, "run: python -m mirrorfold.pipelines.estimating.capacity docs/capacity.md"
