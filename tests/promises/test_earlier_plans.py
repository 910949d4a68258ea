"""No plan keeps what an earlier plan names and what isn't gone yet, until that plan is taken back."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import chain

import pyarrow as pa
import pytest

from mirrorfold.pipelines import retain
from mirrorfold.pipelines.finished.export import export
from mirrorfold.transforms.blocks.parquet import table_blocks, to_parquet
from mirrorfold.transforms.publish.manifests.withdrawn import note_export
from mirrorfold.transforms.retain import outside
from mirrorfold.transforms.retain.earlier import EARLIER
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import accept_tampering, write_run
from tests.retain.tables import obj

from .kit import broken, copies, finish, note_previous, send_away, tamper

OLDEST, NEWEST = "keep_order: [oldest, uri]", "keep_order: [newest, uri]"
A = obj("s3://hk/a.jpg", "a", last_modified=0)
Z = obj("s3://hk/z.jpg", "a", last_modified=10**15)


def test_another_keep_order_doesnt_keep_what_the_first_plan_sends_away(tmp_path):
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    assert finish(one, copies(A, Z), OLDEST) == {
        A["uri"]: ("keep", "keep-order"),
        Z["uri"]: ("quarantine", "identical"),
    }
    assert finish(two, copies(A, Z), NEWEST, one)[A["uri"]] == ("keep", "keep-order")
    assert broken(two) == ""
    assert finish(three, copies(A, Z), NEWEST, two)[A["uri"]] == ("keep", "keep-order"), "remembered over two audits"
    assert broken(three) == ""


def test_verify_sees_it_with_the_run_before_and_without(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    finish(one, copies(A, Z), OLDEST)
    finish(two, copies(A, Z), NEWEST, one)
    send_away(two, A["uri"], kept=Z["uri"])
    tamper(two, "decisions", Z["uri"], action="keep", kept_uri=None, bytes_freed=0, earlier=None)
    found = broken(two)
    assert "itself named to go by an earlier plan" in found
    assert "what the run before said of an object isn't remembered" in found
    tamper(two, "decisions", Z["uri"], earlier="planned")
    for path in sorted(one.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert "itself named to go by an earlier plan" in broken(two)


def test_where_every_copy_is_named_the_plan_says_how_to_take_it_back(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    finish(one, copies(A, Z), OLDEST)
    # Somebody removed the copy that was kept.
    assert finish(two, copies(Z) | {"clusters": copies()["clusters"]}, OLDEST, one) == {
        Z["uri"]: ("keep", "planned-before")
    }
    assert broken(two) == ""


@pytest.mark.parametrize("again", [False, True], ids=["restored", "handed out again"])
def test_a_restored_plan_names_nothing(tmp_path, again):
    one, two = tmp_path / "one", tmp_path / "two"
    finish(one, copies(A, Z), OLDEST)
    export(str(one), "restore", "csv")
    if again:
        export(str(one), "quarantine", "csv", recheck=False)
    from mirrorfold.pipelines.finished.export import open_output
    from mirrorfold.transforms.publish.manifests.withdrawn import is_withdrawn

    assert is_withdrawn(open_output(str(one))) is not again
    rules = finish(two, copies(A, Z), NEWEST, one, withdrawn=not again)
    assert rules[Z["uri"]][0] == ("quarantine" if again else "keep")
    assert broken(two) == ""


def test_other_bytes_under_the_name_are_not_what_was_named(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    finish(one, copies(A, Z), OLDEST)
    later = copies(obj("s3://hk/z.jpg", "b", etag="new", last_modified=10**15), obj("s3://hk/b.jpg", "b"), name="b")
    assert finish(two, later, OLDEST, one)["s3://hk/z.jpg"] == ("keep", "keep-order")


HERE = SourceSpec("hk", "live", "s3", "hk")
THERE = SourceSpec("gz", "live", "s3", "gz", "scans/")
Y = obj("s3://gz/scans/y.jpg", "a", last_modified=10**15)


def audited(folder, tables, order, previous, *sources, **how):
    """Decide as an audit of these sources would, and keep what it keeps for the next."""
    rules = finish(folder, tables, order, previous, sources=[asdict(spec) for spec in sources], **how)
    before = LocalOutput(str(previous))
    decided = chain(table_blocks(before, "decisions", EARLIER.names), retain._outside(str(previous)))
    rows = outside.remember(decided, sources, lambda: [tables["objects"]], withdrawn=how.get("withdrawn", False))
    if rows.num_rows:
        LocalOutput(str(folder)).put(outside.PATH, to_parquet(rows))
    accept_tampering(folder)
    return rules


@pytest.mark.parametrize(
    ("scope", "withdrawn", "kept"),
    [((HERE,), False, A), ((THERE,), False, Y), ((HERE, replace(THERE, prefix="other/")), False, A),
     ((HERE, replace(THERE, exclude=("scans/**",))), False, A), ((HERE, replace(THERE, kind="listing")), False, A),
     ((HERE, THERE), False, Y), ((HERE,), True, Y)],
    ids=["not listed", "listed again", "another prefix", "excluded", "a list", "looked and gone", "taken back"],
)  # fmt: skip
def test_what_an_audit_of_fewer_places_did_not_look_for_stays_named(tmp_path, scope, withdrawn, kept):
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    assert finish(one, copies(A, Y), OLDEST)[Y["uri"]][0] == "quarantine"
    seen = copies(Y if scope == (THERE,) else A) | {"clusters": copies()["clusters"]}
    note_export(LocalOutput(str(one)), "restore" if withdrawn else "quarantine")
    audited(two, seen, OLDEST, one, *scope, withdrawn=withdrawn)
    assert "didn't look" not in broken(two)
    earlier = chain(table_blocks(LocalOutput(str(two)), "decisions", EARLIER.names), retain._outside(str(two)))
    tables = copies(A, Y) | {"earlier": pa.concat_tables(earlier), "withdrawn": False}
    if scope == (THERE,):  # named, listed by the second run, and so in its decisions
        assert not (two / outside.PATH).exists()
        return
    made = {row["uri"]: row["action"] for row in write_run(three, tables, NEWEST)["decisions"].to_pylist()}
    assert made[kept["uri"]] == "keep"
    assert made[A["uri"]] == ("keep" if kept is A else "quarantine")
    note_previous(three, two)
    assert broken(three) == ""


def test_verify_sees_a_place_that_was_forgotten(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    finish(one, copies(A, Y), OLDEST)
    audited(two, copies(A) | {"clusters": copies()["clusters"]}, OLDEST, one, HERE)
    assert broken(two) == ""
    (two / outside.PATH).unlink()
    accept_tampering(two)
    assert "names an object where this run didn't look, and it isn't remembered" in broken(two)
