"""Of an object that both sides of a merge listed, which row counts: whichever side is named first."""

from __future__ import annotations

import datetime
import itertools

import pyarrow as pa
import pytest

from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.merge import join
from tests.retain.tables import fill

MORNING, NOON = (datetime.datetime(2026, 1, 1, hour, tzinfo=datetime.UTC) for hour in (8, 12))
SAME = {"uri": "s3://shared/a.jpg", "version": "", "etag": "e", "last_modified": MORNING, "hold": "no"}


def listed(**columns) -> dict:
    return SAME | {"content_id": "c", "identity_evidence": "read"} | columns


CASES = {
    "the later state": (
        listed(etag="old", content_id="c1", library="z"),
        listed(etag="new", content_id="c2", library="a", last_modified=NOON, identity_evidence="sha256"),
        {"etag": "new", "content_id": "c2"},
    ),
    "of one state, the one that was read": (
        listed(identity_evidence="sha256", library="a"),
        listed(library="z"),
        {"identity_evidence": "read", "library": "z"},
    ),
    "any content before none": (
        listed(content_id=None, identity_evidence=None, library="a"),
        listed(identity_evidence="md5", library="z"),
        {"content_id": "c", "library": "z"},
    ),
    "a hold that either saw": (listed(hold="no", library="a"), listed(hold="yes", library="z"), {"hold": "yes"}),
    "a hold that one couldn't ask about": (
        listed(hold="unknown", library="z"),
        listed(hold="no", library="a"),
        {"hold": "unknown", "library": "a"},
    ),
    "alike: the library that sorts first": (listed(library="z"), listed(library="a"), {"library": "a"}),
}


def joined(sides: list[dict], failures: list[tuple[int, dict]] = []) -> dict[str, list[dict]]:  # noqa: B006
    """Join the rows of sides 0, 1, ... and the failures of (side, row)."""
    objects = pa.concat_tables(
        fill(OBJECTS, [row]).append_column(join.SIDE, pa.array([side], pa.int32())) for side, row in enumerate(sides)
    )
    failed = pa.concat_tables(
        [
            join.FAILURE_ROWS.empty_table(),
            *(fill(FAILURES, [row]).append_column(join.SIDE, pa.array([side], pa.int32())) for side, row in failures),
        ]
    )
    blocks = join.join_objects(0, {"objects": objects, "failures": failed})
    return {join.kind_of(block): block.to_pylist() for block in blocks}


@pytest.mark.parametrize(("one", "other", "expected"), CASES.values(), ids=CASES)
def test_which_row_counts(one: dict, other: dict, expected: dict) -> None:
    for sides in itertools.permutations([one, other]):
        (row,) = joined(list(sides))["objects"]
        assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize("first", [0, 1])
def test_a_failure_counts_only_where_no_side_could_read(first: int) -> None:
    broken = listed(content_id=None, identity_evidence=None)
    failure = {"uri": SAME["uri"], "version": "", "stage": "fetch", "error": "denied"}
    read_elsewhere = [broken, listed()] if first == 0 else [listed(), broken]
    assert joined(read_elsewhere, [(first, failure)])["failures"] == []
    both = joined([broken, broken], [(0, failure), (1, failure | {"error": "throttled"})])
    assert len(both["failures"]) == len(both["objects"]) == 1, "one object, one failure: its own row's"
