"""Older folders are recognised and brought up to date, and a finished run needs none of its working files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from demo.archive import write_folder
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record import state
from mirrorfold.pipelines.record.previous import check_previous
from mirrorfold.pipelines.record.request import Request, resolve_policy
from mirrorfold.pipelines.run import run
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.schemas import upgrades
from mirrorfold.schemas.aliases import ALIASES
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.parquet import read_table, to_parquet, write_shard
from mirrorfold.transforms.stores.output import LocalOutput
from tests.audit.test_safety import finished
from tests.audit.world import WITHOUT_PAGES, pictures, shards
from tests.match.match_pictures import make_contents, photographs

ROWS = pa.table({"old_id": ["a", "b"], "cluster_id": ["c", None], "reason": ["moved", "gone"]}, schema=ALIASES.schema)


def older(folder: Path, rows: pa.Table, shards: int = 1) -> LocalOutput:
    """Make a finished run's folder whose table `aliases` holds some rows."""
    output = LocalOutput(str(finished(folder)))
    for table in TABLES.values():
        if table.name != ALIASES.name:
            write_shard(output, table, table.empty(), 0, 1)
    for shard in range(shards):
        part = rows.replace_schema_metadata({"mirrorfold.table": "aliases", "mirrorfold.version": "1"})
        output.put(f"aliases/part-{shard:05d}-of-{shards:05d}.parquet", to_parquet(part.slice(shard, 2 // shards)))
    return output


def changed(monkeypatch, schema: pa.Schema, version: int, step=None) -> None:
    """Let this be a later mirrorfold, with another schema of `aliases`."""
    monkeypatch.setitem(TABLES, "aliases", replace(ALIASES, version=version, schema=schema))
    if step is not None:
        monkeypatch.setitem(upgrades.UPGRADES, ("aliases", version - 1), step)


MORE = ALIASES.schema.append(pa.field("moved_at", pa.string()))
RENAMED = pa.schema([*list(ALIASES.schema)[:2], pa.field("why", pa.string(), nullable=False)])


def rename(rows: pa.Table) -> pa.Table:
    return rows.rename_columns(["old_id", "cluster_id", "why"])


def test_an_up_to_date_folder_is_left_alone(tmp_path) -> None:
    older(tmp_path, ROWS)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    assert state.upgrade(str(tmp_path)) == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before


@pytest.mark.parametrize(
    ("schema", "version", "step", "expected"),
    [
        (MORE, 1, None, {"old_id": "b", "cluster_id": None, "reason": "gone", "moved_at": None}),
        (RENAMED, 2, rename, {"old_id": "b", "cluster_id": None, "why": "gone"}),
    ],
    ids=["a column more", "another version"],
)
def test_older_tables_are_brought_up_to_date(tmp_path, monkeypatch, schema, version, step, expected) -> None:
    output = older(tmp_path, ROWS, shards=2)
    changed(monkeypatch, schema, version, step)
    assert [found.name for found in state.states(str(tmp_path)) if found.behind] == ["aliases"]
    if version > 1:
        with pytest.raises(UsageError, match="bring it up to date with `mirrorfold state upgrade"):
            check_previous(str(tmp_path), str(tmp_path / "now"))
    assert state.upgrade(str(tmp_path)) == ["aliases"]
    assert not any(found.behind for found in state.states(str(tmp_path)))
    assert read_table(output, TABLES["aliases"]).to_pylist()[1] == expected
    check_previous(str(tmp_path), str(tmp_path / "now"))
    record = json.loads(output.get("run.json"))
    assert (record["schemas"]["aliases"], record["counts"]) == (version, {"objects": 5})
    assert state.upgrade(str(tmp_path)) == []


def test_an_interrupted_upgrade_goes_on(tmp_path, monkeypatch) -> None:
    output = older(tmp_path, ROWS, shards=2)
    changed(monkeypatch, RENAMED, 2, rename)
    plain, calls = LocalOutput.put, []

    def put(self, path: str, data: bytes) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        plain(self, path, data)

    monkeypatch.setattr(LocalOutput, "put", put)
    with pytest.raises(KeyboardInterrupt):
        state.upgrade(str(tmp_path))
    assert json.loads(output.get("run.json"))["schemas"]["aliases"] == 1, "the record is written last"
    state.upgrade(str(tmp_path))
    assert [row["why"] for row in read_table(output, TABLES["aliases"]).to_pylist()] == ["moved", "gone"]


@pytest.mark.parametrize("version", [3, 0], ids=["a step is missing", "written by a newer mirrorfold"])
def test_what_cant_be_upgraded_is_refused(tmp_path, monkeypatch, version: int) -> None:
    older(tmp_path, ROWS)
    changed(monkeypatch, ALIASES.schema, version)
    before = shards(tmp_path, "aliases")
    with pytest.raises(UsageError, match="can't turn the one into the other"):
        state.upgrade(str(tmp_path))
    assert shards(tmp_path, "aliases") == before


def test_an_unfinished_run_is_refused(tmp_path) -> None:
    for verb in ("show", "upgrade", "compact"):
        done = CliRunner().invoke(cli, ["state", verb, str(tmp_path)])
        assert isinstance(done.exception, UsageError)
        assert "holds no finished run" in str(done.exception)


def test_a_local_lock_needs_no_command(tmp_path) -> None:
    with pytest.raises(UsageError, match="ends with the process"):
        state.unlock(str(tmp_path))


def test_contents_of_the_first_version_say_nothing_of_what_was_not_looked_for(tmp_path) -> None:
    output = older(tmp_path, ROWS)
    rows = make_contents(photographs()[:2])
    first = rows.drop_columns(["phash64_on_black", "luma_on_black"])
    first = first.replace_schema_metadata({"mirrorfold.table": "contents", "mirrorfold.version": "1"})
    output.put("contents/part-00000-of-00001.parquet", to_parquet(first))
    assert state.upgrade(str(tmp_path)) == ["contents"]
    assert read_table(output, TABLES["contents"]).equals(rows.sort_by("content_id"))


def test_a_finished_run_needs_no_working_files(tmp_path) -> None:
    write_folder({name: pictures()[name] for name in ("china.jpg", "china-half.jpg")}, tmp_path / "photos")
    settings = Settings()
    specs = parse_sources([str(tmp_path / "photos")], settings, str(tmp_path / "out"))
    request = Request(specs, settings, resolve_policy(settings))
    run(request, str(tmp_path / "out"), steps=WITHOUT_PAGES)
    tables = {name: shards(tmp_path / "out", name) for name in TABLES}
    assert (
        f"contents     version {TABLES['contents'].version}"
        in CliRunner().invoke(cli, ["state", "show", str(tmp_path / "out")]).output
    )
    files, size = state.compact(str(tmp_path / "out"))
    assert files > 2
    assert size > 1_000
    assert not (tmp_path / "out/_work/listing").exists() or not list((tmp_path / "out/_work/listing").iterdir())
    again = run(request, str(tmp_path / "out"), steps=WITHOUT_PAGES)
    assert len(again.skipped) == len(WITHOUT_PAGES), "nothing is done again"
    assert {name: shards(tmp_path / "out", name) for name in TABLES} == tables
    written = pq.read_schema(next((tmp_path / "out/edges").iterdir())).metadata[b"mirrorfold.version"]
    assert written == str(TABLES["edges"].version).encode()
