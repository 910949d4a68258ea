"""What comparing at full detail takes is counted from the tables and said before the first pair is read again."""

from __future__ import annotations

import logging

import pytest

from mirrorfold.configs.policy import resolve_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.confirming import carried, cost
from mirrorfold.pipelines.context import RunContext
from mirrorfold.schemas.confirmations import CONFIRMATIONS
from mirrorfold.transforms.confirm.compare import ALGORITHM
from mirrorfold.transforms.retain.records import Confirmed, Ruling
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import write_table
from tests.retain.tables import clusters, content, content_id, contents, fill, obj, objects, twin

SIZE = 2_000_000
NEAR = f"{content_id('m')}", f"{content_id('v')}"
BY_POLICY = "tiers: {near-certain: {action: quarantine, verification: {min_correlation: 0.99, max_residual: 0.1}}}"
SETTINGS = Settings(prices={"regions": {"x": "us-east-1"}})
BYTES = "review: {compare: "


@pytest.fixture
def run(tmp_path):
    """A run that found a near-certain pair, a probable one and a framed one, each of two files of 2 MB."""
    names = {"v": ("near-certain", "resized"), "p": ("probable", "retouched"), "f": ("probable", "framed")}
    output = LocalOutput(str(tmp_path))
    rows = [twin(f"s3://x/{name}", name, "m", tier=tier, kind=kind) for name, (tier, kind) in names.items()]
    found = {
        "objects": objects(*(obj(f"s3://x/{name}", name, size=SIZE) for name in ("m", *names))),
        "contents": contents(*(content(name, width=2000, height=1000) for name in ("m", *names))),
        "clusters": clusters(twin("s3://x/m", "m", "m", is_master=True), *rows),
    }
    for name, table in found.items():
        write_table(output, name, table)

    def counted(policy: str, rulings=None) -> cost.Comparing:
        context = RunContext(str(tmp_path), SETTINGS, resolve_policy(f"version: 1\n{policy}", "p.yaml"))
        return cost.count(context, rulings or {})

    return counted


@pytest.mark.parametrize(
    ("policy", "pairs", "left"),
    [
        pytest.param("", 0, 0, id="a policy that compares nothing"),
        pytest.param(BY_POLICY, 1, 0, id="what goes unasked"),
        pytest.param(BYTES + "true}", 2, 0, id="what waits: a framed one is compared by nobody"),
        pytest.param(BYTES + "8MB}", 2, 0, id="as many bytes as the policy says"),
        pytest.param(BYTES + "7999999}", 0, 2, id="one byte more"),
        pytest.param(BY_POLICY + "\n" + BYTES + "1MB}", 1, 1, id="what goes is compared all the same"),
    ],
)
def test_pairs_are_counted_as_the_policy_asks(run, policy, pairs, left):
    found = run(policy)
    assert (found.pairs, found.bytes, found.near, found.left) == (pairs, 2 * SIZE * pairs, 4 * SIZE, left)
    assert found.cpu_hours == pytest.approx(pairs * (0.05 + 2 * (0.25 + 0.04)) / 3600)


def test_what_people_let_go_is_counted_and_what_was_compared_before_is_not(run, tmp_path):
    pair = tuple(sorted(NEAR))
    assert run("", {pair: Ruling("same", ())}).pairs == 1
    known = Confirmed(*pair, True, "", 60, 40, 0.5, algorithm=ALGORITHM)
    output = LocalOutput(str(tmp_path / carried.FOLDER))
    write_table(output, "confirmations", fill(CONFIRMATIONS, [known._asdict()]))
    assert run("", {pair: Ruling("same", ())}).pairs == 0
    assert run(BYTES + "true}").pairs == 1


def test_requests_and_hours_are_priced(run):
    found = run(BYTES + "true}").cost
    assert found["cost_requests"] == pytest.approx(4 * 0.0004 / 1000, abs=1e-6)
    assert found["cost"] > found["cost_requests"]


def test_it_is_said_with_pairs_gets_bytes_hours_and_money(run, tmp_path, caplog):
    context = RunContext(str(tmp_path), Settings())
    with caplog.at_level(logging.INFO, "mirrorfold"):
        cost.say(context, run(BYTES + "true}"))
        cost.say(context, run(BYTES + "1MB}"))
    told, left = (record.getMessage() for record in caplog.records)
    for part in ("2 pairs at most", "4 GETs", "8.0 MB", "of CPU", "USD 0.00"):
        assert part in told
    assert "2 pairs that wait for people aren't compared" in left
    assert "compare: true" in left
