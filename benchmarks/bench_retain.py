"""Decide on every object of an archive, against writing the same rows once as JSON; prints ratios, not times.

python benchmarks/bench_retain.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from retain.pure import decide_tables
from retain.runs import write_run
from retain.tables import clusters, content, contents, failures, obj, objects, pairs, twin

from mirrorfold.configs.policy import load_policy
from mirrorfold.pipelines.finished.verify import verify
from mirrorfold.transforms.publish.manifests.csv import write_manifests
from mirrorfold.transforms.stores.output import LocalOutput


def archive(count: int) -> dict:
    """Make tables of `count` objects: a fifth are copies, a tenth near duplicates, the rest are single."""
    rows, kinds, twins = [], [], []
    for number in range(count // 10):
        names = [f"{number}-{kind}" for kind in range(8)]
        kinds += [content(name, width=100 - place) for place, name in enumerate(names)]
        rows += [obj(f"s3://hk-a/2019/{name}.jpg", name, size=200_000) for name in names]
        copies = [obj(f"s3://gz-b/mirror/{name}.jpg", name, size=200_000) for name in names[:2]]
        rows += copies
        twins.append(twin(rows[-10]["uri"], names[0], names[0], is_master=True))
        twins.append(twin(copies[0]["uri"], names[0], names[0]))
        near = {"tier": "near-certain", "kind": "resized"}
        twins += [twin(row["uri"], names[1], names[0], **near) for row in (rows[-9], copies[1])]
    return {
        "objects": objects(*rows), "contents": contents(*kinds), "failures": failures(), "clusters": clusters(*twins),
        "pairs": pairs(),
    }  # fmt: skip


def spent(work) -> float:
    """Give the CPU seconds that a call takes, the least of two."""
    best = float("inf")
    for _ in range(2):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 objects instead of 200,000")
    count = 20_000 if parser.parse_args().quick else 200_000
    tables = archive(count)
    with tempfile.TemporaryDirectory() as folder:
        made = write_run(folder, tables)
        rows = made["decisions"].to_pylist()
        yardstick = spent(lambda: [json.dumps(row) for row in rows])
        print(f"{count:,} objects; yardstick: the decisions as JSON, 1.00")
        for name in ("default", "museum"):
            policy = load_policy(name)
            ratio = spent(lambda policy=policy: decide_tables(tables, policy)) / yardstick
            print(f"decide under {name}: {ratio:.2f}")
        print(f"manifests: {spent(lambda: write_manifests(LocalOutput(folder))) / yardstick:.2f}")
        ratio = spent(lambda: verify(folder)) / yardstick
        print(f"verify: {ratio:.2f}")
        print(f"(the yardstick took {yardstick / count * 1e6:.1f} CPU µs an object here)")


if __name__ == "__main__":
    main()
