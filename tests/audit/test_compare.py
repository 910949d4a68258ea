"""Changes and aliases from small tables, and what is known of objects that haven't changed."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mirrorfold.schemas.aliases import ALIASES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.audit import aliases, compare
from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.fingerprint import known


def decided(*rows: tuple) -> pa.Table:
    """Make decisions from (uri, version, etag, action, freed, kept uri)."""
    return pa.Table.from_pylist(
        [
            {"uri": uri, "version": version, "etag": etag, "size": 10, "library": "hk", "action": action,
             "bytes_freed": freed, "kept_uri": kept, "kept_version": "" if kept else None}
            for uri, version, etag, action, freed, kept in rows
        ],
        schema=compare.DECIDED,
    )  # fmt: skip


def changes(before: pa.Table, after: pa.Table, **said: pa.Table) -> dict[str, dict]:
    nothing = compare.SAID.empty_table()
    blocks = {"before": before, "after": after, "relied": compare.kept_copies(before)}
    blocks |= {"said_before": nothing, "said_after": nothing} | said
    found = list(compare.compare(0, blocks))
    return {row["uri"] + row["version"]: row for block in found for row in block.to_pylist()}


def said(companions: list[str] | None, beside: list[str] | None, stated: dict | None) -> pa.Table:
    """Say what lies beside the object a."""
    row = {
        "uri": "a",
        "version": "",
        "companions": companions,
        "beside": beside,
        "stated": stated and list(stated.items()),
    }
    return compare.said_of(pa.Table.from_pylist([row], schema=OBJECTS.schema))


SOME = (["a.xmp"], ["a.xmp"], {"rights": "X"})
OTHER = (["a.xmp"], ["a.xmp"], {"rights": "Y"})
BESIDE = {
    "the same": (SOME, SOME, None),
    "other words": (SOME, OTHER, "restated"),
    "a new sidecar": ((None, None, None), SOME, "restated"),
    "one that is gone": (SOME, (None, None, None), "restated"),
    "one that states nothing": ((None, None, None), (["a.xmp"], ["a.xmp"], {}), None),
    "a run that didn't look for any": ((["a.xmp"], None, None), SOME, None),
    "another companion": ((["a.mov"], None, None), (["a.mov"], None, None), None),
}


@pytest.mark.parametrize(("was", "now", "change"), BESIDE.values(), ids=BESIDE)
def test_other_words_beside_a_picture_are_a_change(was, now, change):
    same = decided(("a", "", "e", "keep", 0, None))
    found = changes(same, same, said_before=said(*was), said_after=said(*now))
    assert {row["change"] for row in found.values()} == ({change} if change else set())


CASES = {
    "same": ([("a", "", "e", "keep", 0, None)], [("a", "", "e", "keep", 0, None)], {}),
    "new and a duplicate": ([], [("a", "", "e", "quarantine", 10, "k")], {"a": ("new", 10, 0, 0, 0)}),
    "changed": (
        [("a", "", "e", "keep", 0, None)],
        [("a", "", "f", "review", 10, "k")],
        {"a": ("changed", 10, 0, 0, 0)},
    ),
    "acted on": (
        [("a", "", "e", "quarantine", 10, "k"), ("k", "", "e", "keep", 0, None)],
        [("k", "", "e", "keep", 0, None)],
        {"a": ("vanished", 0, 10, 0, 0)},
    ),
    "not acted on": (
        [("a", "", "e", "quarantine", 10, "k")],
        [("a", "", "e", "quarantine", 10, "k")],
        {"a": ("planned", 0, 0, 10, 0)},
    ),
    "the kept copy vanished": (
        [("a", "", "e", "quarantine", 10, "k"), ("b", "", "e", "quarantine", 10, "k"), ("k", "", "e", "keep", 0, None)],
        [("a", "", "e", "keep", 0, None), ("b", "", "e", "quarantine", 10, "a")],
        {"a": ("planned", 0, 0, 10, 0), "b": ("planned", 0, 0, 10, 0), "k": ("vanished", 0, 0, 0, 2)},
    ),
    "another version": (
        [("a", "1", "e", "keep", 0, None)],
        [("a", "2", "f", "keep", 0, None)],
        {"a1": ("replaced", 0, 0, 0, 0), "a2": ("new", 0, 0, 0, 0)},
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), CASES.values(), ids=CASES)
def test_changes(before: list, after: list, expected: dict) -> None:
    found = changes(decided(*before), decided(*after))
    names = ("change", "bytes_duplicate", "bytes_realised", "bytes_waiting", "relied_on")
    assert {key: tuple(row[name] for name in names) for key, row in found.items()} == expected


def follow(before: dict[str, str], earlier: dict[str, str | None], after: dict[str, str | None]) -> dict:
    """Follow clusters {content: cluster}, with earlier aliases, to contents {content: cluster or None} of this run."""
    clusters = pa.table({"content_id": list(before), "cluster_id": list(before.values())}, schema=aliases.PLACES)
    old = pa.Table.from_pylist(
        [{"old_id": a, "cluster_id": b, "reason": "moved"} for a, b in earlier.items()], schema=ALIASES.schema
    )
    names = pa.concat_tables([aliases.names_of_clusters(clusters), aliases.names_of_aliases(old)])
    now = {content: cluster for content, cluster in after.items() if cluster}
    places = pa.table({"content_id": list(now), "cluster_id": list(now.values())}, schema=aliases.PLACES)
    contents = pa.table({"content_id": pa.array(list(after), pa.string())})
    votes = pa.concat_tables(list(aliases.vote(0, {"names": names, "clusters": places, "contents": contents})))
    current = pa.table({"old_id": pa.array(sorted(set(now.values())), pa.string())})
    found = aliases.settle(0, {"votes": votes, "current": current})
    return {row["old_id"]: (row["cluster_id"], row["reason"]) for block in found for row in block.to_pylist()}


ALIAS_CASES = {
    "nothing moved": ({"a": "a", "b": "a"}, {}, {"a": "a", "b": "a"}, {}),
    "another master": ({"a": "a", "b": "a"}, {}, {"a": "b", "b": "b"}, {"a": ("b", "moved")}),
    "merged": ({"a": "a", "b": "a", "c": "c", "d": "c"}, {}, dict.fromkeys("abcd", "a"), {"c": ("a", "moved")}),
    "master gone": ({"a": "a", "b": "a", "c": "a"}, {}, {"b": "b", "c": "b"}, {"a": ("b", "members")}),
    "master gone, most go one way": (
        {"a": "a", "b": "a", "c": "a", "d": "a"}, {}, {"b": "b", "c": "c", "d": "c"}, {"a": ("c", "members")},
    ),
    "master gone, a tie": ({"a": "a", "b": "a", "c": "a"}, {}, {"b": "b", "c": "c"}, {"a": ("b", "members")}),
    "no twin left": ({"a": "a", "b": "a"}, {}, {"a": None}, {"a": (None, "apart")}),
    "all gone": ({"a": "a", "b": "a"}, {}, {"z": None}, {"a": (None, "gone")}),
    "an alias moves on": (
        {"b": "b", "c": "b"}, {"a": "b"}, {"b": "c", "c": "c"}, {"a": ("c", "members"), "b": ("c", "moved")},
    ),
    "an old id comes back": ({"b": "b", "a": "b"}, {"a": "b"}, {"a": "a", "b": "a"}, {"b": ("a", "moved")}),
}  # fmt: skip


@pytest.mark.parametrize(("before", "earlier", "after", "expected"), ALIAS_CASES.values(), ids=ALIAS_CASES)
def test_aliases(before: dict, earlier: dict, after: dict, expected: dict) -> None:
    assert follow(before, earlier, after) == expected


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [("read", ("c", True)), ("previous", ("c", True)), ("sha256", ("c", False)), ("md5", (None, False))],
)
def test_only_proved_contents_are_known(evidence: str, expected: tuple) -> None:
    row = {"uri": "u", "version": "", "etag": "e", "size": 1, "content_id": "c", "identity_evidence": evidence}
    rows = pa.Table.from_pylist([row], schema=known.OBJECT_ROWS)
    attached = known.attach(rows, known.known_contents(rows))
    assert (attached[0][0].as_py(), attached[1][0].as_py()) == expected


@pytest.mark.parametrize("changed", [{"etag": "f"}, {"size": 2}, {"version": "2"}, {"uri": "v"}])
def test_a_changed_object_is_unknown(changed: dict) -> None:
    row = {"uri": "u", "version": "", "etag": "e", "size": 1, "content_id": "c", "identity_evidence": "read"}
    earlier = known.known_contents(pa.Table.from_pylist([row], schema=known.OBJECT_ROWS))
    now = pa.Table.from_pylist([row | changed], schema=known.OBJECT_ROWS)
    assert known.attach(now, earlier)[0][0].as_py() is None


@pytest.mark.parametrize(("code", "carried"), [("corrupt", True), ("too-slow", False), ("denied", False)])
def test_only_failures_that_repeat_are_known(code: str, carried: bool) -> None:
    row = {"uri": "u", "version": "", "etag": "e", "size": 1, "content_id": None, "identity_evidence": None}
    failure = {"uri": "u", "version": "", "stage": "decode", "error": code, "message": "m"}
    found = known.known_failures(
        pa.Table.from_pylist([row], schema=known.OBJECT_ROWS),
        pa.Table.from_pylist([failure], schema=known.FAILURE_ROWS),
    )
    assert found.num_rows == carried


def test_an_older_runs_rows_get_the_columns_added_since() -> None:
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("added", pa.string())])
    assert ipc.conform(pa.table({"a": [1]}), schema).to_pylist() == [{"a": 1, "added": None}]
    with pytest.raises(ValueError, match="the column a is missing"):
        ipc.conform(pa.table({"added": ["x"]}), schema)
