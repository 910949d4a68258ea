"""The demo's archive under every ready policy, by the command line: decided, verified, reviewed, signed, exported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from demo.archive import build, write_folder
from mirrorfold.configs.policy import ready_policies
from mirrorfold.pipelines.finished.verify import verify

PROGRAM = str(Path(sys.executable).parent / "mirrorfold")


def mirrorfold(*arguments: str) -> str:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=280, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for name, files in zip(("hk", "gz"), build(), strict=True):
        (folder / name).mkdir()
        write_folder(files, folder / name)
    return folder


def ask(folder: Path, question: str) -> list[tuple]:
    return duckdb.sql(question.replace("decisions", f"'{folder}/decisions/*.parquet'")).fetchall()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_ready_policy_keeps_its_promises_over_the_demo(archive, tmp_path):
    freed = {}
    for policy in ready_policies():
        # The same folder again: what a policy doesn't change isn't done twice.
        mirrorfold("run", str(archive / "hk"), str(archive / "gz"), "--output", str(tmp_path), "--policy", policy)
        assert verify(str(tmp_path)) == []
        ((freed[policy],),) = ask(tmp_path, "SELECT sum(bytes_freed) FROM decisions WHERE action = 'quarantine'")
    assert freed["museum"] < freed["default"] < freed["training-set"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_from_review_to_sign_off(archive, tmp_path):
    """The walk of docs/merging-two-libraries.md over the demo."""
    out, rules = str(tmp_path / "out"), tmp_path / "merge.yaml"
    rules.write_text(
        "version: 1\nreview: {min_bytes_freed: 0}\napproval: {required_roles: [curator, legal]}\n"
        "keep_roles: []\nconflict_review: []\n"
    )
    mirrorfold("policy", "check", str(rules))
    mirrorfold("run", f"hk={archive / 'hk'}", f"gz={archive / 'gz'}", "--output", out, "--policy", str(rules))
    waiting = ask(
        Path(out),
        "SELECT d.uri, d.content_id, k.content_id FROM decisions d JOIN decisions k ON d.kept_uri = k.uri "
        "WHERE d.action = 'review' ORDER BY ALL",
    )
    assert len(waiting) >= 2
    (same, *pair), (other, *others) = waiting[0], waiting[-1]
    words = tmp_path / "ann.jsonl"
    said = [(pair, "same"), (others, "different")]
    words.write_text(
        "\n".join(
            json.dumps({"content_a": a, "content_b": b, "verdict": v, "reviewer": "ann", "at": "2026-11-01T00:00:00Z"})
            for (a, b), v in said
        )
    )
    mirrorfold("review", "import", out, str(words))
    mirrorfold("publish", "--output", out)
    mirrorfold("verify", out)
    rows = dict(ask(Path(out), "SELECT uri, rule FROM decisions"))
    assert rows[same] == "verdict-same"
    assert rows[other] == "verdict-different"
    assert "A draft only" in mirrorfold("export", out, "--what", "quarantine", "--to", "rclone")
    for role, name in (("curator", "Ann Lee"), ("legal", "Ben Ho")):
        mirrorfold("approve", out, "--role", role, "--by", name)
    done = mirrorfold("export", out, "--what", "quarantine", "--to", "rclone")
    assert "draft" not in done
    mirrorfold("export", out, "--what", "crosswalk", "--to", "csv")
    # A later run over the same archive: what was called different isn't asked again.
    later = str(tmp_path / "later")
    mirrorfold(
        "run", f"hk={archive / 'hk'}", f"gz={archive / 'gz'}", "--output", later, "--previous", out,
        "--policy", str(rules),
    )  # fmt: skip
    rows = dict(ask(Path(later), "SELECT uri, rule FROM decisions"))
    assert rows[same] == "verdict-same"
    assert rows[other] == "verdict-different"
    assert verify(later) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_accepted_sample_lets_its_stratum_go_and_a_rejected_one_does_not(archive, tmp_path):
    out, rules = str(tmp_path / "out"), tmp_path / "sampled.yaml"
    rules.write_text(
        "version: 1\nreview: {min_bytes_freed: 0}\nkeep_roles: []\nconflict_review: []\n"
        "tiers: {near-certain: {action: quarantine, when: accepted}}\n"
    )
    mirrorfold("run", f"hk={archive / 'hk'}", f"gz={archive / 'gz'}", "--output", out, "--policy", str(rules))
    asleep = ask(
        Path(out), "SELECT count(*) FROM decisions WHERE action = 'quarantine' AND tier_to_kept <> 'identical'"
    )
    assert asleep == [(0,)], "nothing goes before a sample was accepted"
    plan = ("review", "plan", out, "--max-error", "20%", "--confidence", "90%")
    drawn = mirrorfold(*plan)
    assert "open" in drawn
    assert mirrorfold(*plan) == drawn, "the same samples, however often one asks"
    mirrorfold("publish", "--output", out)
    assert "Accepted by sampling" in (tmp_path / "out" / "report.html").read_text()
    (pairs,) = (tmp_path / "out" / "review" / "acceptance").glob("*.parquet")
    sample = duckdb.sql(f"SELECT content_a, content_b, stratum FROM '{pairs}' WHERE place IS NOT NULL").fetchall()
    rejected = max(stratum for *_, stratum in sample if "near-certain" in stratum)
    words = tmp_path / "ann.jsonl"
    words.write_text(
        "\n".join(
            json.dumps(
                {"content_a": a, "content_b": b, "verdict": "different" if stratum == rejected else "same",
                 "reviewer": "ann", "at": "2026-11-01T00:00:00Z", "seen": True}
            )
            for a, b, stratum in sample
        )
    )  # fmt: skip
    mirrorfold("review", "import", out, str(words))
    mirrorfold("publish", "--output", out)
    states = {line.split()[0]: line.split()[-1] for line in mirrorfold(*plan).splitlines() if "/" in line.split()[0]}
    assert states[rejected.split()[0]] == "rejected"
    let_go = ask(Path(out), "SELECT DISTINCT review_batch, rule FROM decisions WHERE rule = 'accepted'")
    assert let_go, "pairs that nobody looked at go with their stratum"
    mirrorfold("verify", out)
    # Without the sample nothing of this may go.
    pairs.with_suffix(".json").unlink()
    assert any("without a person's word" in broken.text for broken in verify(out))
