"""Names are people: one person is one voice, one person fills one role, and no clock but ours orders their words."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow as pa
import pytest

from mirrorfold.configs.policy import resolve_policy
from mirrorfold.pipelines.errors import SafetyStop
from mirrorfold.pipelines.finished.approve import approve
from mirrorfold.pipelines.finished.export import export
from mirrorfold.pipelines.finished.review_import import review_import
from mirrorfold.schemas.reconciliation import RECONCILIATION
from mirrorfold.transforms.blocks.parquet import replace_table
from mirrorfold.transforms.retain import people, verdicts
from mirrorfold.transforms.retain.acted import Acted
from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import write_run
from tests.retain.tables import clusters, content, content_id, contents, failures, obj, objects, pairs, twin

A, B = sorted((content_id("a"), content_id("b")))
NAMES = ("Ann Lee", "ann lee", "ANN  LEE ", "\uff21nn\u3000Lee", "A\u200bnn Lee", "ann\u00a0lee", "Ann\tLee",
         "AnnLee", "Ann\u200bLee", "Ann Lee\ufe0f", "Ann\u034f Lee", "Ann\u3164Lee", "Ann\u2800Lee")  # fmt: skip


def said(reviewer: str, verdict: str = "same", at: str = "2026-01-01") -> dict:
    row = {"content_a": A, "content_b": B, "verdict": verdict, "reviewer": reviewer, "at": at}
    return verdicts.checked_verdict(row, "x:1")


@pytest.mark.parametrize("name", NAMES)
def test_one_person_in_two_spellings_is_one_voice(name):
    words = [said("Ann Lee"), said(name, at="2026-01-02")]
    assert verdicts.rule_on(words, 2)[A, B].outcome == "defer"
    assert verdicts.rule_on([said("Ann Lee"), said("Bo Chan")], 2)[A, B].outcome == "same"


def test_the_last_word_that_came_in_counts_whatever_its_date(tmp_path):
    output = LocalOutput(str(tmp_path))
    verdicts.store_verdicts(output, [said("ann", "same", "2036-01-01")])
    verdicts.store_verdicts(output, [said("ann", "different", "2026-01-01")])
    assert verdicts.rule_on(verdicts.read_verdicts(output))[A, B].outcome == "different"


def test_a_clock_that_is_put_back_changes_no_order(tmp_path):
    output = LocalOutput(str(tmp_path))
    for year, verdict in ((2036, "same"), (2026, "different")):
        verdicts.store_verdicts(output, [said("ann", verdict)], dt.datetime(year, 1, 1, tzinfo=dt.UTC))
    assert verdicts.rule_on(verdicts.read_verdicts(output))[A, B].outcome == "different"


def test_the_next_run_takes_the_order_over(tmp_path):
    first, second = LocalOutput(str(tmp_path / "1")), LocalOutput(str(tmp_path / "2"))
    verdicts.store_verdicts(first, [said("ann", "same", "2036-01-01")])
    verdicts.store_verdicts(second, [said("ann", "different")])  # corrected in the new folder before it decides
    verdicts.store_verdicts(second, verdicts.read_verdicts(first))
    assert verdicts.rule_on(verdicts.read_verdicts(second))[A, B].outcome == "different"


def test_within_a_file_the_lines_are_the_order(tmp_path):
    output = LocalOutput(str(tmp_path))
    verdicts.store_verdicts(output, [said("ann", "same", "2036-01-01"), said("ann", "different", "2026-01-01")])
    assert verdicts.rule_on(verdicts.read_verdicts(output))[A, B].outcome == "different"


POLICY = """
keep_order: [{library: [keep]}]
approval: {required_roles: [curator, legal]}
reviewers: [Ann Lee, {name: Bo Chan, roles: [legal]}]
"""


@pytest.fixture
def run(tmp_path):
    def make(policy: str) -> str:
        tables = {
            "objects": objects(obj("s3://keep/a.jpg", "a"), obj("s3://b/a2.jpg", "a")),
            "contents": contents(content("a")), "failures": failures(), "pairs": pairs(),
            "clusters": clusters(twin("s3://keep/a.jpg", "a", "a", is_master=True), twin("s3://b/a2.jpg", "a", "a")),
        }  # fmt: skip
        write_run(tmp_path / "run", tables, policy)
        return str(tmp_path / "run")

    return make


@pytest.mark.parametrize("name", NAMES)
def test_one_person_signs_in_one_role(run, name):
    folder = run(POLICY.replace("reviewers", "# reviewers"))
    approve(folder, "curator", "Ann Lee")
    with pytest.raises(ValueError, match="signed as curator already"):
        approve(folder, "legal", name)
    assert approve(folder, "legal", "Bo Chan")[1] == []
    assert export(folder, "quarantine", "csv", recheck=False).draft == []


def test_a_second_role_that_was_written_by_hand_counts_for_nothing(run, tmp_path):
    folder = run(POLICY.replace("reviewers", "# reviewers"))
    record, _ = approve(folder, "curator", "Ann Lee")
    (tmp_path / "run/approvals/legal.json").write_text(json.dumps(record | {"role": "legal", "name": "ann lee"}))
    assert export(folder, "quarantine", "csv", recheck=False).draft == ["legal"]


def test_one_person_may_fill_all_roles_where_the_policy_says_so(run):
    folder = run("approval: {required_roles: [curator, legal], different_people: false}\n")
    approve(folder, "curator", "Ann Lee")
    assert approve(folder, "legal", "Ann Lee")[1] == []


def test_who_is_not_listed_neither_signs_nor_reviews(run, tmp_path):
    folder = run(POLICY)
    with pytest.raises(ValueError, match="Cy Ng isn't among the policy's reviewers: Ann Lee, Bo Chan"):
        approve(folder, "curator", "Cy Ng")
    with pytest.raises(ValueError, match="the policy lets Bo Chan sign as legal, not as curator"):
        approve(folder, "curator", "Bo Chan")
    words = tmp_path / "words.jsonl"
    row = {"content_a": A, "content_b": B, "verdict": "same", "reviewer": "Cy", "at": "2026-01-01"}
    words.write_text(json.dumps(row))
    with pytest.raises(ValueError, match=r"words.jsonl: Cy isn't among the policy's reviewers"):
        review_import(folder, str(words))
    words.write_text(json.dumps(row | {"reviewer": "ann LEE"}))
    assert review_import(folder, str(words)).new == 1


def test_a_strangers_word_that_was_kept_before_counts_for_nothing():
    resolved = resolve_policy("version: 1\n" + POLICY, "p.yaml")
    may = frozenset(people.listed(resolved) or ())
    assert verdicts.rule_on([said("cy")], 1, may) == {}
    assert verdicts.rule_on([said("ANN lee")], 1, may)[A, B].outcome == "same"


FILLED = {
    "each their own": ({"a": {"x"}, "b": {"y"}}, []),
    "one for both": ({"a": {"x"}, "b": {"x"}}, ["b"]),
    "found by moving": ({"a": {"x", "y"}, "b": {"x"}}, []),
    "nobody": ({}, ["a", "b"]),
}


@pytest.mark.parametrize(("signed", "missing"), FILLED.values(), ids=FILLED)
def test_roles_are_filled_by_different_people(signed, missing):
    assert people.unfilled(["a", "b"], signed, different=True) == missing


def test_neither_sides_files_go_by_the_others_sign_off(run, tmp_path):
    folder = run("approval: {required_roles: [curator]}\nkeep_order: [{library: [keep]}]\n")
    (tmp_path / "run/sides").mkdir()
    sides = [{"name": "hk", "libraries": ["keep"]}, {"name": "gz", "libraries": ["b"]}]
    (tmp_path / "run/sides/sides.json").write_text(json.dumps({"sides": sides}))
    with pytest.raises(ValueError, match="say with --for whom you sign: hk, gz"):
        approve(folder, "curator", "Ann Lee")
    assert approve(folder, "curator", "Ann Lee", "hk")[1] == ["curator for gz"]
    with pytest.raises(ValueError, match="signed as curator for hk already"):
        approve(folder, "curator", "ann lee", "gz")
    assert export(folder, "quarantine", "csv", recheck=False).draft == ["curator for gz"]
    assert approve(folder, "curator", "Bo Chan", "gz")[1] == []
    assert export(folder, "quarantine", "csv", recheck=False).draft == []


def reconciled(folder: str, rows: list[tuple[str, str]], plan: str | None = None) -> None:
    """Write what a reconciliation found: (library, state) of objects."""
    output = LocalOutput(folder)
    said = [{"uri": f"s3://{lib}/{n}", "version": "", "library": lib, "size": 1, "state": state, "nowhere": False}
            for n, (lib, state) in enumerate(rows)]  # fmt: skip
    replace_table(output, RECONCILIATION, pa.Table.from_pylist(said, schema=RECONCILIATION.schema))
    record = {"plan_hash": plan or plan_hash(output), "made_at": "2026-11-29T12:00:00+00:00"}
    output.put("reconciliation.json", json.dumps(record).encode())


ACTED = {
    "set aside": ([("b", "quarantined"), ("b", "deleted")], None, "1 deleted, 1 quarantined"),
    "brought over": ([("keep", "arrived")], None, "1 arrived"),
    "nothing yet": ([("b", "waiting"), ("keep", "in-place")], None, None),
    "another plan": ([("b", "quarantined")], "f" * 64, None),
}


@pytest.mark.parametrize(("rows", "plan", "told"), ACTED.values(), ids=ACTED)
def test_what_was_acted_on_is_not_withdrawn_in_silence(run, tmp_path, rows, plan, told):
    folder = run("approval: {required_roles: [curator]}\n")
    approve(folder, "curator", "Ann Lee")
    reconciled(folder, rows, plan)
    if told:
        with pytest.raises(SafetyStop, match=told):
            approve(folder, "curator", "Ann Lee", withdraw=True)
        assert export(folder, "quarantine", "csv", recheck=False).draft == []
    assert approve(folder, "curator", "Ann Lee", withdraw=True, although_acted=bool(told))[1] == ["curator"]
    record = json.loads(next((tmp_path / "run/approvals").iterdir()).read_text())
    assert Acted(**record["acted"]).told.endswith(told or ("nothing" if plan is None else "(`mirrorfold reconcile`)"))


def test_of_a_merged_plan_a_sides_own_objects_count(run, tmp_path):
    folder = run("approval: {required_roles: [curator]}\nkeep_order: [{library: [keep]}]\n")
    (tmp_path / "run/sides").mkdir()
    sides = [{"name": "hk", "libraries": ["keep"]}, {"name": "gz", "libraries": ["b"]}]
    (tmp_path / "run/sides/sides.json").write_text(json.dumps({"sides": sides}))
    approve(folder, "curator", "Ann Lee", "hk")
    approve(folder, "curator", "Bo Chan", "gz")
    reconciled(folder, [("b", "quarantined")])
    with pytest.raises(SafetyStop, match="1 quarantined"):
        approve(folder, "curator", "Bo Chan", "gz", withdraw=True)
    assert approve(folder, "curator", "Ann Lee", "hk", withdraw=True)[1] == ["curator for hk"]


def test_a_sign_off_can_be_taken_back(run, tmp_path):
    folder = run("approval: {required_roles: [curator]}\n")
    approve(folder, "curator", "Ann Lee")
    assert approve(folder, "curator", "ann lee", withdraw=True)[1] == ["curator"]
    assert export(folder, "quarantine", "csv", recheck=False).draft == ["curator"]
    assert "withdrawn_at" in next((tmp_path / "run/approvals").iterdir()).read_text(), "it stays on record"
    with pytest.raises(ValueError, match="hasn't signed this plan as curator"):
        approve(folder, "curator", "Ann Lee", withdraw=True)
    assert approve(folder, "curator", "Ann Lee")[1] == []
