"""Reviewers' verdicts: read, kept once, put together, applied."""

from __future__ import annotations

import json

import pytest

from mirrorfold.configs.policy import resolve_policy
from mirrorfold.pipelines.finished.review_import import review_import
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.transforms.blocks.parquet import write_shard
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.stores.output import LocalOutput

from .pure import decide_tables
from .runs import write_run
from .tables import clusters, content, content_id, contents, failures, obj, objects, pairs, twin

A, B, C = sorted((content_id("a"), content_id("b"), content_id("c")))


def said(first=A, second=B, verdict="same", reviewer="ann", at="2026-01-01T00:00:00Z", **more) -> dict:
    return {"content_a": first, "content_b": second, "verdict": verdict, "reviewer": reviewer, "at": at} | more


def checked(*rows: dict) -> list[dict]:
    return [verdicts.checked_verdict(row, "x:1") for row in rows]


BAD_LINES = {
    "not JSON": ("{", "f:1: not JSON"),
    "second line": (json.dumps(said()) + "\n{}", "f:2: content_a isn't"),
    "a short digest": (json.dumps(said("abc")), "f:1: content_a isn't a content_id"),
    "an unknown verdict": (json.dumps(said(verdict="perhaps")), "f:1: verdict 'perhaps' isn't one of same"),
    "nobody": (json.dumps(said(reviewer=" ")), "f:1: a verdict names its reviewer"),
    "no time": (json.dumps(said(at="yesterday")), "f:1: at isn't an ISO 8601 time"),
    "a keeper among the same bytes": (json.dumps(said(A, A, "keep-a")), "f:1: keep-a needs two contents"),
    "CSV without a column": ("content_a,content_b\n", "f:1: column 'at' is missing"),
    "empty": ("", "f: no verdicts in it"),
}


@pytest.mark.parametrize(("text", "message"), BAD_LINES.values(), ids=BAD_LINES)
def test_bad_verdicts_name_file_and_line(text, message):
    with pytest.raises(ValueError, match=message) as error:
        verdicts.parse_verdicts(text.encode(), "f")
    assert "\n" not in str(error.value)


def test_not_utf8_is_one_line():
    with pytest.raises(ValueError, match="f: not UTF-8"):
        verdicts.parse_verdicts(b"\xff\xfe", "f")


def test_csv_and_jsonl_say_the_same():
    row = said(reason='looks, "like" it', at="2026-01-01T08:00:00+08:00")
    header = ",".join(row)
    line = ",".join('"' + value.replace('"', '""') + '"' for value in row.values())
    by_csv = verdicts.parse_verdicts(f"\ufeff{header}\n{line}\n".encode(), "f")
    assert by_csv == verdicts.parse_verdicts(json.dumps(row).encode(), "f")
    assert by_csv[0]["at"] == "2026-01-01T00:00:00.000000+00:00"


def test_a_pair_is_the_same_pair_either_way_round():
    (one,), (other,) = checked(said(A, B, "keep-a")), checked(said(B, A, "keep-b"))
    assert one == other


TOGETHER = {
    "one word": ([("ann", "same", 1)], 1, "same"),
    "two agree": ([("ann", "same", 1), ("bo", "same", 2)], 2, "same"),
    "two are needed": ([("ann", "same", 1)], 2, "defer"),
    "the same person twice is one": ([("ann", "same", 1), ("ann", "same", 2)], 2, "defer"),
    "a later word of one person replaces the earlier": ([("ann", "same", 1), ("ann", "different", 2)], 1, "different"),
    "they disagree": ([("ann", "same", 1), ("bo", "different", 2)], 1, "conflict"),
    "choosing a keeper agrees with same": ([("ann", "same", 1), ("bo", "keep-b", 2)], 1, "keep-b"),
    "two keepers": ([("ann", "keep-a", 1), ("bo", "keep-b", 2)], 1, "conflict"),
    "two keepers and a same": ([("ann", "keep-a", 1), ("bo", "keep-b", 2), ("cy", "same", 3)], 1, "conflict"),
    "split agrees with different": ([("ann", "split", 1), ("bo", "different", 2)], 1, "different"),
    "deferring leaves the other's word": ([("ann", "defer", 1), ("bo", "same", 2)], 1, "same"),
    "deferring alone": ([("ann", "defer", 1)], 1, "defer"),
}


@pytest.mark.parametrize(("words", "reviewers", "outcome"), TOGETHER.values(), ids=TOGETHER)
def test_verdicts_are_put_together(words, reviewers, outcome):
    rows = checked(*(said(verdict=v, reviewer=who, at=f"2026-01-0{day}") for who, v, day in words))
    assert verdicts.rule_on(reversed(rows), reviewers)[A, B].outcome == outcome
    assert bool(verdicts.conflicting(rows)) == (outcome == "conflict")


def test_import_is_idempotent_and_all_or_nothing(tmp_path):
    output, file = LocalOutput(str(tmp_path / "run")), tmp_path / "words.jsonl"
    write_shard(output, CONTENTS, contents(content("a"), content("b")), 0, 1)
    file.write_text(json.dumps(said(content_id("a"), content_id("b"))) + "\n{")
    with pytest.raises(ValueError, match=r"words.jsonl:2: not JSON"):
        review_import(output.root, str(file))
    assert verdicts.read_verdicts(output) == []
    pair = content_id("a"), content_id("b")
    lines = [said(*pair), said(pair[0], "0" * 64), said(*pair, "different", "bo")]
    file.write_text("\n".join(map(json.dumps, lines)))
    first = review_import(output.root, str(file))
    assert (first.read, first.new, first.unknown) == (3, 3, 1)
    (conflict,) = first.conflicts
    assert [word["reviewer"] for word in conflict["verdicts"]] == ["ann", "bo"]
    again = review_import(output.root, str(file))
    assert (again.read, again.new) == (3, 0)


def tables(*names: str) -> dict:
    """One cluster around m: a copy of it, and a near duplicate for every name, each with a copy."""
    rows = [obj("s3://x/m", "m", size=9), obj("s3://x/m2", "m", size=9)]
    twins = [twin("s3://x/m", "m", "m", is_master=True), twin("s3://x/m2", "m", "m")]
    for name in names:
        for uri in (f"s3://x/{name}", f"s3://x/{name}2"):
            rows.append(obj(uri, name))
            twins.append(twin(uri, name, "m", tier="near-certain", kind="resized"))
    return {
        "objects": objects(*rows), "contents": contents(content("m", width=99), *map(content, names)),
        "failures": failures(), "clusters": clusters(*twins), "pairs": pairs(),
    }  # fmt: skip


def outcome(words: list[dict], *names: str, policy: str = "") -> dict[str, tuple]:
    resolved = resolve_policy("version: 1\nreview: {min_bytes_freed: 0}\n" + policy, "p")
    rulings = verdicts.rule_on(checked(*words), resolved["review"]["reviewers"])
    made = decide_tables(tables(*names), resolved, rulings)["decisions"].to_pylist()
    return {row["uri"][7:]: (row["action"], row["rule"], (row["kept_uri"] or "")[7:] or None) for row in made}


def keeper(name: str, other: str) -> str:
    """Write the verdict that keeps `name`."""
    return "keep-a" if content_id(name) < content_id(other) else "keep-b"


def word(name: str, verdict: str, other: str = "m") -> dict:
    first, second = sorted((content_id(name), content_id(other)))
    return said(first, second, verdict)


def test_without_a_word_copies_go_first_and_what_they_rely_on_is_kept():
    assert outcome([], "v") == {
        "m": ("keep", "keep-order", None), "m2": ("quarantine", "identical", "m"),
        "v": ("keep", "identical-first", None), "v2": ("quarantine", "identical", "v"),
    }  # fmt: skip


def test_same_drops_every_copy_for_the_master():
    found = outcome([word("v", "same")], "v")
    assert found["v"] == found["v2"] == ("quarantine", "verdict-same", "m")


@pytest.mark.parametrize("verdict", ["different", "split"])
def test_what_is_no_duplicate_is_never_asked_again(verdict):
    found = outcome([word("v", verdict)], "v")
    assert found["v"] == ("keep", f"verdict-{verdict}", None)
    assert found["v2"] == ("quarantine", "identical", "v")


def test_choosing_the_master_is_saying_the_same():
    assert outcome([word("v", keeper("m", "v"))], "v")["v"] == ("quarantine", "verdict-keeper", "m")


def test_choosing_another_keeper_drops_the_master_and_leaves_the_rest_alone():
    found = outcome([word("v", keeper("v", "m")), word("w", "same")], "v", "w")
    assert found["m"] == found["m2"] == ("quarantine", "verdict-keeper", "v")
    assert found["v"] == ("keep", "keep-order", None)
    assert found["w"] == ("keep", "master-overruled", None)


def test_two_chosen_keepers_are_a_conflict_for_people():
    found = outcome([word("v", keeper("v", "m")), word("w", keeper("w", "m"))], "v", "w")
    # Their copies go first; the dispute is in what was outranked, and stays in the queue.
    assert found["v"] == found["w"] == ("keep", "identical-first", None)


def test_two_reviewers_are_needed_where_the_policy_says_so():
    assert outcome([word("v", "same")], "v", policy="")["v"][0] == "quarantine"
    resolved = resolve_policy("version: 1\nreview: {min_bytes_freed: 0, reviewers: 2}", "p")
    rulings = verdicts.rule_on(checked(word("v", "same")), 2)
    row = decide_tables(tables("v"), resolved, rulings)["decisions"].to_pylist()[2]
    assert (row["uri"], row["action"], row["rules_lost"]) == ("s3://x/v", "keep", ["near-certain: review"])


def test_a_word_never_lifts_a_hold_a_protection_or_a_minimum():
    found = outcome([word("v", "same")], "v", policy="protect: '**/v2'")
    assert found["v2"] == ("blocked", "protected", None)
    found = outcome([word("v", "same")], "v", policy="min_archival_copies: 3")
    assert {row[0] for row in found.values()} == {"keep"}


def test_verdicts_go_on_to_the_next_run(tmp_path):
    write_run(tmp_path / "first", tables("v"), said=checked(word("v", "different")))
    known = verdicts.read_verdicts(LocalOutput(str(tmp_path / "first")))
    assert verdicts.store_verdicts(LocalOutput(str(tmp_path / "next")), known) == 1
    assert verdicts.store_verdicts(LocalOutput(str(tmp_path / "next")), known) == 0


def test_answers_on_the_sample_are_stored_apart_and_decide_nothing(tmp_path):
    output = LocalOutput(str(tmp_path))
    rows = checked(said(), said(purpose="sample", verdict="different"), said(B, C, seen=False))
    assert verdicts.store_verdicts(output, rows) == 3
    assert verdicts.store_verdicts(output, rows) == 0
    assert [row["verdict"] for row in verdicts.read_sample(output)] == ["different"]
    assert {(row["seen"], row["purpose"]) for row in verdicts.read_verdicts(output)} == {
        (True, "decision"),
        (False, "decision"),
    }
    assert {ruling.outcome for ruling in verdicts.rule_on(verdicts.read_verdicts(output)).values()} == {"same"}


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ({}, True),
        ({"reason": "batch: gz"}, False),
        ({"seen": False}, False),
        ({"seen": "no"}, False),
        ({"seen": True}, True),
    ],
)
def test_what_was_said_of_a_whole_filter_was_not_seen(more, seen):
    (row,) = checked(said(**more))
    assert row["seen"] is seen


def test_an_unknown_purpose_is_refused():
    with pytest.raises(ValueError, match="x:1: purpose 'fun' isn't one of decision, sample"):
        checked(said(purpose="fun"))


def test_an_older_verdict_keeps_its_id():
    (row,) = checked(said())
    assert row["id"] == checked(said(seen=True, purpose="decision"))[0]["id"]
    assert len({row["id"], checked(said(seen=False))[0]["id"], checked(said(purpose="sample"))[0]["id"]}) == 3
