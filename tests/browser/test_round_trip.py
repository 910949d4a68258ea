"""The whole way round: run, open, decide by keyboard, export, import, run again: the plan has changed accordingly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset
import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.pages import open_review, press, settle, state, wait
from tests.publish.publish_archive import build_archive
from tests.publish.publish_runs import Published

pytestmark = pytest.mark.slow

POLICY = """
version: 1
name: ask-everything
tiers: {identical: {action: quarantine}}
review: {min_bytes_freed: 0}
"""


def mirrorfold(*arguments: str) -> str:
    """Run the command line as people do."""
    program = Path(sys.executable).parent / "mirrorfold"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def decisions(output: Path) -> dict[tuple[str, str], dict]:
    rows = pyarrow.dataset.dataset(output / "decisions", format="parquet").to_table().to_pylist()
    return {(row["uri"], row["version"]): row for row in rows}


def test_a_verdict_made_in_the_browser_changes_the_plan(browser, tmp_path, downloads) -> None:
    archive = build_archive(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "settings.yaml").write_text(f"policy: {tmp_path / 'policy.yaml'}\n")
    output = tmp_path / "run"
    sources = [f"{name}={tmp_path / 'sources' / name}" for name in ("hk", "gz-mirror", "press")]
    run = ("run", *sources, "--config", str(tmp_path / "settings.yaml"), "--output", str(output))
    mirrorfold(*run)
    before = decisions(output)
    waiting = [row for row in before.values() if row["action"] == "review"]
    assert len(waiting) > 10
    said_nobody = (output / "report.html").read_text().count("nobody has looked yet")
    assert said_nobody

    open_review(browser, Published(archive, output))
    browser.find_element("id", "reviewer").send_keys("Ada", Keys.ESCAPE)
    for key in "aadv":
        press(browser, key)
        settle(browser)
    # An answer on the sample measures; it moves no file.
    answers = tmp_path / "sample.jsonl"
    pair = max(waiting, key=lambda row: row["size"])
    a, b = sorted((pair["content_id"], before[pair["kept_uri"], pair["kept_version"]]["content_id"]))
    answer = {"content_a": a, "content_b": b, "verdict": "same", "reviewer": "Bo", "at": "2026-11-01T00:00:00Z"}
    answers.write_text(json.dumps(answer | {"purpose": "sample"}))
    tables = {path.name: path.read_bytes() for path in (output / "decisions").iterdir()}
    mirrorfold("review", "import", str(output), str(answers))
    mirrorfold("publish", "--output", str(output))
    assert {path.name: path.read_bytes() for path in (output / "decisions").iterdir()} == tables
    assert "95 % interval" in (output / "report.html").read_text()
    assert (output / "report.html").read_text().count("nobody has looked yet") < said_nobody

    ids = browser.execute_async_script(
        "const done = arguments[0]; Promise.all([0, 1, 2, 3].map((n) => mirrorfold.loadIds(n))).then(done)"
    )
    assert [said["verdict"] for said in state(browser).values()] == ["same", "same", "different", "split"]
    for old in downloads.glob("*.jsonl"):
        old.unlink()
    press(browser, "x")
    wait(browser, lambda: list(downloads.glob("*.jsonl")))
    (file,) = downloads.glob("*.jsonl")

    mirrorfold("review", "import", str(output), str(file))
    mirrorfold(*run)
    after = decisions(output)
    for (content_a, content_b, kept_is_b), action in zip(
        ids, ("quarantine", "quarantine", "keep", "keep"), strict=True
    ):
        other = content_a if kept_is_b else content_b
        rows = [row for row in after.values() if row["content_id"] == other and row["tier_to_kept"] != "identical"]
        assert rows
        assert {row["action"] for row in rows} == {action}
        assert all(row["rule"].startswith("verdict-") for row in rows)
    changed = {
        key
        for key in after
        if (after[key]["action"], after[key]["rule"]) != (before[key]["action"], before[key]["rule"])
    }
    assert {after[key]["content_id"] for key in changed} <= {content for pair in ids for content in pair[:2]}
    assert "95 % interval" in (output / "report.html").read_text()
    mirrorfold("verify", str(output))

    open_review(browser, Published(archive, output))
    index = browser.execute_script("return mirrorfold.index.count")
    assert index < len({row["content_id"] for row in waiting})
