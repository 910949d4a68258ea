"""What a list relies on is there when the list is written: every counted copy, byte by byte where it is named."""

from __future__ import annotations

import datetime as dt
import hashlib
import os

import pyarrow as pa
import pytest

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.finished.export import export
from mirrorfold.pipelines.finished.verify import read_again
from mirrorfold.pipelines.record.request import REQUEST_PATH, Request, resolve_policy
from mirrorfold.pipelines.record.reread import window_of
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.rereadings import REREADINGS
from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.blocks.parquet import read_table, replace_table
from mirrorfold.transforms.publish.manifests import reread
from mirrorfold.transforms.publish.manifests.kept import Copy, Kept, Minima, read_kept
from mirrorfold.transforms.publish.manifests.recheck import Recheck
from mirrorfold.transforms.publish.manifests.rows import plan_rows
from mirrorfold.transforms.stores.api import Head, ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.files import file_etag, physical_id
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.tables import obj

from .kit import broken, copies, finish, send_away, tamper


class Stores:
    """Objects by key: their bytes, or what their look-up says."""

    def __init__(self, data: dict[str, bytes], passing: dict[str, str] | None = None):
        self.data, self.passing, self.reads = data, passing or {}, []

    def read(self, ref, start=0, stop=None):
        self.reads.append(ref.key)
        if ref.key not in self.data:
            raise StoreError("vanished", "gone")
        return self.data[ref.key][start:stop]

    def head(self, ref):
        if ref.key not in self.data:
            raise StoreError("vanished", "gone")
        return Head(ref.etag, ref.size, None, "no", False, self.passing.get(ref.key, ""))


def archive(root, names, content: bytes, changed: str | None = None) -> list[dict]:
    """Put files of one content into a folder; the bytes of one have changed, and its size and times haven't."""
    rows = []
    for name in names:
        path = root / name
        path.write_bytes(content if name != changed else content[::-1])
        found, bucket = os.stat(path), escape_key(os.fsencode(root))
        rows.append(
            obj(f"file://{path}", "a", library="nas", store="file", bucket=bucket, key=name, size=len(content),
                etag=file_etag(found), storage_class="FILE", physical_id=physical_id(found), last_modified=0)
        )  # fmt: skip
    return rows


@pytest.fixture
def run(tmp_path, monkeypatch):
    def make(changed: str | None):
        (tmp_path / "nas").mkdir()
        monkeypatch.setattr("tests.retain.tables.content_id", lambda _: hashlib.sha256(b"picture").hexdigest())
        tables = copies(*archive(tmp_path / "nas", ["a.jpg", "b.jpg", "c.jpg"], b"picture", changed))
        finish(tmp_path / "out", tables)
        spec = SourceSpec("nas", "live", "file", escape_key(os.fsencode(tmp_path / "nas")))
        request = Request((spec,), Settings(), resolve_policy(Settings()))
        LocalOutput(str(tmp_path / "out")).put(REQUEST_PATH, request.to_json())
        return tmp_path / "out"

    return make


@pytest.mark.parametrize(
    ("changed", "reads", "rows"),
    [(None, True, 2), ("a.jpg", True, 0), ("a.jpg", False, 2)],
    ids=["sound", "rotted", "rotted, and nobody looks"],
)
def test_no_list_relies_on_bytes_that_changed_behind_size_and_time(run, changed, reads, rows):
    folder, said = run(changed), []
    done = export(str(folder), "quarantine", "csv", reread=reads, say=said.append)
    assert (done.rows, done.refused) == (rows, 2 - rows)
    if rows == 0:
        assert "bytes aren't those that were hashed" in (folder / done.folder / "refused.csv").read_text()
    made = read_table(LocalOutput(str(folder)), REREADINGS).to_pylist()
    assert [row["outcome"] for row in made] == (["rotted" if changed else "same"] if reads else [])
    assert broken(folder) == ""
    assert ("1, of which" in read_again(str(folder))) is reads
    text = (folder / done.folder / "README.txt").read_text()
    assert ("NOT read again" in text) is not reads
    assert said[:1] == (["kept copies to read once more: 1, 7 bytes, about 0.00 USD (--no-reread leaves it out)"]
                        if reads else [])  # fmt: skip


def kept_of(*keys: str) -> Kept:
    def copy(key: str) -> Copy:
        ref = ObjectRef("hk", "s3", "hk", key, "", "e", 1)
        return Copy(ref, hashlib.sha256(key.encode()).hexdigest(), key, "", "STANDARD")

    return Kept({(key, ""): copy(key) for key in keys})


def test_a_killed_export_goes_on_and_a_finished_one_reads_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(reread, "BATCH", 1)
    output, kept = LocalOutput(str(tmp_path)), kept_of("a", "b", "c")
    stores = Stores({key: key.encode() for key in "ab"})

    def killed(size: int) -> None:
        if stores.reads == ["a", "b"]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reread.reread(kept, stores, output, 1, killed)
    again = Stores({"a": b"a", "b": b"b", "c": b"?"})
    assert reread.reread(kept, again, output, 1, lambda _: None) == {("c", ""): reread.ROTTEN}
    assert again.reads == ["c"]
    reread.forget(output)
    reread.reread(kept, again, output, 1, lambda _: None)
    assert again.reads == ["c", "a", "b", "c"]


@pytest.mark.parametrize(
    ("plan", "later", "reads"),
    [("one", dt.timedelta(hours=23), ""), ("two", dt.timedelta(), "ab"), ("one", dt.timedelta(hours=25), "ab")],
    ids=["the same plan", "another plan", "a day later"],
)
def test_a_killed_export_goes_on_for_its_own_plan_and_soon(tmp_path, monkeypatch, plan, later, reads):
    output, kept = LocalOutput(str(tmp_path)), kept_of("a", "b")
    reread.reread(kept, Stores({"a": b"a", "b": b"b"}), output, 1, lambda _: None, "one")
    monkeypatch.setattr(reread, "MAX_AGE", reread.MAX_AGE - later)
    again = Stores({"a": b"a", "b": b"b"})
    reread.reread(kept, again, output, 1, lambda _: None, plan)
    assert "".join(again.reads) == reads


def test_what_an_export_finds_rotten_is_read_again_by_the_next_audit(run):
    folder = run("a.jpg")
    export(str(folder), "quarantine", "csv")
    found = window_of(0.0, str(folder))
    names = read_table(LocalOutput(str(folder)), OBJECTS, ["uri", "version"])
    assert names.filter(found.again(names))["uri"].to_pylist() == [name for name, _ in found.doubtful]
    assert found.doubtful[0][0].endswith("a.jpg")


FORGED = {
    "a reading is gone": ("wasn't read again for it", lambda rows: []),
    "it was for another plan": ("wasn't read again for it", lambda rows: [row | {"plan": "p"} for row in rows]),
    "rot is called sound": ("doesn't say what its digests say", lambda rows: [r | {"sha256": "f" * 64} for r in rows]),
    "a list relies on rot": (
        "more rows than rely on copies", lambda rows: [r | {"sha256": "f" * 64, "outcome": "rotted"} for r in rows],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("said", "forge"), FORGED.values(), ids=FORGED)
def test_verify_sees_a_list_that_relies_on_what_nobody_read_again(run, said, forge):
    folder = run(None)
    export(str(folder), "quarantine", "csv")
    output = LocalOutput(str(folder))
    rows = forge(read_table(output, REREADINGS).to_pylist())
    replace_table(output, REREADINGS, pa.Table.from_pylist(rows, schema=REREADINGS.schema))
    assert said in broken(folder)


TWO = "min_archival_copies: 2"


@pytest.mark.parametrize(
    ("gone", "why"),
    [(None, ""), ("b", "only 1 of the 2 copies"), ("a", "its kept copy is gone")],
    ids=["both there", "the second gone", "the named one gone"],
)
def test_every_counted_copy_is_looked_up_again(tmp_path, gone, why):
    rows = [obj(f"s3://hk/{key}", "a", last_modified=n) for n, key in enumerate("abc")]
    finish(tmp_path, copies(*rows), TWO)
    output = LocalOutput(str(tmp_path))
    leaving = [row for row in plan_rows(output) if row.action == "quarantine"]
    assert [row.key for row in leaving] == ["c"]
    stores = Stores({key: b"" for key in "abc" if key != gone})
    (found,) = Recheck(stores, 1, Minima(2)).problems(leaving, read_kept(output))
    assert found.startswith(why)
    assert bool(found) is bool(why)


def test_a_kept_copy_that_its_head_says_will_expire_is_refused(tmp_path):
    finish(tmp_path, copies(*(obj(f"s3://hk/{key}", "a") for key in "ab")))
    output = LocalOutput(str(tmp_path))
    leaving = [row for row in plan_rows(output) if row.action == "quarantine"]
    stores = Stores({"a": b"", "b": b""}, {"a": "about to expire (rule tidy)"})
    (found,) = Recheck(stores, 1).problems(leaving, read_kept(output))
    assert found == "its kept copy is about to expire (rule tidy)"


def test_of_equal_copies_a_lasting_class_and_a_key_that_tools_carry_are_kept(tmp_path):
    rows = [obj("s3://hk/a.jpg", "a", storage_class="ONEZONE_IA"), obj("s3://hk/b//c.jpg", "a"),
            obj("s3://hk/z.jpg", "a"), obj("s3://hk/y.jpg", "a", class_to="ONEZONE_IA")]  # fmt: skip
    found = finish(tmp_path, copies(*rows))
    assert [uri for uri, (action, _) in found.items() if action == "keep"] == ["s3://hk/z.jpg"]


@pytest.mark.parametrize("kept", ["s3://hk/a.jpg", "s3://hk/b//c.jpg"])
def test_verify_sees_a_frail_or_uncarriable_copy_kept_instead(tmp_path, kept):
    rows = [
        obj("s3://hk/a.jpg", "a", storage_class="ONEZONE_IA"),
        obj("s3://hk/b//c.jpg", "a"),
        obj("s3://hk/z.jpg", "a"),
    ]
    finish(tmp_path, copies(*rows))
    for row in rows:
        if row["uri"] != kept:
            send_away(tmp_path, row["uri"], kept=kept)
    tamper(tmp_path, "decisions", kept, action="keep", kept_uri=None, kept_etag=None, bytes_freed=0)
    said = broken(tmp_path)
    assert ("lasting classes go" if "a.jpg" in kept else "every tool can carry go") in said


def test_a_held_copy_in_a_bin_is_none_of_the_copies_that_a_minimum_counts(tmp_path):
    rows = [obj("s3://a/1.jpg", "a"), obj("s3://a/2.jpg", "a"), obj("s3://a/3.jpg", "a")]
    rows.append(obj("s3://a/#recycle/1.jpg", "a", hold="yes"))
    made = finish(tmp_path, copies(*rows), "min_archival_copies: 2\n")
    assert made["s3://a/#recycle/1.jpg"] == ("blocked", "hold")
    counted = [row.uri for row in plan_rows(LocalOutput(str(tmp_path))) if row.counts]
    assert sorted(counted) == sorted(uri for uri, (action, _) in made.items() if action == "keep")
