"""An audit reads a share again, what was read longest ago first, and reports bytes that changed unseen."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from mirrorfold.pipelines.record.reread import PLACES, Window, window_of
from mirrorfold.transforms.audit.compare import DECIDED, KEPT, compare, kept_copies
from tests.retain.tables import content_id, obj

from .kit import broken, copies, finish, send_away


def names(rows: int) -> pa.Table:
    return pa.table({"uri": [f"s3://hk/{n}" for n in range(rows)], "version": [""] * rows})


@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
def test_a_round_of_audits_reads_every_object_once_before_any_twice(tmp_path, share):
    objects, seen, previous = names(2_000), [], None
    for number in range(round(1 / share)):
        run = tmp_path / str(number)
        run.mkdir()
        found = window_of(share, previous) if previous else Window(0, round(share * PLACES))
        kept = set(found.leaves(objects)["uri"].to_pylist())
        seen += [uri for uri in objects["uri"].to_pylist() if uri not in kept]
        (run / "run.json").write_text(json.dumps({"reread": {"end": found.end}}))
        (run / "_SUCCESS").touch()
        previous = str(run)
    assert len(seen) == len(set(seen))
    assert len(seen) > 0.85 * len(objects)


def test_nothing_is_read_again_unasked_nor_in_a_first_run(tmp_path):
    assert window_of(0.0, None).leaves(names(100)).num_rows == 100
    assert window_of(0.5, None).places == 0


def row(uri: str, name: str, **fields) -> dict:
    return {"uri": uri, "version": "", "etag": "e", "size": 1, "library": "hk", "content_id": content_id(name),
            "action": "keep", "bytes_freed": 0, "kept_uri": None, "kept_version": None} | fields  # fmt: skip


def test_rot_is_a_change_and_says_who_relied_on_it():
    going = {"action": "quarantine", "kept_uri": "s3://hk/a", "kept_version": ""}
    before = pa.Table.from_pylist([row("s3://hk/a", "a"), row("s3://hk/z", "a", **going)], schema=DECIDED)
    after = pa.Table.from_pylist([row("s3://hk/a", "rot"), row("s3://hk/z", "a")], schema=DECIDED)
    relied = kept_copies(before).cast(KEPT)
    (found,) = compare(0, {"before": before, "after": after, "relied": relied})
    assert {r["uri"]: (r["change"], r["relied_on"]) for r in found.to_pylist()} == {
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
