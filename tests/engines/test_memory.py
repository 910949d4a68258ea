"""The local runner's memory: blocks that wait are files, whatever the archive's size."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from apache_beam.runners.portability.fn_api_runner import execution

from mirrorfold.pipelines.record.steps import Ledger
from mirrorfold.transforms.blocks.parked import wiring as parked
from mirrorfold.transforms.fingerprint import wiring as fingerprinting
from tests.audit.test_merge import merge, mission
from tests.audit.world import World, audit

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 1_700_000_000

MOST_BYTES = 11_000
"""What one collection of the archive of 140 objects below may take in the runner's memory: labels and edges, 16 bytes
of a content each, names of files, sums by bucket and class (10,919). All but the narrowest table that passes between
steps take more."""


@pytest.fixture
def held(monkeypatch) -> Counter[str]:
    """Count the bytes that the runner takes in, by what it calls their collection."""
    found: Counter[str] = Counter()
    names: dict[int, tuple[str, object]] = {}
    get_buffer = execution.BundleContextManager.get_buffer

    def name_buffer(self, buffer_id, transform_id):
        buffer = get_buffer(self, buffer_id, transform_id)
        names[id(buffer)] = str(buffer_id), buffer
        return buffer

    def count(kind: type) -> None:
        append = kind.append

        def append_counted(self, elements: bytes) -> None:
            if id(self) in names:  # others lead from one stage's end to its own beginning
                found[names[id(self)][0]] += len(elements)
            append(self, elements)

        monkeypatch.setattr(kind, "append", append_counted)

    monkeypatch.setattr(execution.BundleContextManager, "get_buffer", name_buffer)
    count(execution.ListBuffer)
    count(execution.GroupingBuffer)
    # As if every block were large, and every partition full.
    monkeypatch.setattr(parked, "LEAST_BYTES", 0)
    monkeypatch.setattr(fingerprinting, "OBJECTS_PER_PARTITION", 50)
    return found


@pytest.fixture
def left(monkeypatch) -> list[list[str]]:
    """List what each step finds in the spill folder when it begins."""
    found: list[list[str]] = []
    perform = Ledger.perform

    def listed(self, step, context, execute):
        found.append(sorted(os.listdir(context.spill)))
        perform(self, step, context, execute)

    monkeypatch.setattr(Ledger, "perform", listed)
    return found


def run(world: World, root: Path) -> None:
    audit(world.root, root / "out")


def run_again(world: World, root: Path) -> None:
    audit(world.root, root / "before")
    world.change(random.Random(1))
    audit(world.root, root / "out", root / "before")


def run_merged(world: World, root: Path) -> None:
    sides = [mission(root / name, f"{name}={world.root / name}") for name in ("hk", "gz")]
    merge(root / "out", *sides)


UNDER_LIMIT = """
import resource, sys
limit, objects = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
from benchmarks.bench_stages import STEPS, measure
measure(objects, sys.argv[3], STEPS[:-1])
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_later_stages_keep_to_a_limit(tmp_path):
    """The operating system gives the process no more than this; its tables take several times as much.

    Held in memory, what these steps shuffle passes it in the first of them. The pages are left out.
    """
    command = [sys.executable, "-W", "ignore", "-c", UNDER_LIMIT, str(LIMIT), "100000", str(tmp_path)]
    environment = os.environ | {"AWS_EC2_METADATA_DISABLED": "true"}
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert ended.returncode == 0, ended.stderr[-2000:]


@pytest.mark.parametrize("work", [run, run_again, run_merged])
def test_the_runner_holds_no_table(work, held, left, tmp_path):
    work(World(tmp_path / "archive"), tmp_path)
    assert sum(held.values()) > MOST_BYTES, "nothing was counted"
    assert {name: size for name, size in held.items() if size > MOST_BYTES} == {}
    assert not any(left), "a pipeline's files outlive it"
