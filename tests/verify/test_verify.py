"""A sound run is green; each promise broken by hand is red."""

from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pytest

from mirrorfold.pipelines.finished.verify import describe, verify
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.parquet import read_table, write_shard
from mirrorfold.transforms.retain.verdicts import checked_verdict
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import accept_tampering, write_run, write_table
from tests.retain.tables import clusters, content, content_id, contents, failures, fill, obj, objects, pairs, twin

POLICY = """
min_archival_copies: 1
protect: ["**/masters/**"]
scopes:
  - {name: hk, match: "s3://hk/**", jurisdiction: HK, min_copies: 1}
  - {name: gz, match: "s3://gz/**", jurisdiction: CN, min_copies: 0}
tiers:
  probable: {action: quarantine, verification: {min_correlation: 0.97, max_residual: 0.05}}
"""


def pair_row(a: str, b: str, **fields) -> dict:
    first, second = sorted((content_id(a), content_id(b)))
    return {
        "content_a": first, "content_b": second, "tier": "near-certain", "kind": "resized", "in_cluster": True,
        "reason": "master", "rule": "global", "correlation": 0.99, "residual": 0.01,
    } | fields  # fmt: skip


def sound_tables() -> dict[str, pa.Table]:
    """Two libraries: copies, a resized variant, a verified crop, a held copy, a protected one, a broken file."""
    return {
        "objects": objects(
            obj("s3://hk/a.jpg", "a"),
            obj("s3://gz/a.jpg", "a"),
            obj("s3://gz/a2.jpg", "a"),
            obj("s3://gz/b.jpg", "b", size=40_000_000),
            obj("s3://gz/crop.jpg", "crop"),
            obj("s3://gz/masters/a.jpg", "a"),
            obj("s3://gz/held.jpg", "a", hold="yes"),
            obj("s3://gz/alone.jpg", "alone"),
            obj("s3://gz/link1.jpg", "linked", physical_id="1:2"),
            obj("s3://gz/link2.jpg", "linked", physical_id="1:2"),
            obj("s3://gz/md5.jpg", "a", identity_evidence="sha256"),
            obj("s3://gz/old.jpg", "a", is_latest=False, version="1"),
            obj("s3://gz/broken.jpg"),
        ),
        "contents": contents(content("a", width=99), *map(content, ("b", "crop", "alone", "linked"))),
        "failures": failures({"uri": "s3://gz/broken.jpg", "stage": "decode", "error": "truncated"}),
        "clusters": clusters(
            twin("s3://hk/a.jpg", "a", "a", SMALLEST, is_master=True),
            twin("s3://gz/a.jpg", "a", "a", SMALLEST),
            twin("s3://gz/a2.jpg", "a", "a", SMALLEST),
            twin("s3://gz/masters/a.jpg", "a", "a", SMALLEST),
            twin("s3://gz/held.jpg", "a", "a", SMALLEST),
            twin("s3://gz/md5.jpg", "a", "a", SMALLEST),
            twin("s3://gz/old.jpg", "a", "a", SMALLEST, version="1"),
            twin("s3://gz/b.jpg", "b", "a", SMALLEST, tier="near-certain", kind="resized"),
            twin("s3://gz/crop.jpg", "crop", "a", SMALLEST, tier="probable", kind="cropped"),
            twin("s3://gz/link1.jpg", "linked", "linked", is_master=True),
            twin("s3://gz/link2.jpg", "linked", "linked"),
        ),
        "pairs": pairs(pair_row("a", "b"), pair_row("a", "crop", tier="probable", kind="cropped")),
    }  # fmt: skip


@pytest.fixture
def run(tmp_path):
    made = write_run(tmp_path, sound_tables(), POLICY)
    actions = dict(zip(made["decisions"]["uri"].to_pylist(), made["decisions"]["action"].to_pylist(), strict=True))
    assert actions == {
        "s3://hk/a.jpg": "keep", "s3://gz/a.jpg": "quarantine", "s3://gz/a2.jpg": "quarantine",
        "s3://gz/b.jpg": "review", "s3://gz/crop.jpg": "quarantine", "s3://gz/masters/a.jpg": "blocked",
        "s3://gz/held.jpg": "blocked", "s3://gz/alone.jpg": "keep", "s3://gz/link1.jpg": "keep",
        "s3://gz/link2.jpg": "keep", "s3://gz/md5.jpg": "quarantine", "s3://gz/old.jpg": "keep",
        "s3://gz/broken.jpg": "blocked",
    }  # fmt: skip
    return tmp_path


def test_a_sound_run_is_green(run):
    assert [describe(broken) for broken in verify(str(run))] == []


def change(table: str, uri: str, /, **fields):
    """Make a tampering that rewrites fields of the rows with this URI (or content_a)."""

    def tamper(folder):
        output = LocalOutput(str(folder))
        rows = read_table(output, TABLES[table]).to_pylist()
        key = "uri" if "uri" in TABLES[table].schema.names else TABLES[table].order[0]
        hit = [row for row in rows if row[key] == uri]
        assert hit, f"no row {uri} in {table}"
        for row in hit:
            row.update(fields)
        write_table(output, table, pa.Table.from_pylist(rows, schema=TABLES[table].schema))

    return tamper


def drop(table: str, uri: str):
    """Make a tampering that removes rows."""

    def tamper(folder):
        output = LocalOutput(str(folder))
        rows = read_table(output, TABLES[table]).to_pylist()
        key = "uri" if "uri" in TABLES[table].schema.names else TABLES[table].order[0]
        left = [row for row in rows if row[key] != uri]
        assert len(left) < len(rows)
        write_table(output, table, pa.Table.from_pylist(left, schema=TABLES[table].schema))

    return tamper


def repeat(table: str):
    """Make a tampering that doubles every row."""

    def tamper(folder):
        output = LocalOutput(str(folder))
        rows = read_table(output, TABLES[table])
        write_table(output, table, pa.concat_tables([rows, rows]))

    return tamper


SMALLEST = min(("a", "b", "crop"), key=content_id)
FIRST_OF_B, FIRST_OF_CROP = (min(content_id("a"), content_id(name)) for name in ("b", "crop"))

GONE = {
    "action": "quarantine", "bytes_freed": 1000, "kept_uri": "s3://hk/a.jpg", "kept_version": "",
    "kept_etag": "e-a.jpg", "tier_to_kept": "identical",
}  # fmt: skip

TAMPERINGS = {
    "a decision is missing": (1, drop("decisions", "s3://gz/alone.jpg")),
    "an object is missing": (1, drop("objects", "s3://gz/alone.jpg")),
    "decisions twice": (1, repeat("decisions")),
    "objects twice": (1, repeat("objects")),
    "a failure is missing": (1, drop("failures", "s3://gz/broken.jpg")),
    "a failure for a read object": (1, change("failures", "s3://gz/broken.jpg", uri="s3://gz/alone.jpg")),
    "an unknown failure code": (1, change("failures", "s3://gz/broken.jpg", error="bad-luck")),
    "a content is missing": (1, drop("contents", content_id("alone"))),
    "another size": (1, change("decisions", "s3://gz/alone.jpg", size=5)),
    "another library": (1, change("decisions", "s3://gz/alone.jpg", library="xx")),
    "another content": (1, change("decisions", "s3://gz/alone.jpg", content_id=content_id("a"))),
    "a verb we don't have": (2, change("decisions", "s3://gz/a.jpg", action="delete")),
    "no kept copy": (3, change("decisions", "s3://gz/a.jpg", kept_uri=None, kept_version=None)),
    "a kept copy that isn't listed": (3, change("decisions", "s3://gz/a.jpg", kept_uri="s3://hk/none.jpg")),
    "a kept version that isn't listed": (3, change("decisions", "s3://gz/a.jpg", kept_version="7")),
    "a kept copy that goes too": (3, change("decisions", "s3://gz/a.jpg", kept_uri="s3://gz/a2.jpg")),
    "the last copy goes": (3, change("decisions", "s3://hk/a.jpg", **GONE | {"kept_uri": "s3://gz/a.jpg"})),
    "a kept copy that wasn't read": (3, change("objects", "s3://hk/a.jpg", identity_evidence="sha256")),
    "a kept copy that expires": (3, change("objects", "s3://hk/a.jpg", expires_at=0)),
    "a kept copy that isn't current": (3, change("objects", "s3://hk/a.jpg", is_latest=False)),
    "a kept copy in an archive class": (3, change("objects", "s3://hk/a.jpg", archived=True)),
    "a kept copy that changed": (3, change("decisions", "s3://gz/a.jpg", kept_etag="new")),
    "one of two hard links goes": (3, change("decisions", "s3://gz/link2.jpg", **GONE)),
    "a held object goes": (3, change("decisions", "s3://gz/held.jpg", **GONE)),
    "a protected object goes": (3, change("decisions", "s3://gz/masters/a.jpg", **GONE)),
    "an unreadable object goes": (3, change("decisions", "s3://gz/broken.jpg", **GONE)),
    "an old version goes": (3, change("decisions", "s3://gz/old.jpg", **GONE)),
    "a look-up is missing": (3, drop("hold_checks", "s3://gz/a.jpg")),
    "a look-up says unknown": (3, change("hold_checks", "s3://gz/a.jpg", hold="unknown")),
    "a look-up says held": (3, change("hold_checks", "s3://gz/a.jpg", hold="yes")),
    "a listing says held": (3, change("objects", "s3://gz/a.jpg", hold="yes")),
    "another jurisdiction": (3, change("decisions", "s3://gz/a.jpg", jurisdiction="HK")),
    "copies miscounted": (3, change("decisions", "s3://gz/a.jpg", copies_left=9)),
    "other bytes as identical": (4, change("decisions", "s3://gz/b.jpg", **GONE | {"bytes_freed": 40_000_000})),
    "a near duplicate unasked": (4, change("decisions", "s3://gz/b.jpg", action="quarantine")),
    "a verification that isn't met": (4, change("pairs", FIRST_OF_CROP, residual=0.5)),
    "no verified pair": (4, drop("pairs", FIRST_OF_CROP)),
    "MD5 alone": (4, change("objects", "s3://gz/md5.jpg", identity_evidence="md5")),
    "a tier that doesn't exist": (4, change("decisions", "s3://gz/a.jpg", tier_to_kept="sure")),
    "no comparison at full detail": (6, drop("confirmations", FIRST_OF_CROP)),
    "a comparison that didn't confirm": (6, change("confirmations", FIRST_OF_CROP, confirmed=False)),
    "confirmed though it differs": (6, change("confirmations", FIRST_OF_CROP, excess=1.5)),
    "beside a damaged copy": (6, change("confirmations", FIRST_OF_CROP, damaged_a="Corrupt", damaged_b="Corrupt")),
    "a kept copy that was read as damaged": (
        6, change("confirmations", FIRST_OF_CROP, content_a=content_id("a"), content_b=content_id("a"), damaged_a="x")
    ),
    "more behind the picture": (6, change("contents", content_id("crop"), parts=["motion-video"])),
    "beside a copy that was read as damaged": (6, change("contents", content_id("a"), damaged="corrupt")),
    "more pixels": (6, change("contents", content_id("crop"), width=400)),
    "more bits": (6, change("contents", content_id("crop"), bit_depth=16)),
    "rights that the kept one doesn't state": (6, change("contents", content_id("crop"), rights="Lee")),
    "no precondition": (5, change("decisions", "s3://gz/a.jpg", etag="")),
    "another precondition": (5, change("decisions", "s3://gz/a.jpg", etag="other")),
    "bytes freed by a kept row": (0, change("decisions", "s3://gz/alone.jpg", bytes_freed=7)),
    "another policy": (0, change("decisions", "s3://gz/a.jpg", policy_hash="0")),
    "two masters": (0, change("clusters", "s3://gz/a.jpg", is_master=True)),
    "no master": (0, change("clusters", "s3://hk/a.jpg", is_master=False)),
    "a cluster of one": (0, drop("clusters", "s3://gz/link2.jpg")),
    "a clustered object that isn't listed": (0, change("clusters", "s3://gz/a.jpg", uri="s3://gz/zzz.jpg")),
    "a pair the wrong way round": (0, change("pairs", FIRST_OF_B, content_a="f" * 64)),
    "pairs twice": (0, repeat("pairs")),
    "savings miscounted": (0, change("savings", "all", objects=1)),
    "lineage of an unlisted object": (0, change("lineage", "s3://gz/b.jpg", to_uri="s3://gz/none.jpg")),
}  # fmt: skip


@pytest.mark.parametrize(("promise", "tamper"), TAMPERINGS.values(), ids=TAMPERINGS)
def test_tampering_is_red(run, promise, tamper):
    tamper(run)
    accept_tampering(run)
    broken = verify(str(run))
    assert promise in {b.promise for b in broken}, [describe(b) for b in broken]
    assert all("\n" not in describe(b) for b in broken)


def add(table: str, row: dict):
    """Make a tampering that adds a row."""

    def tamper(folder):
        output = LocalOutput(str(folder))
        write_table(output, table, pa.concat_tables([read_table(output, TABLES[table]), fill(TABLES[table], [row])]))

    return tamper


def name_family_after_its_largest(folder):
    output = LocalOutput(str(folder))
    rows = read_table(output, TABLES["clusters"]).to_pylist()
    largest = max(("a", "b", "crop"), key=content_id)
    for row in rows:
        row["family_id"] = content_id(largest) if row["family_id"] == content_id(SMALLEST) else row["family_id"]
    write_table(output, "clusters", pa.Table.from_pylist(rows, schema=TABLES["clusters"].schema))


CLUSTER_TAMPERINGS = {
    "a cluster by another name": ("isn't the cluster's id", change("clusters", "s3://hk/a.jpg", cluster_id="0" * 64)),
    "a family by another name": ("smallest content", name_family_after_its_largest),
    "another tier than the pair's": ("another tier", change("clusters", "s3://gz/crop.jpg", tier="near-certain")),
    "a pair that holds nothing": ("holds nothing", change("pairs", FIRST_OF_B, in_cluster=False)),
    "a member by a near miss": ("holds nothing", change("pairs", FIRST_OF_B, reason="near-miss")),
    "a member of a member": ("no pair with its master", drop("pairs", FIRST_OF_B)),
    "masters that pair": ("two masters", add("pairs", pair_row("a", "linked", reason="nearest", in_cluster=False))),
}


@pytest.mark.parametrize(("said", "tamper"), CLUSTER_TAMPERINGS.values(), ids=CLUSTER_TAMPERINGS)
def test_a_broken_rule_of_clusters_is_named(run, said, tamper):
    tamper(run)
    accept_tampering(run)
    assert any(said in describe(broken) for broken in verify(str(run)))


def files_tampered():
    def unsorted(folder):
        output = LocalOutput(str(folder))
        rows = read_table(output, TABLES["objects"])
        write_shard(output, TABLES["objects"], rows.take(list(range(rows.num_rows))[::-1]), 0, 1)

    def edit_record(folder):
        record = json.loads((folder / "run.json").read_text())
        record["counts"]["pairs"] += 1
        (folder / "run.json").write_text(json.dumps(record))

    def edit_policy(folder):
        text = (folder / "policy.yaml").read_text()
        (folder / "policy.yaml").write_text(text.replace("min_archival_copies: 1", "min_archival_copies: 2"))

    def rename(old, new):
        return lambda folder: (folder / old).rename(folder / new)

    shard, other = (f"{table}/part-00000-of-00001.parquet" for table in ("pairs", "failures"))
    return {
        "rows out of order": unsorted,
        "run.json counts otherwise": edit_record,
        "run.json is missing": lambda folder: (folder / "run.json").unlink(),
        "run.json isn't JSON": lambda folder: (folder / "run.json").write_text("{"),
        "another policy.yaml": edit_policy,
        "a shard is missing": rename(shard, "pairs/part-00000-of-00002.parquet"),
        "a table is missing": lambda folder: (folder / shard).unlink(),
        "a shard isn't Parquet": lambda folder: (folder / shard).write_bytes(b"PAR1"),
        "another table's shard": lambda folder: shutil.copy(folder / other, folder / shard),
        "unfinished": lambda folder: (folder / "_SUCCESS").unlink(),
    }  # fmt: skip


@pytest.mark.parametrize("tamper", files_tampered().values(), ids=files_tampered())
def test_tampered_files_are_red(run, tamper):
    tamper(run)
    assert {broken.promise for broken in verify(str(run))} - {8}


def test_no_run_is_an_error_of_one_line(tmp_path):
    with pytest.raises(ValueError, match="holds no run"):
        verify(str(tmp_path))


def test_a_persons_word_is_enough_and_its_withdrawal_is_red(tmp_path):
    word = {
        "content_a": content_id("a"),
        "content_b": content_id("b"),
        "verdict": "same",
        "reviewer": "ann",
        "at": "2026-01-01",
    }
    said = [checked_verdict(word, "x:1")]
    made = write_run(tmp_path, sound_tables(), POLICY, said)
    row = next(row for row in made["decisions"].to_pylist() if row["uri"] == "s3://gz/b.jpg")
    assert (row["action"], row["rule"]) == ("quarantine", "verdict-same")
    assert [describe(broken) for broken in verify(str(tmp_path))] == []
    for path in (tmp_path / "review" / "verdicts").iterdir():
        path.unlink()
    assert {broken.promise for broken in verify(str(tmp_path))} == {4, 8}, "the copy was confirmed all the same"
