"""Steps are done once, again when what they depend on changes, and committed only when safe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import SafetyStop
from mirrorfold.pipelines.record.steps import Ledger, Step, committed_counters
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.stores.output import open_output

FAILURES = TABLES["failures"]


class Runs:
    """Steps that count how often each is done."""

    def __init__(self, folder):
        self.store = open_output(str(folder))
        self.context = RunContext(str(folder), Settings())
        self.done: list[str] = []

    def execute(self, step: Step, run: RunContext) -> None:
        self.done.append(step.name)
        for table in step.writes:
            parquet.write_shard(self.store, TABLES[table], TABLES[table].empty(), 0, 1)

    def perform(self, *steps: Step, base: str = "sources") -> Ledger:
        ledger = Ledger(self.store, base)
        for step in steps:
            ledger.perform(step, self.context, self.execute)
        return ledger


ONE = Step("one", "list", writes=("failures",), depends=lambda run: 1)
TWO = Step("two", "match")


def test_a_finished_step_is_not_done_again(tmp_path) -> None:
    runs = Runs(tmp_path)
    runs.perform(ONE, TWO)
    again = runs.perform(ONE, TWO)
    assert runs.done == ["one", "two"]
    assert again.skipped == ["one", "two"]
    assert again.counts == {"failures": 0}


def test_what_a_step_counted_is_kept_with_its_commit(tmp_path) -> None:
    store, context = open_output(str(tmp_path)), RunContext(str(tmp_path), Settings())
    ledger = Ledger(store, "sources")

    def execute(step: Step, run: RunContext) -> None:
        for counters in ({"hot_rows": 2}, {"hot_rows": 3}, None):
            ledger.note(step, counters)

    ledger.perform(TWO, context, execute)
    again = Ledger(store, "sources")
    again.perform(TWO, context, execute)
    assert again.skipped == ["two"]
    assert again.counters == ledger.counters == {"two": {"hot_rows": 5}}
    assert committed_counters(store, "two") == {"hot_rows": 5}
    assert committed_counters(store, "one") == {}


@pytest.mark.parametrize(
    ("one", "base"),
    [(replace(ONE, depends=lambda run: 2), "sources"), (ONE, "other sources")],
    ids=["setting", "sources"],
)
def test_a_change_redoes_what_depends_on_it(tmp_path, one: Step, base: str) -> None:
    runs = Runs(tmp_path)
    runs.perform(ONE, TWO)
    runs.perform(one, TWO, base=base)
    assert runs.done == ["one", "two", "one", "two"]


def test_a_late_change_leaves_early_steps(tmp_path) -> None:
    runs = Runs(tmp_path)
    runs.perform(ONE, TWO)
    runs.perform(ONE, replace(TWO, depends=lambda run: "new policy"))
    assert runs.done == ["one", "two", "two"]


def test_an_unsafe_step_is_not_committed(tmp_path) -> None:
    def stop(_: RunContext) -> None:
        raise SafetyStop("too many failures")

    runs = Runs(tmp_path)
    with pytest.raises(SafetyStop):
        runs.perform(replace(ONE, check=stop))
    runs.perform(ONE)
    assert runs.done == ["one", "one"]


def test_redoing_removes_old_shards_and_success(tmp_path) -> None:
    runs = Runs(tmp_path)
    parquet.write_shard(runs.store, FAILURES, FAILURES.empty(), 4, 7)
    runs.store.put("_SUCCESS", b"")
    runs.perform(ONE)
    assert parquet.shards(runs.store, "failures/") == ["failures/part-00000-of-00001.parquet"]
    assert not runs.store.exists("_SUCCESS")
