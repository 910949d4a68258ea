"""A sidecar's word counts as the file's own: in conflicts, in the keep order, and where the two differ both do."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mirrorfold.configs.policy import resolve_policy
from mirrorfold.transforms.retain.described import same
from mirrorfold.transforms.retain.keep_order import object_priority
from mirrorfold.transforms.retain.sidecar import SIDECAR

from .pure import decide_tables
from .tables import clusters, content, contents, failures, obj, objects, pairs, twin

A, B = "s3://a/p.jpg", "s3://b/p.jpg"


def decided(policy: str, first: dict | None, second: dict | None, catalogue: dict | None = None, **own) -> dict:
    """Decide on two copies of one content with what lies beside each; give the second's decision."""
    rows = [obj(uri, "p", stated=stated and sorted(stated.items())) for uri, stated in ((A, first), (B, second))]
    tables = {
        "objects": objects(*rows), "contents": contents(content("p", **own)), "failures": failures(), "pairs": pairs(),
        "clusters": clusters(twin(A, "p", "p", is_master=True), twin(B, "p", "p")),
    }  # fmt: skip
    if catalogue:
        tables["catalogue"] = pa.Table.from_pylist([{"uri": uri, **catalogue} for uri in (A, B)], schema=SIDECAR)
    resolved = resolve_policy("version: 1\nreview: {min_bytes_freed: 0}\n" + policy, "p")
    made = decide_tables(tables, resolved)["decisions"].to_pylist()
    return next(row for row in made if row["tier_to_kept"] or row["action"] != "keep") if len(made) > 1 else made[0]


RIGHTS = "conflict_review: [rights, licence, caption, capture_time]\n"
CASES = {
    "nothing beside either": (RIGHTS, None, None, {}, "quarantine", []),
    "the same beside both": (RIGHTS, {"rights": "X"}, {"rights": " x"}, {}, "quarantine", []),
    "other rights": (RIGHTS, {"rights": "X"}, {"rights": "Y"}, {}, "review", ["rights"]),
    "rights beside one, others in the file": (RIGHTS, None, {"rights": "Y"}, {"rights": "X"}, "review", ["rights"]),
    "the file's rights beside one": (RIGHTS, None, {"rights": "x"}, {"rights": "X"}, "quarantine", []),
    "rights beside one alone": (RIGHTS, {"rights": "X"}, None, {}, "quarantine", []),
    "a field that nobody asks for": ("conflict_review: [licence]\n", {"rights": "X"}, {"rights": "Y"}, {}, "quarantine",
                                     []),
    "a time to the second": (RIGHTS, None, {"capture_time": "2020-01-02T03:04:05.123+08:00"},
                             {"capture_time": "2020-01-02T03:04:05"}, "quarantine", []),
    "another time": (RIGHTS, None, {"capture_time": "2020-01-02T03:04:06"}, {"capture_time": "2020-01-02T03:04:05"},
                     "review", ["capture_time"]),
    "one that couldn't be read": (RIGHTS, {"unread": "corrupt"}, None, {}, "review", ["unread_sidecar"]),
    "one that nobody minds": ("conflict_review: []\n", {"unread": "corrupt"}, None, {}, "quarantine", []),
}  # fmt: skip


@pytest.mark.parametrize(("policy", "first", "second", "own", "action", "clashes"), CASES.values(), ids=CASES)
def test_what_lies_beside_equal_files_disagrees(policy, first, second, own, action, clashes):
    row = decided(policy, first, second, **own)
    assert (row["action"], row["conflicts"]) == (action, clashes)


def test_the_catalogues_word_stands_over_both():
    row = decided(RIGHTS, {"licence": "X"}, {"licence": "Y"}, {"licence": "Z"})
    assert row["action"] == "quarantine"


ORDER = {
    "rights": ("keep_order: [rights, oldest]", {"rights": "X"}),
    "richer metadata": ("keep_order: [metadata_richness]", {"gps": "+48.85820+002.29450"}),
}


@pytest.mark.parametrize(("policy", "stated"), ORDER.values(), ids=ORDER)
def test_the_copy_with_a_word_beside_it_is_preferred(policy, stated):
    def preferred(beside: dict | None, **own) -> str:
        rows = objects(obj(A, "p"), obj(B, "p", stated=beside and sorted(beside.items())))
        table = object_priority(
            rows, contents(content("p", metadata_fields=1, **own)), resolve_policy("version: 1\n" + policy, "p")
        )
        return min(zip(table["priority"].to_pylist(), table["uri"].to_pylist(), strict=True))[1]

    assert preferred(None) == A
    assert preferred(stated) == B
    assert preferred(stated, **stated) == A, "the file says it itself"


@pytest.mark.parametrize(("name", "own", "word", "equal"), [
    ("gps", "+48.85820+002.29450", "+48.85812+002.29449", True),
    ("gps", "+48.85820+002.29450", "+48.86000+002.29450", False),
    ("rights", "(C) Me ", "(c) me", True),
])  # fmt: skip
def test_what_counts_as_the_same(name, own, word, equal):
    assert same(name, own, word) == equal
