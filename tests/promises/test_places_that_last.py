"""No plan relies on a copy in a bin, a snapshot, behind a link, in a door, or where the policy sets things aside."""

from __future__ import annotations

import os

import pytest

from mirrorfold.configs.settings import PASSING, Settings
from mirrorfold.pipelines.finished.verify import verify
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.plan import skipped
from mirrorfold.transforms.listing.live import list_live
from mirrorfold.transforms.listing.places import passing_regex
from mirrorfold.transforms.listing.wiring import Unit, list_unit
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.same_bucket import door_libraries
from tests.retain.tables import obj

from .kit import broken, copies, finish, send_away, tamper

BINS = (
    "#recycle", ".Trash-1000/files", "$RECYCLE.BIN/S-1-5", ".snapshot/daily", ".zfs/snapshot/d", "@eaDir",
    "~snapshot", "lost+found", ".Trashes/501", "home/ann/.local/share/Trash/files", "RECYCLED", "FOUND.001", ".snap/d",
    "ann/files_trashbin/files", ".sync/Archive", "Network Trash Folder", ".dtrash/files",
    ".trashed-1712345678-IMG_1.jpg",
)  # fmt: skip


@pytest.mark.parametrize("place", BINS)
def test_a_bin_or_snapshot_is_never_kept_for_a_live_file(tmp_path, place):
    live, passing = (
        obj("s3://nas/photos/a.jpg", "a"),
        obj(f"s3://nas/{place}{'' if place.endswith('.jpg') else '/a.jpg'}", "a"),
    )
    assert finish(tmp_path, copies(live, passing)) == {
        live["uri"]: ("keep", "keep-order"), passing["uri"]: ("keep", "passing"),
    }  # fmt: skip
    assert broken(tmp_path) == ""
    # With the mark rubbed out the name alone tells.
    tamper(tmp_path, "objects", passing["uri"], passing=None)
    send_away(tmp_path, live["uri"], kept=passing["uri"])
    assert "is in a bin or snapshot, is a link, or a rule deletes it" in broken(tmp_path)


def test_another_copy_still_goes_beside_a_bin(tmp_path):
    rows = [obj(f"s3://nas/{key}", "a") for key in ("a.jpg", "b.jpg", "#recycle/a.jpg")]
    assert [action for action, _ in finish(tmp_path, copies(*rows)).values()] == ["keep", "keep", "quarantine"]


def test_a_picture_that_lies_in_a_bin_alone_is_kept_and_says_so(tmp_path):
    row = obj("s3://nas/#recycle/a.jpg", "a")
    tables = copies(row) | {"clusters": copies()["clusters"]}
    assert finish(tmp_path, tables) == {row["uri"]: ("keep", "passing")}
    assert broken(tmp_path) == ""


@pytest.mark.parametrize("key", ["odd keys//x.jpg", ".hidden/x.jpg", "@x/x.jpg", "#x/x.jpg", "a/./x.jpg"])
def test_of_equals_an_ordinary_path_is_kept_before_an_odd_one(tmp_path, key):
    odd, plain = obj(f"s3://nas/{key}", "a"), obj("s3://nas/photos/x.jpg", "a")
    assert finish(tmp_path, copies(odd, plain))[plain["uri"]] == ("keep", "keep-order")


def listed(folder, **settings) -> dict[str, dict]:
    spec = SourceSpec("nas", "live", "file", escape_key(os.fsencode(folder)), **settings)
    return {row["key"]: row for block in list_live(spec, 0) for row in block.to_pylist()}


def test_a_link_never_counts_and_one_that_leads_out_is_not_read(tmp_path):
    home, away = tmp_path / "nas", tmp_path / "away"
    home.mkdir(), away.mkdir()
    (away / "a.jpg").write_bytes(b"a"), (home / "b.jpg").write_bytes(b"b")
    (home / "out.jpg").symlink_to(away / "a.jpg"), (home / "in.jpg").symlink_to("b.jpg")
    rows = listed(home)
    assert {key: row["passing"] for key, row in rows.items()} == {
        "b.jpg": None,
        "in.jpg": "link",
        "out.jpg": "link-out",
    }
    assert rows["in.jpg"]["physical_id"] == rows["b.jpg"]["physical_id"] != rows["out.jpg"]["physical_id"]
    (block,) = list_live(SourceSpec("nas", "live", "file", escape_key(os.fsencode(home))), 0)
    assert skipped(block, FingerprintOptions())["error"].to_pylist() == ["link"]
    assert listed(home, follow_links=True)["out.jpg"]["passing"] == "link"


def test_the_file_goes_by_no_link_to_a_file_elsewhere(tmp_path):
    live, link = obj("s3://nas/z.jpg", "a"), obj("s3://nas/a.jpg", "a", passing="link")
    assert finish(tmp_path, copies(live, link)) == {live["uri"]: ("keep", "keep-order"), link["uri"]: ("keep", "link")}
    send_away(tmp_path, live["uri"], kept=link["uri"])
    assert "is a link" in broken(tmp_path)


@pytest.mark.parametrize(
    ("settings", "policy", "rule"),
    [
        ({"bucket": "aside"}, "quarantine: {method: copy, bucket: aside}", "quarantine-place"),
        ({"passing": "door"}, "", "door"),
    ],
)
def test_what_is_set_aside_or_seen_by_another_way_is_no_copy(tmp_path, settings, policy, rule):
    live, other = obj("s3://nas/z.jpg", "a"), obj("s3://aside/a.jpg", "a") | settings
    assert finish(tmp_path, copies(live, other), policy)[other["uri"]] == ("keep", rule)
    assert broken(tmp_path) == ""
    send_away(tmp_path, live["uri"], kept=other["uri"])
    assert "promise 7" in broken(tmp_path)


def test_a_door_is_seen_by_the_record_though_its_mark_is_rubbed_out(tmp_path):
    live, door = obj("s3://nas/z.jpg", "a"), obj("s3://gateway/z.jpg", "a", passing="door")
    specs = [{"library": "nas", "kind": "live", "store": "file", "bucket": "/nas"},
             {"library": "gateway", "kind": "live", "store": "s3", "bucket": "gateway", "same_as": "nas"}]  # fmt: skip
    assert door_libraries([SourceSpec(**spec) for spec in specs]) == {"gateway"}
    finish(tmp_path, copies(live, door), sources=specs)
    tamper(tmp_path, "objects", door["uri"], passing=None)
    send_away(tmp_path, live["uri"], kept=door["uri"])
    assert "promise 7" in broken(tmp_path)


def test_excluded_places_are_neither_listed_nor_looked_into_and_the_record_says_so(tmp_path, monkeypatch):
    for name in ("photos/a.jpg", ".snapshot/d/a.jpg", "photos/tmp/b.jpg"):
        path = tmp_path / "nas" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    settings = Settings(sources={"nas": {"exclude": [".snapshot/**", "**/tmp/*"]}})
    (spec,) = parse_sources([f"nas={tmp_path / 'nas'}"], settings, None)
    assert spec.exclude == (".snapshot/**", "**/tmp/*")
    real = os.scandir

    def scandir(path):
        assert b".snapshot" not in os.fsencode(path), "a snapshot of a million files isn't walked through"
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert list_unit(Unit("0000-00000", 0, spec, None), str(tmp_path / "out")).to_pylist()[0]["rows"] == 1


def test_no_pattern_of_the_settings_is_a_person_s_folder():
    regex = passing_regex(PASSING)
    import re

    for key in ("photos/recycled art/a.jpg", "snapshots/a.jpg", "trash/a.jpg", "lost and found/a.jpg", "a#recycle.jpg",
                "share/trash/a.jpg", "timeshift/a.jpg", "found.jpg", "recycled.jpg"):  # fmt: skip
        assert not re.search(regex, f"file:///nas/{key}"), key


def test_a_sound_run_keeps_every_promise(tmp_path):
    finish(tmp_path, copies(obj("s3://hk/a.jpg", "a"), obj("s3://gz/a.jpg", "a")))
    assert verify(str(tmp_path)) == []
