"""Matching where one worker can't hold a component of candidates, nor a family: CPU and peak memory of the whole step.

    python -m benchmarks.bench_large [--quick] [--contents N] [--family N]

Contents are made up (synthetic.py), but share a coarse picture, so that chance links them into components as it links
photographs. A family is a walk: pictures that change a little from one to the next, with altered copies of each. With
--quick the limits are lowered to a tenth, and the tables are compared with those of one worker that holds it all.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SHARED, STEP, COPY = 0.8, 0.05, 0.02
"""Weights of the picture that all share, of a step of the walk, and of a copy's change."""
COPIES = 20
"""Contents of the family at each step of the walk."""
BLOCK = 20_000


def weights_of(contents: int, family: int) -> np.ndarray:
    """Make the cosines of all pictures, float32 (contents, 8, 8): the family's first."""
    from benchmarks.synthetic import _weights

    random = np.random.default_rng(3)
    steps = -(-family // COPIES)
    walk = np.cumsum(STEP * _weights(random, steps), axis=0) + _weights(random, 1)
    found = np.repeat(walk, COPIES, axis=0)[:family] + COPY * _weights(random, family)
    shared = _weights(random, 1)
    others = SHARED * shared + np.sqrt(1 - SHARED**2) * _weights(random, contents - family)
    return np.concatenate([found, others]).astype(np.float32)


def write_contents(folder: str, contents: int, family: int) -> None:
    """Write `contents`, and an object for each."""
    from benchmarks.synthetic import contents_of_weights, objects_block
    from mirrorfold.schemas.contents import CONTENTS
    from mirrorfold.schemas.objects import OBJECTS
    from mirrorfold.transforms.blocks import parquet
    from mirrorfold.transforms.stores.output import open_output

    output, weights = open_output(folder), weights_of(contents, family)
    shards = -(-contents // BLOCK)
    for shard, start in enumerate(range(0, contents, BLOCK)):
        numbers = np.arange(start, min(start + BLOCK, contents))
        for table, block in (
            (CONTENTS, contents_of_weights(numbers, weights[numbers])),
            (OBJECTS, objects_block(numbers, contents)),
        ):
            parquet.write_shard(output, table, block.sort_by(table.order[0]), shard, shards)


def match(folder: str, largest: int) -> None:
    """Run the step in this process and print what it took."""
    from benchmarks.bench_stages import cpu, forget_peak, peak_mb
    from mirrorfold.configs.policy import load_policy
    from mirrorfold.configs.settings import Settings
    from mirrorfold.pipelines import match as step
    from mirrorfold.pipelines import match_rounds
    from mirrorfold.pipelines.context import RunContext
    from mirrorfold.pipelines.engine import engine
    from mirrorfold.pipelines.record.steps import count_rows
    from mirrorfold.transforms.cluster.large import grid
    from mirrorfold.transforms.stores.output import open_output

    grid.GROUP_ROWS = max(1, largest // 2)
    step.Cluster = functools.partial(step.Cluster, largest=largest, group_rows=grid.GROUP_ROWS)
    counts = {name: count_rows(open_output(folder), name) for name in ("contents", "objects")}
    options, found = engine.pipeline_options((), work=None), []
    with tempfile.TemporaryDirectory(dir=Path(folder).parent) as spill:
        run = RunContext(folder, Settings(), load_policy("default"), counts=counts, spill=spill)
        for build in itertools.chain([step.build], match_rounds.rounds(run)):
            forget_peak()
            before = cpu()
            counted = engine.run_pipeline(functools.partial(build, run=run), options)
            found.append({"cpu": cpu() - before, "peak": peak_mb(), "counted": counted})
    print(json.dumps(found))


def child(folder: Path, largest: int) -> list[dict]:
    """Run `match` in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.bench_large", "--match", str(folder), str(largest)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ)
    if done.returncode:
        raise RuntimeError(f"matching {folder} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def tables(folder: Path) -> dict[str, bytes]:
    """Read the tables that matching writes."""
    return {
        f"{name}/{path.name}": path.read_bytes()
        for name in ("components", "pairs", "clusters")
        for path in Path(folder, name).iterdir()
    }


def clear(folder: Path) -> None:
    """Remove them."""
    for name in tables(folder):
        (folder / name).unlink()


def families(folder: Path) -> tuple[int, int, int]:
    """Give the contents of the largest component and of the largest family, and that family's stars."""
    from mirrorfold.schemas.clusters import CLUSTERS
    from mirrorfold.schemas.components import COMPONENTS
    from mirrorfold.transforms.blocks import parquet
    from mirrorfold.transforms.stores.output import open_output

    output = open_output(str(folder))
    components = parquet.read_table(output, COMPONENTS).column("component").to_numpy()
    rows = parquet.read_table(output, CLUSTERS, ["family_id", "cluster_id"])
    found = rows.group_by("family_id").aggregate([("cluster_id", "count"), ("cluster_id", "count_distinct")])
    largest = found.sort_by([("cluster_id_count", "descending")]).slice(0, 1).to_pylist()
    one = largest[0] if largest else {"cluster_id_count": 0, "cluster_id_count_distinct": 0}
    most = int(np.unique(components, return_counts=True)[1].max(initial=0))
    return most, one["cluster_id_count"], one["cluster_id_count_distinct"]


def main() -> None:
    """Print what each pipeline of the step took."""
    if "--match" in sys.argv:
        match(sys.argv[2], int(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the contents and limits, and compare")
    parser.add_argument("--contents", type=int, default=250_000)
    parser.add_argument("--family", type=int, default=200_000)
    given, _ = parser.parse_known_args()
    scale = 10 if given.quick else 1
    contents, family, largest = given.contents // scale, given.family // scale, 100_000 // scale
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "run")
        write_contents(str(folder), contents, family)
        found = child(folder, largest)
        component, rows, stars = families(folder)
        print(f"{contents:,} contents: {component:,} in one component, {rows:,} in one family of {stars:,} stars")
        names = ["search, grid", *(f"round {n}" for n in range(1, len(found) - 1)), "the rest"][: len(found)]
        for name, one in zip(names, found, strict=True):
            print(f"  {name:14} {one['cpu'] / contents * 1e6:7.0f} µs of CPU a content, peak {one['peak']:,.0f} MB")
        print(f"  in all         {sum(one['cpu'] for one in found) / contents * 1e6:7.0f} µs, {largest:,} to a worker")
        same = True
        if given.quick:
            split = tables(folder)
            clear(folder)
            whole = child(folder, contents + 1)
            same = tables(folder) == split
            print(f"  one worker     {whole[0]['cpu'] / contents * 1e6:7.0f} µs, peak {whole[0]['peak']:,.0f} MB")
            print(f"  the same tables: {'yes' if same else 'NO'}")
    if not same:
        sys.exit(1)


if __name__ == "__main__":
    main()
