"""An audit reads a share again, what was read longest ago first, and reports bytes that changed unseen."""

from __future__ import annotations

import hashlib
import json
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mirrorfold.pipelines.record.reread import PLACES, Window, window_of
from mirrorfold.schemas.changes import CHANGES
from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.transforms.audit.compare import DECIDED
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.known import OBJECT_COLUMNS, known_contents
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.plan import SNIFF_SIZE, cut_shards, readable
from mirrorfold.transforms.fingerprint.shard import fingerprint_shard
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.tables import clusters, content_id, failures, obj, objects

from .kit import broken, changes_of, copies, finish, send_away, tamper


def names(rows: int) -> pa.Table:
    return pa.table({"uri": [f"s3://hk/{n}" for n in range(rows)], "version": [""] * rows})


@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
def test_a_round_of_audits_reads_every_object_once_before_any_twice(tmp_path, share):
    objects, seen, previous = names(2_000), [], None
    for number in range(round(1 / share)):
        run = tmp_path / str(number)
        run.mkdir()
        found = window_of(share, previous) if previous else Window(0, round(share * PLACES))
        seen += objects.filter(found.again(objects))["uri"].to_pylist()
        (run / "run.json").write_text(json.dumps({"reread": {"end": found.end}}))
        (run / "_SUCCESS").touch()
        previous = str(run)
    assert len(seen) == len(set(seen))
    assert len(seen) > 0.85 * len(objects)


def test_nothing_is_read_again_unasked_nor_in_a_first_run(tmp_path):
    assert not any(window_of(0.0, None).again(names(100)).to_pylist())
    assert window_of(0.5, None).places == 0


def row(uri: str, name: str, **fields) -> dict:
    return {"uri": uri, "version": "", "etag": "e", "size": 1, "library": "hk", "content_id": content_id(name),
            "action": "keep", "bytes_freed": 0, "kept_uri": None, "kept_version": None,
            "read_sha256": None} | fields  # fmt: skip


def test_rot_is_a_change_and_says_who_relied_on_it():
    going = {"action": "quarantine", "kept_uri": "s3://hk/a", "kept_version": ""}
    before = pa.Table.from_pylist([row("s3://hk/a", "a"), row("s3://hk/z", "a", **going)], schema=DECIDED)
    after = pa.Table.from_pylist([row("s3://hk/a", "rot"), row("s3://hk/z", "a")], schema=DECIDED)
    assert {r["uri"]: (r["change"], r["relied_on"]) for r in changes_of(before, after).to_pylist()} == {
        "s3://hk/a": ("rotted", 1), "s3://hk/z": ("planned", 0),
    }  # fmt: skip


def test_what_rotted_is_kept_for_a_person_and_never_relied_on(tmp_path):
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    finish(one, copies(obj("s3://hk/a.jpg", "a"), obj("s3://hk/z.jpg", "a")), "tiers: {identical: {action: keep}}")
    # The store lists a.jpg as before; read again, its bytes are those of another file.
    later = copies(obj("s3://hk/a.jpg", "rot"), obj("s3://hk/b.jpg", "rot", last_modified=10**15), name="rot")
    for folder, previous in ((two, one), (three, two)):
        assert finish(folder, later, "", previous) == {
            "s3://hk/a.jpg": ("blocked", "rotted"), "s3://hk/b.jpg": ("keep", "keep-order"),
        }  # fmt: skip
        assert broken(folder) == ""
    send_away(three, "s3://hk/b.jpg", kept="s3://hk/a.jpg")
    assert "is rotted: its bytes changed unseen" in broken(three)


R = content_id("other bytes")


def archive(*unread: dict, readable: tuple[str, ...] = ("a", "z")) -> dict:
    """Make an archive of copies of one content; `unread` are failures of the others."""
    lost = [obj(row["uri"], None) for row in unread]
    rows = [obj(f"s3://hk/{key}.jpg", "a") for key in readable]
    tables = copies(*rows) if len(rows) > 1 else copies(*rows) | {"clusters": clusters()}
    return tables | {"objects": objects(*rows, *lost), "failures": failures(*unread)}


def failure(key: str, error: str, sha256: str | None, stage: str = "decode") -> dict:
    return {"uri": f"s3://hk/{key}.jpg", "stage": stage, "error": error, "sha256": sha256}


UNREAD = {
    "its bytes are no picture any more": ([failure("a", "corrupt", R)], "rotted", "kept-copy-rotted"),
    "its header says that it is none": ([failure("a", "not-an-image", R)], "rotted", "kept-copy-rotted"),
    "nobody could read it": ([failure("a", "throttled", None, "fetch")], "unreadable", "planned-before"),
    "a decoder gives up on the same bytes": (
        [failure("a", "unverified", content_id("a"))], "unreadable", "planned-before",
    ),
    "first nobody could read it": (
        [failure("a", "throttled", None, "fetch"), failure("a", "corrupt", R)], "rotted", "kept-copy-rotted",
    ),
    "then nobody could read it": (
        [failure("a", "corrupt", R), failure("a", "throttled", None, "fetch")], "rotted", "kept-copy-rotted",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("audits", "kept", "named"), UNREAD.values(), ids=UNREAD)
def test_a_kept_copy_that_no_longer_decodes_is_told_from_one_that_nobody_could_read(tmp_path, audits, kept, named):
    folders = [tmp_path / str(number) for number in range(len(audits) + 1)]
    assert finish(folders[0], archive(), "")["s3://hk/z.jpg"] == ("quarantine", "identical")
    for number, failed in enumerate(audits):
        found = finish(folders[number + 1], archive(failed, readable=("z",)), "", folders[number])
    assert found == {
        "s3://hk/a.jpg": ("blocked", kept),
        "s3://hk/z.jpg": ("blocked" if kept == "rotted" else "keep", named),
    }
    assert broken(folders[-1]) == ""
    if kept == "rotted":
        told = [r for f in folders[1:] for r in read_table(LocalOutput(str(f)), CHANGES).to_pylist()]
        assert [(r["uri"], r["sha256_before"], r["sha256"]) for r in told if r["change"] == "rotted"] == [
            ("s3://hk/a.jpg", content_id("a"), R)
        ]
        tamper(folders[-1], "decisions", "s3://hk/z.jpg", action="keep", rule="planned-before")
        assert "names a last good copy because of one that rotted" in broken(folders[-1])


def test_verify_misses_rot_that_changes_does_not_tell(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    finish(one, archive())
    finish(two, archive(failure("a", "corrupt", R), readable=("z",)), "", one)
    tamper(two, "changes", "s3://hk/a.jpg", sha256=content_id("a"))
    assert "bytes that changed unseen since the run before are no change" in broken(two)
    tamper(two, "decisions", "s3://hk/a.jpg", earlier=None)
    assert "what the run before said of an object isn't remembered" in broken(two)


def test_what_a_plan_names_stays_named_while_nobody_can_read_it(tmp_path):
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    finish(one, archive())
    finish(two, archive(failure("z", "throttled", None, "fetch"), readable=("a",)), "", one)
    found = finish(three, archive(), "tiers: {identical: {action: keep}}", two)
    assert found["s3://hk/a.jpg"][0] == "keep"
    rows = {row["uri"]: row["earlier"] for row in read_table(LocalOutput(str(three)), DECISIONS).to_pylist()}
    assert rows == {"s3://hk/a.jpg": None, "s3://hk/z.jpg": "planned"}
    assert broken(three) == ""


class Disk:
    """A store whose object has other bytes than its listing says."""

    def __init__(self, data: bytes):
        self.data = data

    def read(self, ref, start=0, stop=None):
        return self.data[start:stop]


def test_a_copy_whose_header_rotted_is_read_to_the_end():
    options = FingerprintOptions(threads=1)
    data = b"?" * 64 + bytes(SNIFF_SIZE)
    listed = objects(obj("file:///nas/scan", None, store="file", size=len(data), etag="e", physical_id="1:2"))
    known = known_contents(
        objects(obj("file:///nas/scan", "a", size=len(data), etag="e")).select(OBJECT_COLUMNS),
        lambda b: pa.array([True]),
    )
    (plan,) = cut_shards(readable(listed, options), options, 10, known)
    done = fingerprint_shard(plan, Disk(data), partial(decode, options=options, sandbox=None), options)
    (row,) = done.failures.to_pylist()
    assert row["error"] == "not-an-image"
    assert row["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_copy_in_the_window_is_read_though_the_store_vouches_for_it():
    options, sha256 = FingerprintOptions(threads=1), content_id("a")
    rows = [obj(f"s3://hk/{key}", None, size=9, etag="e", sha256=sha256) for key in "ab"]
    before = objects(*(row | {"content_id": sha256, "identity_evidence": "read"} for row in rows))
    known = known_contents(before.select(OBJECT_COLUMNS), lambda block: pc.equal(block["uri"], "s3://hk/b"))
    (plan,) = cut_shards(readable(objects(*rows), options), options, 10, known)
    done = fingerprint_shard(plan, Disk(b"rotten"), partial(decode, options=options, sandbox=None), options)
    assert [(row["uri"], row["sha256"]) for row in done.failures.to_pylist()] == [
        ("s3://hk/b", hashlib.sha256(b"rotten").hexdigest())
    ]
    assert done.assignments["uri"].to_pylist() == ["s3://hk/a"]
