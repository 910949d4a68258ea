"""Lists for tools: odd keys survive or are refused by name, every row has its precondition, drafts say so."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfold.pipelines.finished.approve import approve
from mirrorfold.pipelines.finished.export import export
from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.publish.manifests.csv import guard, unguard, write_manifests
from mirrorfold.transforms.publish.manifests.formats import FORMATS, Job
from mirrorfold.transforms.publish.manifests.rows import plan_rows
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import write_run
from tests.retain.tables import clusters, content, contents, failures, obj, objects, pairs, twin

QUARANTINE = Job("quarantine", "s3://aside")


def tables(*keys: str, **fields) -> dict:
    """A run of one cluster: keep/0.jpg stays, every key goes."""
    rows = [obj("s3://keep/0.jpg", "a", version="v0"), *(obj(f"s3://b/{key}", "a", **fields) for key in keys)]
    twins = [twin(row["uri"], "a", "a", is_master=row is rows[0], version=row.get("version", "")) for row in rows]
    return {
        "objects": objects(*rows), "contents": contents(content("a")), "failures": failures(),
        "clusters": clusters(*twins), "pairs": pairs(),
    }  # fmt: skip


PREFER = "keep_order: [{library: [keep]}]\n"


@pytest.fixture
def row(tmp_path):
    def make(key: str, **fields):
        write_run(tmp_path, tables(key, **{"version": "v1"} | fields), PREFER)
        return next(row for row in plan_rows(LocalOutput(str(tmp_path))) if row.action == "quarantine")

    return make


LINES = {
    ("s3-batch", "a b+c/é,d.jpg"): "b,a%20b%2Bc/%C3%A9%2Cd.jpg,v1\n",
    ("s3-batch", "line\nbreak"): "b,line%0Abreak,v1\n",
    ("s3-batch", "a//b/../c"): "b,a//b/../c,v1\n",
    ("s3-batch", escape_key(b"\xff.jpg")): None,
    ("storage-transfer", "a,b.jpg"): '"a,b.jpg"\n',
    ("storage-transfer", 'a"b.jpg'): '"a""b.jpg"\n',
    ("storage-transfer", "a%20b 中.jpg"): "a%20b 中.jpg\n",
    ("storage-transfer", "line\nbreak"): None,
    ("rclone", "#lead.jpg"): "#lead.jpg\n",
    ("rclone", " space "): " space \n",
    ("rclone", "a//b"): None,
    ("rclone", "../x"): None,
    ("rclone", "line\nbreak"): None,
    ("rclone", "tab\tstop"): None,
    ("rclone", "\u201bquote"): None,
    ("rclone", escape_key(b"\xff.jpg")): None,
    ("s5cmd", "st*r $x 'q'.jpg"): (
        "cp --raw --version-id 'v1' 's3://b/st*r $x '\\''q'\\''.jpg' 's3://aside/b/st*r $x '\\''q'\\''.jpg'\n"
    ),
    ("s5cmd", "line\nbreak"): None,
    ("csv", "=1+1"): '"s3://b/=1+1"',
    ("csv", "line\nbreak"): '"s3://b/line\nbreak"',
}


@pytest.mark.parametrize(("to", "key"), LINES, ids=[f"{to} {key!r}" for to, key in LINES])
def test_odd_keys_survive_or_are_refused_by_name(row, to, key):
    made, expected = row(key), LINES[to, key]
    assert bool(FORMATS[to].refuse(made, QUARANTINE)) == (expected is None)
    if expected is not None:
        line = FORMATS[to].line(made, QUARANTINE).decode()
        assert line.startswith(expected) if to == "csv" else line == expected


@pytest.mark.parametrize("version", ["", "null"])
def test_a_tag_is_never_set_without_a_version(row, version):
    assert "versions" in FORMATS["s3-batch"].refuse(row("a.jpg", version=version), QUARANTINE)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=8))
def test_guarded_cells_are_no_formulas_and_read_back(text):
    cell = guard(text)
    assert unguard(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def read_csv(folder, path: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO((folder / path).read_text(), newline="")))


def test_manifests_say_what_serves_every_object(tmp_path):
    write_run(tmp_path, tables("x.jpg", "=cmd|'/c calc'!A0", version="v1"), PREFER)
    counts = write_manifests(LocalOutput(str(tmp_path)))
    more = {"merged-record": 0, "lineage": 2, "at-risk": 0, "packages": 0}
    assert counts == {"quarantine": 2, "review": 0, "migrate": 1, "crosswalk": 3} | more
    crosswalk = {r["uri"]: (r["served_by"], r["carried_over"]) for r in read_csv(tmp_path, "manifests/crosswalk.csv")}
    assert crosswalk == {
        "s3://keep/0.jpg": ("s3://keep/0.jpg", "yes"),
        "s3://b/x.jpg": ("s3://keep/0.jpg", "no"),
        "s3://b/=cmd|'/c calc'!A0": ("s3://keep/0.jpg", "no"),
    }
    first = (tmp_path / "manifests/quarantine.csv").read_bytes()
    write_manifests(LocalOutput(str(tmp_path)))
    assert (tmp_path / "manifests/quarantine.csv").read_bytes() == first


def test_a_long_plan_goes_on_in_another_file(tmp_path, monkeypatch):
    monkeypatch.setattr("mirrorfold.transforms.publish.manifests.csv.ROWS_PER_FILE", 2)
    write_run(tmp_path, tables("a.jpg", "b.jpg", "c.jpg", "d.jpg"), PREFER)
    assert write_manifests(LocalOutput(str(tmp_path)))["crosswalk"] == 5
    parts = [read_csv(tmp_path, f"manifests/crosswalk{part}.csv") for part in ("", "-0002", "-0003")]
    assert [len(part) for part in parts] == [2, 2, 1]
    assert len({row["uri"] for part in parts for row in part}) == 5
    monkeypatch.undo()
    write_manifests(LocalOutput(str(tmp_path)))
    assert not (tmp_path / "manifests/crosswalk-0002.csv").exists()


def test_a_plan_with_other_objects_is_refused(tmp_path):
    write_run(tmp_path / "a", tables("x.jpg"), PREFER)
    write_run(tmp_path / "b", tables("y.jpg"), PREFER)
    name = "objects/part-00000-of-00001.parquet"
    (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
    with pytest.raises(ValueError, match="aren't about these objects"):
        write_manifests(LocalOutput(str(tmp_path / "a")))


def test_exports_are_one_list_per_bucket_with_preconditions(tmp_path):
    two = tables("x.jpg", version="v1")
    write_run(tmp_path, two, PREFER)
    made = export(str(tmp_path), "migrate", "rclone")
    readmes = ["README.txt", "README.zh-Hans.txt", "README.zh-Hant.txt"]
    assert made.files == [*readmes, "s3-keep.preconditions.csv", "s3-keep.txt"]
    english, *others = ((tmp_path / made.folder / name).read_text("utf-8") for name in readmes)
    for text in others:
        commands = [line for line in english.splitlines() if line.startswith("  rclone")]
        assert commands == [line for line in text.splitlines() if line.startswith("  rclone")]
        assert len(commands) == 1
        assert "DRAFT" not in text
        assert "refused.csv" in text
    (condition,) = read_csv(tmp_path, "exports/migrate-rclone/s3-keep.preconditions.csv")
    assert (condition["uri"], condition["version"], condition["etag"]) == ("s3://keep/0.jpg", "v0", "e-0.jpg")


def test_a_batch_job_tags_for_a_lifecycle_rule(tmp_path):
    write_run(tmp_path, tables("x.jpg", version="v1"), PREFER)
    export(str(tmp_path), "quarantine", "s3-batch", recheck=False)
    job = json.loads((tmp_path / "exports/quarantine-s3-batch/s3-b.csv.job.json").read_text())
    assert job["Manifest"]["Spec"]["Fields"] == ["Bucket", "Key", "VersionId"]
    assert job["Operation"] == {
        "S3PutObjectTagging": {"TagSet": [{"Key": "mirrorfold-quarantine", "Value": "planned"}]}
    }
    assert job["ConfirmationRequired"] is True


def test_refused_rows_are_named_with_the_reason(tmp_path):
    write_run(tmp_path, tables("x.jpg", "a//b.jpg", version="v1"), PREFER)
    made = export(str(tmp_path), "quarantine", "rclone", recheck=False)
    assert (made.rows, made.refused) == (1, 1)
    (refused,) = read_csv(tmp_path, "exports/quarantine-rclone/refused.csv")
    assert refused["uri"] == "s3://b/a//b.jpg"
    assert "empty folder name" in refused["why"]


def test_a_stand_in_for_an_etag_is_no_precondition(tmp_path):
    write_run(tmp_path, tables("x.jpg", "y.jpg", etag="modified-2026-01-02T03:04:05Z", version=""), PREFER)
    made = export(str(tmp_path), "quarantine", "rclone", recheck=False)
    conditions = read_csv(tmp_path, "exports/quarantine-rclone/s3-b.preconditions.csv")
    assert [(row["etag"], row["kept_etag"]) for row in conditions] == [("", "e-0.jpg")] * 2
    assert "2 of them have no ETag" in (tmp_path / made.folder / "README.txt").read_text()


AZURE = {
    "quarantine": "azcopy set-properties https://ACCOUNT.blob.core.windows.net/b --list-of-files=az-b.txt "
    "--blob-tags=mirrorfold-quarantine=planned",
    "restore": "--blob-tags=mirrorfold-quarantine=restored",
}


@pytest.mark.parametrize("what", AZURE)
def test_azcopy_tags_current_blobs_and_takes_the_mark_off_again(tmp_path, what: str):
    run = tables()
    rows = [obj("s3://keep/0.jpg", "a", version="v0")]
    rows += [obj(f"az://b/{key}", "a", store="az") for key in ("x y.jpg", "50%.jpg", "line\nbreak", "a//b")]
    twins = [twin(row["uri"], "a", "a", is_master=row is rows[0], version=row.get("version", "")) for row in rows]
    write_run(tmp_path, run | {"objects": objects(*rows), "clusters": clusters(*twins)}, PREFER)
    made = export(str(tmp_path), what, "azcopy", recheck=False)
    assert (made.rows, made.refused) == (1, 3)
    assert (tmp_path / made.folder / "az-b.txt").read_text() == "x y.jpg\n"
    readme = (tmp_path / made.folder / "README.txt").read_text()
    assert AZURE[what] in readme
    assert ("--block-blob-tier=cool" in readme) == (what == "quarantine")


BAD = {
    "azcopy to another scheme": (("migrate", "azcopy"), {"target": "az://b"}, "names places by https"),
    "an unknown plan": (("purge", "csv"), {}, "--what purge"),
    "an unknown tool": (("quarantine", "rsync"), {}, "--to rsync"),
    "a crosswalk for a tool": (("crosswalk", "rclone"), {}, "use --to csv"),
    "s5cmd without a target": (("quarantine", "s5cmd"), {}, "--target"),
    "s5cmd to a folder": (("migrate", "s5cmd"), {"target": "/mnt"}, "begins with s3://"),
}


@pytest.mark.parametrize(("arguments", "options", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_exported_is_one_line(tmp_path, arguments, options, message):
    write_run(tmp_path, tables("x.jpg"), PREFER)
    with pytest.raises(ValueError, match=message):
        export(str(tmp_path), *arguments, **options)


def test_without_the_sign_offs_a_plan_is_a_draft(tmp_path):
    policy = PREFER + "approval: {required_roles: [curator, legal]}\n"
    write_run(tmp_path, tables("x.jpg", version="v1"), policy)
    where = str(tmp_path)
    made = export(where, "quarantine", "rclone", recheck=False)
    assert made.draft == ["curator", "legal"]
    assert made.folder.endswith("-draft")
    assert "s3-b.txt.draft" in made.files
    with pytest.raises(ValueError, match="curator, legal"):
        approve(where, "intern", "Bo")
    assert approve(where, "curator", "Ann")[1] == ["legal"]
    assert approve(where, "legal", "Lee")[1] == []
    made = export(where, "quarantine", "rclone", recheck=False)
    assert made.draft == []
    assert "s3-b.txt" in made.files
    assert not list((tmp_path / "exports").glob("*-draft/*"))
    # Another plan needs new sign-offs.
    write_run(tmp_path, tables("x.jpg", "y.jpg", version="v1"), policy)
    assert export(where, "quarantine", "rclone", recheck=False).draft == ["curator", "legal"]
