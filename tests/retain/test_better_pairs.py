"""Of two files of one picture the better is kept, and nothing goes unasked that has something the kept one hasn't."""

from __future__ import annotations

import pytest

from mirrorfold.configs.policy import load_policy

from .better_pairs import PAIRS, made_worse
from .judged import BETTER, WORSE, decide_pairs, judge_pairs

POLICIES = {name: load_policy(name) for name in ("training-set", "default")}
for _policy in POLICIES.values():
    _policy["review"] |= {"min_bytes_freed": 0}


@pytest.fixture(scope="module")
def judged():
    """Read and verify every pair once."""
    return judge_pairs(PAIRS)


@pytest.fixture(scope="module", params=POLICIES)
def decided(request, judged):
    """Decide on every pair, under a policy that is named beside the rows."""
    return decide_pairs(judged, POLICIES[request.param]) | {"policy": request.param}


@pytest.mark.parametrize("name", PAIRS)
def test_the_better_one_stays_and_the_other_goes_only_where_nothing_is_lost(name, decided):
    pair = PAIRS[name]
    better, worse = (decided[f"s3://x/{name}/{key}"] for key in (BETTER, WORSE))
    assert better["action"] != "quarantine", better["reason"]
    unasked = pair.unasked if decided["policy"] == "training-set" else False
    if unasked is not None:
        assert (worse["action"] == "quarantine") == unasked, (worse["rule"], worse["reason"])
    if pair.by and (decided["policy"] == "training-set" or not pair.seen):
        assert better["action"] == "keep", better["reason"]
        if worse["action"] != "keep":
            assert worse["kept_uri"] == better["uri"], worse["reason"]
            assert pair.by in worse["reason"]
    if pair.by and decided["policy"] == "default":
        assert worse["action"] == "review" or pair.seen, worse["reason"]


def test_of_a_hundred_pairs_compared_at_full_detail_the_better_one_is_proposed_in_each():
    known = {name: pair for name, pair in PAIRS.items() if pair.by} | dict(made_worse())
    policy = load_policy("default")
    policy["review"] |= {"min_bytes_freed": 0, "compare": True}
    rows = decide_pairs(judge_pairs(known), policy)
    wrong = {}
    for name in known:
        better, worse = (rows[f"s3://x/{name}/{key}"] for key in (BETTER, WORSE))
        if better["action"] != "keep" or worse["kept_uri"] != better["uri"]:
            wrong[name] = better["reason"]
    assert len(known) >= 100
    assert wrong == {}
