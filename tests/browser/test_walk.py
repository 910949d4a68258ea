"""A museum's archive of real pictures, from the first listing to a plan that three roles signed.

Three reviewers share the queue, two of them disagree, the third settles it, samples let the rest of their strata go.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow.dataset
import pytest
from click.testing import CliRunner

from demo.archive import encode, photographs, write_folder
from mirrorfold.pipelines.commands.cli import cli
from tests.browser.test_round_trip import decisions, mirrorfold
from tests.publish.test_signing import shown

pytestmark = pytest.mark.slow

POLICY = """
version: 1
name: museum-walk
protect: ["**/masters/**"]
tiers:
  near-certain: {action: quarantine, when: accepted}
review: {min_bytes_freed: 0, reviewers: 2}
approval: {required_roles: [curator, registrar, legal]}
"""
ACROSS = 3
"""Pictures cut out of each photograph, along each side: each is a subject of its own."""
FOLDERS = 8


def build_museum() -> dict[str, bytes]:
    """Make the archive: each picture as a master with a copy, as web, press and print versions, as a crop."""
    files: dict[str, bytes] = {}
    for name, whole in photographs():
        side = min(whole.size) // ACROSS
        for tile in range(ACROSS**2):
            left = (whole.width - side) * (tile % ACROSS) // (ACROSS - 1)
            top = (whole.height - side) * (tile // ACROSS) // (ACROSS - 1)
            picture = whole.crop((left, top, left + side, top + side))
            stem, edge = f"{name}-{tile}", side // 12
            files[f"masters/{stem}.png"] = files[f"inbox/{stem} copy.png"] = encode(picture, "PNG", compress_level=1)
            files[f"web/{stem}.jpg"] = encode(picture, "JPEG", quality=85)
            files[f"mobile/{stem}.jpg"] = encode(picture.resize((side // 2, side // 2)), "JPEG", quality=85)
            files[f"press/{stem}.webp"] = encode(picture, "WEBP", quality=80, method=0)
            files[f"print/{stem}.tif"] = encode(picture, "TIFF")
            files[f"mail/{stem}.jpg"] = encode(picture, "JPEG", quality=60)
            crop = picture.crop((edge, edge, side - edge, side - edge))
            files[f"crops/{stem}.jpg"] = encode(crop, "JPEG", quality=90)
    return files


def subject(uri: str) -> str:
    """Name what a file shows."""
    return Path(uri).stem.removesuffix(" copy")


def asks(*arguments: str) -> str:
    """Run a command that reads no image, within this process."""
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def queue(output: Path) -> list[dict]:
    return pyarrow.dataset.dataset(output / "review" / "queue", format="parquet").to_table().to_pylist()


def drawn(output: Path) -> set[tuple[str, str]]:
    """Give the pairs that were drawn for acceptance, from what the pages are told."""
    text = (output / "review" / "data" / "index.js").read_text()
    flags = json.loads(re.search(r'\\"flags\\":(\[[^\]]*\])', text)[1])
    rows = {row["pair"]: (row["content_a"], row["content_b"]) for row in queue(output)}
    return {rows[pair] for pair, flag in enumerate(flags) if flag & 16}


def say(path: Path, reviewer: str, words: dict[tuple[str, str], str], purpose: str = "decision") -> str:
    """Write a reviewer's export."""
    said = {"reviewer": reviewer, "reason": "", "at": "2026-11-29T10:00:00Z", "seen": True, "purpose": purpose}
    lines = [json.dumps({"content_a": a, "content_b": b, "verdict": word} | said) for (a, b), word in words.items()]
    path.write_text("\n".join(lines))
    return str(path)


def test_from_the_listing_to_a_signed_plan(tmp_path) -> None:
    write_folder(build_museum(), tmp_path / "museum")
    (tmp_path / "policy.yaml").write_text(POLICY)
    output = tmp_path / "out"
    run = ("run", f"museum={tmp_path / 'museum'}", "--policy", str(tmp_path / "policy.yaml"), "--output", str(output))
    mirrorfold(*run)
    before = decisions(output)
    assert len(before) == 21 * ACROSS**2 * FOLDERS == 1_512
    asks("review", "split", str(output), "--into", "3", "--overlap", "1", "--names", "Ann,Bo,Cy")
    asks("review", "plan", str(output), "--max-error", "5%", "--confidence", "95%")
    mirrorfold("publish", "--output", str(output))

    # Two reviewers look at what no sample speaks for, and at the samples; they disagree about three crops.
    crops = {row["content_id"] for uri, row in before.items() if "/crops/" in uri[0]}
    sample = drawn(output)
    asked = [row for row in queue(output) if not row["sample_only"] and row["beside"] == ""]
    looked = [row for row in asked if (row["content_a"], row["content_b"]) in sample or row["tier"] != "near-certain"]
    assert sample
    assert len(looked) < len(asked)
    shows: dict[str, set[str]] = {}
    for (uri, _), row in before.items():
        shows.setdefault(row["content_id"], set()).add(subject(uri))

    def word(row: dict) -> str:
        if not shows[row["kept"]] & shows[row["other"]]:
            return "different"
        return "split" if {row["kept"], row["other"]} & crops else "same"

    truth = {(row["content_a"], row["content_b"]): word(row) for row in looked}
    assert len(truth) > 3 * len(sample) / 2
    disputed = [pair for pair, word in truth.items() if word == "split"][:3]
    bo = truth | dict.fromkeys(disputed, "same")
    exports = [say(tmp_path / "ann.jsonl", "Ann", truth), say(tmp_path / "bo.jsonl", "Bo", bo)]
    asks("review", "import", str(output), *exports)
    mirrorfold("publish", "--output", str(output))
    team = (output / "review" / "data" / "team.js").read_text()
    assert len(json.loads(team.split(",", 1)[1].rsplit(")", 1)[0])["disputed"]) == 3

    # The third settles it, under a name and a date.
    settled = say(tmp_path / "cy.jsonl", "Cy", {pair: truth[pair] for pair in disputed}, "adjudication")
    asks("review", "import", str(output), settled)
    mirrorfold(*run)
    mirrorfold("verify", str(output))
    after = decisions(output)
    gone = {key for key, row in after.items() if row["action"] == "quarantine"}
    assert not [uri for uri, _ in gone if "/crops/" in uri or "/masters/" in uri]
    lost = {subject(uri) for uri, _ in before} - {subject(uri) for uri, _ in after.keys() - gone}
    assert not lost, "every subject is still there"
    accepted = [key for key in gone if after[key]["rule"] == "accepted"]
    assert accepted
    unseen = {row["other"] for row in asked} - {row["other"] for row in looked}
    assert {after[key]["content_id"] for key in accepted} & unseen, "a sample let go what nobody looked at"
    report = shown((output / "report.html").read_text())
    assert "Cy settled 3 disagreements" in report
    assert "accepted" in report
    assert "Draft" in report

    for number, (role, name) in enumerate([("curator", "Dora"), ("registrar", "Emil"), ("legal", "Fay")], 1):
        asks("approve", str(output), "--role", role, "--by", name)
        report = shown((output / "report.html").read_text())
        assert ("Approved" in report, "Draft" in report) == (number == 3, number < 3)
        assert name in report
    told = asks("export", str(output), "--what", "quarantine", "--to", "script", "--no-reread")
    assert "draft" not in told.lower()
