"""Twenty archives of files, audited, planned and cleaned by commands: nothing is lost that nobody gave away."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.stores.output import LocalOutput

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SEED = int(os.environ.get("MIRRORFOLD_SEED", random.randrange(2**32)))
HISTORIES, AUDITS, CONTENTS = 20, 3, 4
MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
FOLDERS = ("", "x/", "book/", "#recycle/", "masters/")
NAMES = ("a.jpg", "IMG_1.jpg", "page_1.jpg", "page_2.jpg", "page_3.jpg", "z.jpg")
POLICIES = (
    "version: 1\nkeep_order: [{library: [hk, gz]}]\n",
    "version: 1\nkeep_order: [{library: [gz, hk]}, newest]\nbelongs_together: {page_runs: ignore}\n",
    "version: 1\nkeep_order: [oldest]\nprotect: ['**/masters/**']\nmin_archival_copies: 2\n",
)


def pictures(rng: random.Random) -> dict[str, list[bytes]]:
    """Make the contents of each history: small pictures that aren't alike."""
    draw = np.random.default_rng(rng.randrange(2**32))
    made: dict[str, list[bytes]] = {}
    for number in range(HISTORIES):
        for _ in range(CONTENTS):
            rough = Image.fromarray(draw.integers(0, 255, (6, 6, 3), dtype=np.uint8))
            data = io.BytesIO()
            rough.resize((96, 72), Image.Resampling.BICUBIC).save(data, "JPEG", quality=90)
            made.setdefault(str(number), []).append(data.getvalue())
    return made


class Archives:
    """The files of all histories, and what people lost or gave away by themselves."""

    def __init__(self, root: Path, rng: random.Random):
        self.root, self.rng, self.contents = root, rng, pictures(rng)
        self.excused: set[str] = set()
        self.listed: set[str] = set()

    def files(self) -> dict[Path, str]:
        """Give every file's digest."""
        return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in self.root.rglob("*") if p.is_file()}

    def edit(self, times: int) -> None:
        """Let people write, overwrite and delete."""
        for number, contents in self.contents.items():
            for _ in range(self.rng.randrange(times)):
                place = f"{self.rng.choice(('hk', 'gz'))}/{number}/{self.rng.choice(FOLDERS)}{self.rng.choice(NAMES)}"
                path = self.root / place
                self.forget(path)
                path.parent.mkdir(parents=True, exist_ok=True)
                if self.rng.random() < 0.85:
                    path.write_bytes(self.rng.choice(contents))

    def forget(self, path: Path) -> None:
        """Let a person delete a file; the last copy outside of bins is lost by that person."""
        if path.exists():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            path.unlink()
            self.excused |= {digest} - self.lasting()

    def lasting(self) -> set[str]:
        """Name the contents that lie outside of bins."""
        return {digest for path, digest in self.files().items() if "#recycle" not in path.parts}

    def act(self, plan: Path, share: float) -> int:
        """Move what a list names into the bin of its library, as a careful person would; give how many went."""
        gone, rows = 0, plan / "quarantine.csv"
        for row in csv.DictReader(rows.read_text().splitlines() if rows.exists() else []):
            path = Path(row["uri"].removeprefix("file://"))
            if path.exists() and self.rng.random() < share:
                target = self.root / path.relative_to(self.root).parts[0] / "#recycle" / f"{self.rng.random()}.jpg"
                target.parent.mkdir(exist_ok=True)
                shutil.move(path, target)
                gone += 1
        return gone

    def empty_bins(self) -> None:
        """Delete what lies in bins."""
        for path in self.files():
            if "#recycle" in path.parts:
                path.unlink()


def command(*line: str | Path) -> None:
    done = subprocess.run([MIRRORFOLD, *map(str, line)], capture_output=True, text=True, timeout=300, check=False)
    refused = line[0] == "export" and "every row was refused" in done.stderr  # all is gone, or changed since
    assert done.returncode == (3 if refused else 0), f"seed {SEED}: {line}: {done.stderr[-2000:]}"


def say(rng: random.Random, output: Path, file: Path) -> list[str]:
    """Write verdicts on some pairs of a run; give the contents that they give away."""
    pairs = read_table(LocalOutput(str(output)), TABLES["pairs"]).to_pylist()
    ids = read_table(LocalOutput(str(output)), TABLES["contents"])["content_id"].to_pylist()
    chosen = [(row["content_a"], row["content_b"]) for row in rng.sample(pairs, min(3, len(pairs)))]
    words = [(a, b, rng.choice(("same", "different"))) for a, b in chosen] + [(rng.choice(ids),) * 2 + ("different",)]
    keys = ("content_a", "content_b", "verdict")
    rows = [dict(zip(keys, word, strict=True)) | {"reviewer": "ann", "at": "2026-01-01"} for word in words]
    file.write_text("\n".join(map(json.dumps, rows)))
    return [end for a, b, verdict in words if verdict == "same" for end in (a, b)]


def test_nothing_is_lost_in_twenty_histories(tmp_path):
    print(f"MIRRORFOLD_SEED={SEED}")
    rng = random.Random(SEED)
    archives, outputs, gone = Archives(tmp_path / "archive", rng), [], 0
    for library in ("hk", "gz"):  # so that no listing is ever empty
        (tmp_path / f"archive/{library}").mkdir(parents=True)
        (tmp_path / f"archive/{library}/alone.txt").write_text(library)
    config, policy = tmp_path / "config.yaml", tmp_path / "policy.yaml"
    config.write_text("publish: {thumbnails: 0, proofs: 0, sketches: 0, sample: 0}\n")
    for audit in range(AUDITS):
        archives.edit(14 if audit == 0 else 4)
        archives.listed |= archives.lasting()
        policy.write_text(rng.choice(POLICIES))
        output = tmp_path / f"out{audit}"
        previous = ["--previous", outputs[-1]] if outputs else []
        sources = [f"{library}={archives.root / library}" for library in ("hk", "gz")]
        told = ["--output", output, "--config", config, "--policy", policy, "--confirm-shrunk", *previous]
        command("run", *sources, *told)
        if audit == 1:
            archives.excused |= set(say(rng, output, tmp_path / "words.jsonl"))
            command("review", "import", output, tmp_path / "words.jsonl")
            command("publish", "--output", output)
        command("verify", output)
        outputs.append(output)
        if audit == 0:  # a list is out, somebody decides on the same run anew, and a second list goes out
            command("export", output, "--what", "quarantine", "--to", "csv")
            gone += archives.act(output / "exports/quarantine-csv", 0.3)
            policy.write_text(rng.choice(POLICIES))
            command("retain", output, "--policy", policy)
            command("publish", "--output", output)
        for plan in outputs[-2:] if audit == AUDITS - 1 else outputs[-1:]:
            command("export", plan, "--what", "quarantine", "--to", "csv")
            gone += archives.act(plan / "exports/quarantine-csv", 0.7)
        if rng.random() < 0.5:
            archives.empty_bins()
    archives.empty_bins()
    lost = archives.listed - set(archives.files().values()) - archives.excused
    assert lost == set(), f"seed {SEED}"
    assert gone > HISTORIES, "histories in which nothing goes show nothing"
