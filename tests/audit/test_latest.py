"""`--previous latest`, from the first month on; a relative name; what an audit says of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from mirrorfold.pipelines.record.latest import find_previous
from mirrorfold.pipelines.record.request import REQUEST_PATH
from mirrorfold.transforms.stores.api import SourceSpec
from tests.mission.archive import libraries
from tests.mission.stores import fill_folder

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")


HK = SourceSpec("hk", "live", "s3", "hk-archive", "photos/")
GZ = SourceSpec("gz", "live", "gs", "gz-mirror")
OLD = SourceSpec("hk", "live", "file", "/mnt/scans")


def report(month: str) -> SourceSpec:
    return replace(HK, kind="s3-inventory", manifest=f"s3://reports/{month}/manifest.json")


def finished(folder: Path, at: str, sources: Sequence[SourceSpec] = (HK,), **record: object) -> Path:
    folder.mkdir(parents=True)
    record |= {"finished_at": at, "sources": [asdict(spec) for spec in sources]}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    (folder / "_SUCCESS").touch()
    return folder


def test_the_first_month_has_none(tmp_path: Path) -> None:
    assert find_previous("latest", str(tmp_path / "audits" / "2026-11"), [HK]) is None


def test_the_newest_finished_run_beside_it(tmp_path: Path) -> None:
    finished(tmp_path / "z-oldest", "2026-08-27T02:30:00+00:00")
    newest = finished(tmp_path / "2026-10", "2026-10-27T02:30:00+00:00")
    finished(tmp_path / "packed", "2026-10-28T02:30:00+00:00", travels={})
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "run.json").write_text('{"finished_at": "2026-12"}', encoding="utf-8")
    assert find_previous("latest", str(tmp_path / "2026-11"), [HK]) == str(newest)
    assert find_previous("latest", f"{tmp_path}/2026-11/", [HK]) == str(newest)


@pytest.mark.parametrize(
    ("sources", "wanted"),
    [
        pytest.param([HK], "hk", id="its own, though another archive's is newer"),
        pytest.param([HK, GZ], "both", id="the same sources before some of them"),
        pytest.param([GZ], "both", id="a source has gone: what shares one"),
        pytest.param([replace(HK, library="hongkong")], "hk", id="the library is called something else"),
        pytest.param([report("2026-11")], "hk", id="an inventory report of the same bucket"),
        pytest.param([replace(HK, prefix="maps/")], None, id="another prefix is another archive"),
        pytest.param([replace(OLD, bucket="/mnt/more")], None, id="nobody's"),
    ],
)
def test_other_archives_runs_are_passed_over(tmp_path: Path, sources: list[SourceSpec], wanted: str | None) -> None:
    finished(tmp_path / "both", "2026-09-27T02:30:00+00:00", [GZ, HK])
    finished(tmp_path / "hk", "2026-10-27T02:30:00+00:00", [report("2026-10")])
    finished(tmp_path / "scans", "2026-10-28T02:30:00+00:00", [OLD])
    found = find_previous("latest", str(tmp_path / "now"), sources)
    assert found == (str(tmp_path / wanted) if wanted else None)


def test_a_run_begun_again_keeps_what_it_was_begun_with(tmp_path: Path) -> None:
    finished(tmp_path / "2026-10", "2026-10-27T02:30:00+00:00")
    request = tmp_path / "2026-11" / REQUEST_PATH
    request.parent.mkdir(parents=True)
    request.write_text('{"previous": null}', encoding="utf-8")
    assert find_previous("latest", str(tmp_path / "2026-11"), [HK]) is None


@pytest.mark.parametrize("given", ["2026-10", "./2026-10", "../audits/2026-10"])
def test_a_relative_name_holds_from_everywhere(tmp_path: Path, monkeypatch, given: str) -> None:
    (tmp_path / "audits").mkdir()
    monkeypatch.chdir(tmp_path / "audits")
    assert find_previous(given, "2026-11", [HK]) == str(tmp_path / "audits" / "2026-10")
    assert find_previous("s3://audits/2026-10", "s3://audits/2026-11", [HK]) == "s3://audits/2026-10"


def test_two_months_by_one_line_of_cron(tmp_path: Path) -> None:
    """The same line both times; the second reads the new file alone, and says so."""
    files = dict(list(next(iter(libraries().values())).items())[:6])
    photos = Path(fill_folder(tmp_path / "photos", files))
    (tmp_path / "audits").mkdir()

    def month(name: str) -> tuple[str, dict]:
        line = [MIRRORFOLD, "run", str(photos), "-o", f"audits/{name}", "--previous", "latest"]
        done = subprocess.run(line, cwd=tmp_path, env=os.environ | {"COLUMNS": "120"}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout, json.loads((tmp_path / "audits" / name / "run.json").read_text("utf-8"))

    screen, first = month("first")
    assert "Since the run before" not in screen
    assert first["previous"] is None
    new = next(path for path in sorted(photos.rglob("*")) if path.is_file() and path.suffix == ".jpg")
    added = new.read_bytes() + b"more"
    (photos / "added.jpg").write_bytes(added)
    screen, second = month("second")
    assert second["previous"] == str(tmp_path / "audits" / "first")
    assert second["metrics"]["bytes_read"] == len(added)
    assert second["metrics"]["bytes_spared"] == first["metrics"]["bytes_read"] + first["metrics"]["bytes_spared"]
    assert "new or changed   1," in screen
