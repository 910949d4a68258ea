"""Acceptance by sampling: the promised error rate is kept at the promised confidence."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from mirrorfold.configs.policy import resolve_policy
from mirrorfold.transforms.blocks.chance import finds_at_most
from mirrorfold.transforms.retain.acceptance import (
    Stratum,
    WaitingPair,
    accepted,
    choose_errors,
    draw,
    is_right,
    judge,
    judge_all,
    read,
    sample_size,
    save,
    too_many,
)
from mirrorfold.transforms.retain.policy import compile_policy
from mirrorfold.transforms.retain.records import Confirmed, Link, Ruling
from mirrorfold.transforms.retain.settle import Family, settle
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.test_family import member_from


@pytest.mark.parametrize("total", [1, 7, 40])
@pytest.mark.parametrize("errors", [0, 1, 3])
def test_the_probability_is_the_hypergeometric_one(total: int, errors: int) -> None:
    for wrong in range(total + 1):
        for sample in range(0, total + 1, 3):
            ways = sum(
                math.comb(wrong, k) * math.comb(total - wrong, sample - k) for k in range(min(errors, sample) + 1)
            )
            assert finds_at_most(errors, total, wrong, sample) == pytest.approx(
                ways / math.comb(total, sample), abs=1e-9
            )


@pytest.mark.parametrize(
    ("total", "max_error", "confidence", "errors", "size"),
    [
        # MIL-STD and textbook figures: 5 % at 95 % is 59 of an endless lot, 1 % at 95 % is 299.
        (10_000_000, 0.05, 0.95, 0, 59),
        (10_000_000, 0.01, 0.95, 0, 299),
        (10_000_000, 0.01, 0.95, 1, 473),
        (1_000, 0.01, 0.95, 0, 238),
        (50, 0.01, 0.95, 0, 48),
        (1, 0.01, 0.95, 0, 1),
    ],
)
def test_sample_sizes(total, max_error, confidence, errors, size) -> None:
    assert sample_size(total, max_error, confidence, errors) == size


@pytest.mark.parametrize("total", [3, 20, 130, 999, 5_000])
@pytest.mark.parametrize("max_error", [0.01, 0.05])
def test_a_sample_is_enough_and_one_less_is_not(total: int, max_error: float) -> None:
    for errors in range(min(3, too_many(total, max_error))):
        size = sample_size(total, max_error, 0.95, errors)
        wrong = too_many(total, max_error)
        assert finds_at_most(errors, total, wrong, size) <= 0.05 + 1e-9
        assert size == errors or finds_at_most(errors, total, wrong, size - 1) > 0.05


def test_ten_thousand_archives_keep_the_promise() -> None:
    """Draw strata that just break the promise, and worse; of each, no more than 1 - confidence pass."""
    rng = np.random.default_rng(20)
    archives, passed, tight = 10_000, 0, 0.0
    for _ in range(archives):
        total = int(rng.integers(20, 20_000))
        max_error, confidence = float(rng.choice([0.01, 0.02, 0.05])), 0.95
        expected = float(rng.choice([0.0, max_error / 5]))
        errors = choose_errors(total, max_error, confidence, expected)
        size = sample_size(total, max_error, confidence, errors)
        wrong = min(total, too_many(total, max_error) + int(rng.integers(0, 3)))
        found = rng.hypergeometric(wrong, total - wrong, size)
        stratum = Stratum("s", total, size, errors, too_many(total, max_error))
        answers = [False] * int(found) + [True] * (size - int(found))
        passed += judge(stratum, "p", answers).state == "accepted"
        tight += finds_at_most(errors, total, wrong, size)
    assert passed / archives <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / archives)
    assert abs(passed - tight) < 5 * math.sqrt(tight), "the simulation agrees with the formula"
    assert passed > 100, "and isn't trivially safe"


def test_bearing_errors_lets_good_strata_pass() -> None:
    total, expected = 20_000, 0.002
    errors = choose_errors(total, 0.01, 0.95, expected)
    size = sample_size(total, 0.01, 0.95, errors)
    assert finds_at_most(errors, total, 40, size) >= 0.9
    assert finds_at_most(0, total, 40, sample_size(total, 0.01, 0.95, 0)) < 0.6


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ([None] * 5, "open"),
        ([True] * 3 + [None] * 2, "open"),
        ([True] * 5, "accepted"),
        ([True] * 3 + [False] + [None], "open"),
        ([True] * 3 + [False, True], "accepted"),
        ([False, False] + [None] * 3, "rejected"),
    ],
    ids=["nobody", "two are missing", "all right", "one error borne", "one error, all asked", "two end it early"],
)
def test_a_stratum_is_judged_as_soon_as_nothing_can_change_it(answers, state) -> None:
    assert judge(Stratum("s", 100, 5, 1, 3), "p", answers).state == state


def test_it_is_accepted_early_where_the_rest_cannot_reject_it() -> None:
    assert judge(Stratum("s", 10, 3, 1, 2), "p", [True, True, None]).state == "accepted"


@pytest.mark.parametrize(
    ("outcome", "kept_is_a", "right"),
    [
        ("same", True, True),
        ("keep-a", True, True),
        ("keep-b", True, False),
        ("keep-b", False, True),
        ("split", True, False),
        ("different", True, False),
        ("conflict", True, None),
    ],
)
def test_an_error_is_what_would_be_freed_wrongly(outcome, kept_is_a, right) -> None:
    assert is_right(outcome, kept_is_a) is right


def waiting(count: int, stratum: str = "near-certain/resized/gz for hk", start: int = 0) -> list[WaitingPair]:
    numbers = range(start, start + 2 * count, 2)
    return [WaitingPair(f"{n:064x}", f"{n + 1:064x}", f"{n:064x}", stratum) for n in numbers]


def test_the_draw_depends_on_the_pairs_alone(tmp_path) -> None:
    pairs = waiting(200) + waiting(30, "probable/cropped/gz for hk", 1000)
    plan, table = draw(pairs, 0.05, 0.95, "s")
    again, same = draw(reversed(pairs), 0.05, 0.95, "s")
    assert (plan, table) == (again, same)
    assert draw(pairs, 0.05, 0.95, "t")[1] != table
    assert [(stratum.pairs, stratum.sample) for stratum in plan.strata] == [
        (200, sample_size(200, 0.05, 0.95)),
        (30, sample_size(30, 0.05, 0.95)),
    ]
    output = LocalOutput(str(tmp_path))
    save(output, plan, table)
    assert [found for found, _ in read(output)] == [plan]


def test_a_plan_that_was_changed_is_refused(tmp_path) -> None:
    output = LocalOutput(str(tmp_path))
    plan, table = draw(waiting(20), 0.05, 0.95, "s")
    save(output, plan, table.slice(1))
    with pytest.raises(ValueError, match="changed since they were drawn"):
        read(output)


def test_only_the_pairs_of_an_accepted_stratum_on_which_nobody_ruled_may_go(tmp_path) -> None:
    good, bad = "near-certain/resized/gz for hk", "probable/cropped/gz for hk"
    plan, table = draw(waiting(60, good) + waiting(60, bad, 5000), 0.05, 0.95, "s")
    plans = [(plan, table.to_pylist())]
    looked, wrong = {}, False
    for row in plans[0][1]:
        if row["place"] is not None:
            fails = row["stratum"] == bad and not wrong
            wrong |= fails
            looked[row["content_a"], row["content_b"]] = ("different" if fails else "same", ("ann",))
    states = {judged.stratum.name: judged.state for judged in judge_all(plans, looked)}
    assert states == {good: "accepted", bad: "rejected"}
    pair = next((row["content_a"], row["content_b"]) for row in plans[0][1] if row["stratum"] == good)
    found = accepted(plans, looked, {pair: Ruling("split", ("v",))})
    assert len(found) == 59
    assert pair not in found
    assert {ruling.outcome for ruling in found.values()} == {"accepted"}
    assert accepted(plans, {}, {}) == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((0.0, 0.95), "--max-error"), ((0.01, 1.0), "--confidence"), ((0.01, 95), "--confidence")],
)
def test_shares_that_are_none(arguments, said) -> None:
    with pytest.raises(ValueError, match=said):
        draw(waiting(3), *arguments, "s")


@pytest.mark.parametrize("confirmed", [True, False])
def test_what_a_sample_lets_go_is_compared_at_full_detail_first(confirmed: bool) -> None:
    policy = compile_policy(
        resolve_policy(
            "version: 1\nkeep_roles: []\nconflict_review: []\n"
            "tiers: {near-certain: {action: quarantine, when: accepted}}\n",
            "p",
        )
    )
    master, copy = (
        member_from(random.Random(0), number, 1, policy)._replace(
            content_id=f"c{number}", cluster_id="c0", tier="identical" if not number else "near-certain", hold="no",
            is_latest=True, archived=False, expires_at=None, physical_id=None, replication_status=None,
            identity_evidence="read", readable=True, protected=False, role=None, role_linked=None,
        )
        for number in range(2)
    )  # fmt: skip
    link = Link("c0", "c1", "near-certain", "resized", "x", True, False, 0, 0, 0.99, 0.01, None, None, None)
    asked = []

    def compare(questions):
        asked.extend(question.pair for question in questions)
        return {question.pair: Confirmed(*question.pair, confirmed, "copy") for question in questions}

    def decided(rulings: dict) -> str:
        family = Family([master, copy], [link], rulings)
        (plan,) = settle(
            [family], policy, lambda m: {x.id: "no" for x in m}, lambda m: {x.id: True for x in m}, compare
        )
        return next(f"{d.action} {d.rule}" for d in plan.decisions if d.member.content_id == "c1")

    assert decided({}) == "review near-certain"
    assert asked == []
    found = decided({("c0", "c1"): Ruling("accepted", ("acceptance-1",), False)})
    assert asked == [("c0", "c1")]
    assert (found == "quarantine accepted") is confirmed
    assert found.startswith("quarantine" if confirmed else "review")
