"""The plan as it is shown: whole on a terminal of 80 columns, and its predictions near what a search does."""

import io

import numpy as np
import pytest
from rich.console import Console

from mirrorfold.transforms.match.explain import explain_plan
from mirrorfold.transforms.match.join import Rule, search
from mirrorfold.transforms.match.kernels import KIND_SHIFT
from mirrorfold.transforms.match.plan import compared_like, make_plan
from mirrorfold.transforms.match.rows import Rows


def shown(**changes) -> str:
    sample = np.unique(np.random.default_rng(2).integers(0, 2**64, 20_000, dtype=np.uint64))
    console = Console(file=io.StringIO(), width=80)
    console.print(explain_plan(**{"contents": 123_456, "radius": 8, "crops": True, "sample": sample} | changes))
    return console.file.getvalue()


def test_nothing_is_cut_off_at_80_columns():
    text = shown()
    assert "…" not in text
    for word in ("tables", "candidates", "shuffled", "CPU", "partitions", "123,456", "10^6", "10^7", "10^8", "10^9"):
        assert word in text


def test_what_the_last_run_let_go_is_said():
    assert "crowded 3" in shown(counted={"crowded": 3})
    assert "last run" not in shown(counted={})


@pytest.mark.parametrize(
    ("radius", "crops", "refused", "advice"),
    [
        (8, True, ["10^8", "10^9"], "match.crops: false"),
        (8, False, [], ""),
        (4, True, [], ""),
    ],
    ids=["crops", "wholes", "small-radius"],
)
def test_a_plan_that_costs_more_than_reading_is_refused(radius, crops, refused, advice):
    text = " ".join(shown(radius=radius, crops=crops).split())
    assert [size for size in ("10^6", "10^7", "10^8", "10^9") if f"Not at {size}" in text] == refused
    assert (advice in text) is True


@pytest.mark.parametrize("kinds", [1, 12], ids=["plain", "probes"])
def test_predicted_comparisons_are_near_the_measured(kinds):
    contents = 40_000 // kinds
    random = np.random.default_rng(kinds)
    hashes = random.integers(0, 2**64, contents * kinds, dtype=np.uint64)
    ids = np.repeat(np.arange(contents, dtype=np.uint64), kinds) << KIND_SHIFT
    rows = Rows(hashes, ids | np.tile(np.arange(kinds, dtype=np.uint64), contents), np.zeros((len(ids), 2), np.uint64))
    like = compared_like(contents, kinds)
    plan = make_plan(6, like, np.unique(hashes))
    counts = search(rows, plan, Rule(6, 0))[1]
    predicted = plan.candidates(like) * kinds * contents
    assert predicted / 2 < counts.compared < predicted * 2
