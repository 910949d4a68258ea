"""The guides are true: their commands, as they stand on the page, done one after the other in a clean folder."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from PIL import Image

from tests.mission.archive import libraries
from tests.mission.stores import environment, fill_folder, fill_gcs, fill_s3
from tests.servers import Server, fake_gcs_server, moto_server
from tests.test_readme import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

BIN = Path(sys.executable).parent


def shown(guide: str, *starts: str) -> list[str]:
    """Give the command lines of a guide, whole, in its order; joined where a backslash goes on.

    Args:
      starts: what a command begins with, `mirrorfold` by default.
    """
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    lines = re.findall(r"^    (.*)$", re.sub(r"\\\n\s*", " ", text), re.MULTILINE)
    return [line for line in lines if line.startswith(starts or ("mirrorfold ",))]


class Shell:
    """Does commands as a person types them, in a folder with nothing else."""

    def __init__(self, folder: Path, env: dict[str, str]):
        self.folder = folder
        self.env = env | {"HOME": str(folder), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}

    def __call__(self, line: str, code: int = 0) -> str:
        done = subprocess.run(line, shell=True, cwd=self.folder, env=self.env, capture_output=True, text=True)
        assert done.returncode == code, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        return done.stdout


def few(name: str) -> dict[str, bytes]:
    return dict(list(libraries()[name].items())[:6])


def test_the_studios_guide(tmp_path: Path) -> None:
    files = {name.replace("/", " "): data for name, data in few("hk").items()}
    name, data = max(files.items(), key=lambda item: len(item[1]))
    small = Image.open(io.BytesIO(data)).convert("RGB")
    small.thumbnail((200, 200))
    small.save(resized := io.BytesIO(), "JPEG", quality=80)
    pictures = fill_folder(tmp_path / "Pictures", files | {"a copy.jpg": data, "for the web.jpg": resized.getvalue()})
    before = {path.name: path.read_bytes() for path in pictures.iterdir()}
    do, aside = Shell(tmp_path, dict(os.environ)), tmp_path / "Pictures-quarantine"
    run, export, take, again, look, move, undo = shown("studio.md", "mirrorfold ", "sh ")
    do(run)
    waits = f"SELECT content_id, cluster_id FROM '{tmp_path}/clean/decisions/*.parquet' WHERE action = 'review'"
    content, kept = duckdb.sql(waits).fetchall()[0]
    said = {"verdict": "same", "reviewer": "me", "at": "2026-11-29T12:00:00Z"}
    pair = {"content_a": min(content, kept), "content_b": max(content, kept), **said}
    (tmp_path / "decisions.jsonl").write_text(json.dumps(pair) + "\n")
    do(take)
    do(again)
    do(export)
    do(look)
    assert {path.name for path in pictures.iterdir()} == set(before)
    do(move)
    moved = {path.name for path in aside.rglob("*") if path.is_file()}
    assert len(moved) == 2
    assert {path.name for path in pictures.iterdir()} == set(before) - moved
    do(undo)
    assert {path.name: path.read_bytes() for path in pictures.iterdir()} == before, name


def test_the_guide_on_training_sets(tmp_path: Path) -> None:
    """Its commands in their order, over a crawl and a test set that share pictures."""
    shared = few("hk")
    fill_folder(tmp_path / "data/web", {name.replace("/", " "): data for name, data in shared.items()})
    name, data = max(shared.items(), key=lambda item: len(item[1]))
    fill_folder(tmp_path / "data/test", {"taken.jpg": data} | {n.replace("/", " "): d for n, d in few("gz").items()})
    do = Shell(tmp_path, dict(os.environ))
    said = [do(line) for line in shown("training-sets.md") if line.startswith("mirrorfold ")]
    leaks = (tmp_path / "out/exports/leakage/leaks.csv").read_text("utf-8")
    assert "taken.jpg" in leaks, name
    assert "identical" in said[1]
    assert json.loads((tmp_path / "out/exports/kept-webdataset/index.json").read_text("utf-8"))["shardlist"]
    assert (tmp_path / "out/exports/kept-jsonl/kept-000000.jsonl").exists()
    assert (tmp_path / "out/exports/repeats/figures.csv").exists()


@pytest.fixture(scope="module")
def stores():
    with moto_server() as s3, fake_gcs_server() as gcs:
        fill_s3(s3, "hk-archive", few("hk"))
        fill_gcs(gcs, "gz-mirror", few("gz"))
        yield s3, environment(s3.url, gcs.url, s3)


def test_the_guides_on_the_policy_audits_and_the_move(tmp_path: Path, stores: tuple[Server, dict[str, str]]) -> None:
    """A policy of one's own, a first run under it, the next month's two ways, and what arrived after the move."""
    s3, env = stores
    do = Shell(tmp_path, env)
    check, schema, first = shown("policy.md")[:3]
    (tmp_path / "my-policy.yaml").write_text(do("mirrorfold policy show museum"))
    do(check)
    do(schema)
    assert json.loads((tmp_path / "policy.schema.json").read_text("utf-8"))["properties"]
    do(first)
    do("mkdir audits; cp -r out audits/2026-10; mv out 2026-10; mkdir out; mv 2026-10 out/2026-10")
    month = shown("audits.md")[0]
    do(month)
    record = json.loads((tmp_path / "out" / "2026-11" / "run.json").read_text("utf-8"))
    assert (record["previous"], record["metrics"]["bytes_read"]) == (str(tmp_path / "out" / "2026-10"), 0)
    (cron,) = shown("audits.md", "30 2 27 * *")
    line = cron.removeprefix("30 2 27 * *").strip().replace(r"\%", "%")
    do(line.replace("/srv/audits", f"{tmp_path}/audits").replace("/var/log", str(tmp_path)))
    (now,) = (path for path in (tmp_path / "audits").iterdir() if path.name != "2026-10")
    assert json.loads((now / "run.json").read_text("utf-8"))["previous"] == str(tmp_path / "audits" / "2026-10")
    fill_s3(s3, "new-archive", few("hk") | few("gz"))
    do("mv out 2026; mv audits/2026-10 out")
    (arrived,) = [line for line in shown("after-the-move.md") if line == "mirrorfold reconcile out/ s3://new-archive"]
    do(arrived)
    states = duckdb.sql(f"SELECT DISTINCT state FROM '{tmp_path}/out/reconciliation/*.parquet'").fetchall()
    assert ("arrived",) in states
    assert ("missing",) not in states
