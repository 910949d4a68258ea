"""The stage in Beam over small tables, against what each case expects."""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from apache_beam.testing.test_pipeline import TestPipeline

from mirrorfold.configs.policy import resolve_policy
from mirrorfold.schemas.decisions import DECISIONS, HOLD_CHECKS
from mirrorfold.schemas.lineage import LINEAGE
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.blocks.wiring import WriteTable
from mirrorfold.transforms.retain.sidecar import SIDECAR
from mirrorfold.transforms.retain.wiring import Retain
from mirrorfold.transforms.stores.api import HoldAnswer, LastingAnswer
from mirrorfold.transforms.stores.output import LocalOutput

from .pure import decide_tables
from .tables import clusters, content, contents, failures, obj, objects, pairs, twin


class FakeStores:
    """Stores that answer from a mapping of keys to holds."""

    def __init__(self, holds):
        self.holds = holds

    def lasting(self, ref, tag):
        return LastingAnswer("yes", "")

    def hold(self, ref):
        return HoldAnswer(self.holds.get(ref.key, "no"), "none", "")

    def close(self):
        return None


class OpenFake:
    def __init__(self, **holds):
        self.holds = holds

    def __call__(self):
        return FakeStores(self.holds)


ANSWERS_NO = OpenFake()


@pytest.fixture
def decide(tmp_path):
    def run(tables: dict, policy: str = "", open_stores=ANSWERS_NO, **options) -> dict[str, pa.Table]:
        where = str(tmp_path)
        with TestPipeline("FnApiRunner") as root:
            inputs = {name: root | f"Make {name}" >> beam.Create([table]) for name, table in tables.items()}
            rows = tables["objects"].num_rows
            stage = Retain(resolve_policy("version: 1\n" + policy, "p"), open_stores, rows, "0", **options)
            made = inputs | stage
            for name, table in (("decisions", DECISIONS), ("hold_checks", HOLD_CHECKS), ("lineage", LINEAGE)):
                getattr(made, name) | f"Write {name}" >> WriteTable(where, table, rows)
        output = LocalOutput(where)
        return {table.name: read_table(output, table) for table in (DECISIONS, HOLD_CHECKS, LINEAGE)}

    return run


TABLES = {
    "objects": objects(
        obj("s3://hk/a.jpg", "a"),
        obj("s3://gz/a.jpg", "a"),
        obj("s3://gz/b.jpg", "b", size=40_000_000),
        obj("s3://gz/b2.jpg", "b", size=40_000_000),
        obj("s3://gz/alone.jpg", "alone"),
        obj("s3://gz/held.jpg", "alone2", hold="yes"),
        obj("s3://gz/broken.jpg"),
        obj("s3://gz/notes.txt"),
    ),
    "contents": contents(content("a", width=99), content("b"), content("alone"), content("alone2")),
    "failures": failures(
        {"uri": "s3://gz/broken.jpg", "stage": "decode", "error": "truncated"},
        {"uri": "s3://gz/notes.txt", "stage": "skipped", "error": "not-an-image"},
    ),
    "clusters": clusters(
        twin("s3://hk/a.jpg", "a", "a", is_master=True),
        twin("s3://gz/a.jpg", "a", "a"),
        twin("s3://gz/b.jpg", "b", "a", tier="near-certain", kind="resized"),
        twin("s3://gz/b2.jpg", "b", "a", tier="near-certain", kind="resized"),
    ),
    "pairs": pairs(),
}


def actions(decisions: pa.Table) -> dict[str, tuple[str, str]]:
    rows = decisions.to_pylist()
    return {row["uri"].split("://")[1]: (row["action"], row["rule"]) for row in rows}


@pytest.mark.parametrize("rows_per_partition", [100_000, 1], ids=["one partition", "many partitions"])
def test_every_object_is_decided_on(decide, rows_per_partition):
    made = decide(TABLES, rows_per_partition=rows_per_partition)
    assert actions(made["decisions"]) == {
        "hk/a.jpg": ("quarantine", "identical"),
        "gz/a.jpg": ("keep", "keep-order"),
        "gz/b.jpg": ("keep", "identical-first"),
        "gz/b2.jpg": ("quarantine", "identical"),
        "gz/alone.jpg": ("keep", "only-copy"),
        "gz/held.jpg": ("blocked", "hold"),
        "gz/broken.jpg": ("blocked", "unreadable"),
        "gz/notes.txt": ("keep", "not-an-image"),
    }
    assert made["hold_checks"]["uri"].to_pylist() == ["s3://gz/b2.jpg", "s3://hk/a.jpg"]
    assert set(made["lineage"]["relation"].to_pylist()) == {"copy-of", "variant-of"}
    rows = {row["uri"]: row for row in made["decisions"].to_pylist()}
    assert rows["s3://hk/a.jpg"]["reason"] == ("same bytes as s3://gz/a.jpg, which is kept: first by name, 99×40")
    assert rows["s3://gz/b2.jpg"]["kept_uri"] == "s3://gz/b.jpg"
    assert rows["s3://gz/b.jpg"]["review_batch"] == "near-certain/resized/gz for gz"
    assert rows["s3://gz/b.jpg"]["bytes_freed"] == 0
    assert rows["s3://gz/b.jpg"]["rules_lost"] == ["near-certain: review"]
    assert rows["s3://gz/broken.jpg"]["reason"].endswith("the file ends before the picture does")


def test_a_held_copy_is_blocked_after_the_look_up(decide):
    made = decide(TABLES, open_stores=OpenFake(**{"a.jpg": "yes", "b2.jpg": "unknown"}))
    decided = actions(made["decisions"])
    assert decided["hk/a.jpg"] == ("blocked", "hold")
    assert decided["gz/b2.jpg"] == ("blocked", "hold-unknown")


def test_small_batches_are_not_worth_a_review(decide):
    made = decide(TABLES, "review: {min_bytes_freed: 41MB}")
    row = next(row for row in made["decisions"].to_pylist() if row["uri"] == "s3://gz/b.jpg")
    assert (row["action"], row["rule"], row["kept_uri"]) == ("keep", "below-cutoff", None)
    assert (row["bytes_freed"], row["bytes_below_cutoff"], row["tier_to_kept"]) == (0, 40_000_000, "near-certain")


@pytest.mark.parametrize("per", ["batch", "cluster"])
@pytest.mark.parametrize(
    ("listed", "action"),
    [(400_000_000, "review"), (500_000_000, "keep"), (None, "keep")],
    ids=["a tenth of the archive", "less than a tenth", "nobody said how large it is"],
)
def test_the_cut_off_as_a_share_of_the_archive(decide, per, listed, action):
    """What frees 40 MB is worth a look in a small archive, whatever it is in a large one."""
    policy = f"review: {{min_bytes_freed: 1GB, min_share_freed: 10%, per: {per}}}"
    tables = {**TABLES, "objects": TABLES["objects"].filter(pc.not_equal(TABLES["objects"]["uri"], "s3://gz/b2.jpg"))}
    made = decide(tables, policy, listed_bytes=listed)
    assert actions(made["decisions"])["gz/b.jpg"][0] == action


def test_the_cut_off_is_the_smaller_of_the_two(decide):
    made = decide(TABLES, "review: {min_bytes_freed: 30MB, min_share_freed: 100%}", listed_bytes=10**12)
    assert actions(made["decisions"])["gz/b.jpg"] == ("keep", "identical-first"), "worth a review, after its copies"


def test_the_cut_off_per_cluster(decide):
    made = decide(TABLES, "review: {min_bytes_freed: 41MB, per: cluster}")
    assert actions(made["decisions"])["gz/b.jpg"] == ("keep", "below-cutoff")


def test_the_catalogue_sends_conflicts_to_people_and_holds_objects(decide):
    said = pa.Table.from_pylist(
        [
            {"uri": "s3://gz/a.jpg", "licence": "CC0", "catalogue_no": "A 1"},
            {"uri": "s3://hk/a.jpg", "licence": "all rights reserved", "catalogue_no": "a 1"},
            {"uri": "s3://gz/b2.jpg", "hold": "yes"},
        ],
        schema=SIDECAR,
    )
    made = decide(TABLES | {"catalogue": said}, "review: {min_bytes_freed: 0}")
    decided = actions(made["decisions"])
    assert decided["hk/a.jpg"] == ("review", "conflict")
    assert decided["gz/b2.jpg"] == ("blocked", "hold")
    row = next(row for row in made["decisions"].to_pylist() if row["uri"] == "s3://hk/a.jpg")
    assert row["conflicts"] == ["licence"]


def test_empty_tables(decide):
    made = decide({name: table.slice(0, 0) for name, table in TABLES.items()})
    assert {name: table.num_rows for name, table in made.items()} == {"decisions": 0, "hold_checks": 0, "lineage": 0}


def test_beam_and_the_pure_functions_say_the_same(decide):
    policy = "review: {min_bytes_freed: 41MB}\nmin_archival_copies: 1"
    pure = decide_tables(TABLES, resolve_policy("version: 1\n" + policy, "p"))
    made = decide(TABLES, policy, rows_per_partition=2)
    assert made["decisions"].equals(pure["decisions"])
    assert made["lineage"].equals(pure["lineage"])
    assert made["hold_checks"].drop_columns("checked_at").equals(pure["hold_checks"].drop_columns("checked_at"))
