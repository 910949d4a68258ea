"""The CPU of matching an audit's new contents against all, beside that of matching everything, on made-up pictures.

    python -m benchmarks.bench_rematch [--quick]

Contents are smooth random pictures, a tenth of them altered copies of others; an audit adds 1 % and removes 0.1 %.
Both ways of matching run the whole step (search, verification, clusters, tables) in a process of their own and must
write the same tables. Start-up (a run over 50 contents) is left out.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

BLOCK = 20_000
SHARES = (0.01, 0.001)
"""Of contents that are new, and that are gone."""


def make_block(start: int, rows: int) -> pa.Table:
    """Make rows of `contents`: smooth random lumas, every tenth a brighter, noisier copy of the one before it."""
    from mirrorfold.schemas.contents import CONTENTS
    from mirrorfold.transforms.fingerprint.signatures import sign

    random = np.random.default_rng(start)
    coarse = random.random((rows, 9, 9), dtype=np.float32)
    grid = np.linspace(0, 7.999, 64)
    low, share = grid.astype(int), (grid % 1).astype(np.float32)
    across = coarse[:, :, low] * (1 - share) + coarse[:, :, low + 1] * share
    lumas = (across[:, low] * (1 - share)[:, None] + across[:, low + 1] * share[:, None]) * 200
    lumas += random.normal(0, 6, lumas.shape).astype(np.float32)
    lumas[1::10] = lumas[0::10][: len(lumas[1::10])] * 1.02 + random.normal(0, 2, lumas[1::10].shape)
    lumas = np.clip(lumas, 0, 255).astype(np.uint8)
    found = sign(lumas)
    constant = {
        "media_type": "image/jpeg", "width": 1200, "height": 900, "frames": 1, "algorithm": "bench", "pdq_quality": 90,
        "grey": False, "low_information": False, "document": False, "preview": False, "metadata_fields": 0,
        "orientation": 1, "mode": "RGB", "bit_depth": 8, "lossless": False, "colour": bytes([128] * 24),
    }  # fmt: skip
    columns = {
        "content_id": [hashlib.sha256(str(start + i).encode()).hexdigest() for i in range(rows)],
        "size": random.integers(10**5, 10**6, rows),
        "phash64": found.phash64,
        **{name: [v.tobytes() for v in getattr(found, name)] for name in ("phash256", "dhash256", "pdq256")},
        **{name: getattr(found, name).tolist() for name in ("windows64", "dihedral64")},
        "luma": [luma.tobytes() for luma in lumas],
        "picture_digest": [f"digest-{start + i}" for i in range(rows)],
    }
    return pa.table([_column(field, constant, columns, rows) for field in CONTENTS.schema], schema=CONTENTS.schema)


def _column(field: pa.Field, constant: dict, columns: dict, rows: int) -> pa.Array:
    if field.name in columns:
        return pa.array(columns[field.name], type=field.type)
    value = constant.get(field.name)
    return pa.nulls(rows, field.type) if value is None else pa.repeat(pa.scalar(value, field.type), rows)


def write_state(folder: Path, blocks: list[pa.Table]) -> None:
    """Write `contents`, an object for each, and the record of a finished run."""
    from mirrorfold.configs.policy import load_policy
    from mirrorfold.configs.settings import Settings
    from mirrorfold.pipelines.record.run_record import code_version, library_versions
    from mirrorfold.schemas.catalogue import TABLES
    from mirrorfold.schemas.contents import CONTENTS
    from mirrorfold.schemas.objects import OBJECTS
    from mirrorfold.transforms.blocks import parquet
    from mirrorfold.transforms.fingerprint.version import ALGORITHM
    from mirrorfold.transforms.retain.policy import policy_hash
    from mirrorfold.transforms.stores.output import open_output

    output = open_output(str(folder))
    for shard, block in enumerate(blocks):
        rows = block.sort_by("content_id")
        parquet.write_shard(output, CONTENTS, rows, shard, len(blocks))
        parquet.write_shard(output, OBJECTS, _objects(rows), shard, len(blocks))
    record = {
        "mirrorfold": code_version(), "versions": library_versions(), "algorithms": [ALGORITHM],
        "schemas": {name: table.version for name, table in TABLES.items()},
        "settings": Settings().model_dump(mode="json"),
        "policy_hash": policy_hash(load_policy("default")), "counts": {"objects": sum(map(len, blocks))},
    }  # fmt: skip
    output.put("run.json", json.dumps(record).encode())
    output.put("_SUCCESS", b"")


def _objects(contents: pa.Table) -> pa.Table:
    from mirrorfold.schemas.objects import OBJECTS

    ids = contents.column("content_id").to_pylist()
    times = pa.array([int(name[:12], 16) for name in ids], OBJECTS.schema.field("last_modified").type)
    constant = {
        "library": "b", "store": "s3", "bucket": "b", "version": "", "etag": "e", "storage_class": "STANDARD",
        "hold": "no", "is_latest": True, "is_delete_marker": False, "archived": False, "identity_evidence": "read",
    }  # fmt: skip
    columns = {
        "uri": [f"s3://b/{name}" for name in ids],
        "key": ids,
        "size": contents.column("size"),
        "content_id": ids,
    }
    arrays = [
        times if field.name == "last_modified" else _column(field, constant, columns, len(ids))
        for field in OBJECTS.schema
    ]
    return pa.table(arrays, schema=OBJECTS.schema)


def match(folder: str, previous: str | None) -> None:
    """Run the step in this process and print what it took, after a first run over a few contents."""
    from mirrorfold.configs.policy import load_policy
    from mirrorfold.configs.settings import Settings
    from mirrorfold.pipelines import match as step
    from mirrorfold.pipelines.context import RunContext
    from mirrorfold.pipelines.engine import engine
    from mirrorfold.pipelines.record.steps import count_rows
    from mirrorfold.transforms.stores.output import open_output

    options = engine.pipeline_options((), work=None)
    for state in (str(Path(folder).parent / "few"), folder):
        counts = {name: count_rows(open_output(state), name) for name in ("contents", "objects")}
        earlier = previous if state == folder else None
        before = time.process_time()
        with tempfile.TemporaryDirectory() as spill:
            run = RunContext(state, Settings(), load_policy("default"), counts=counts, spill=spill, previous=earlier)
            engine.run_pipeline(functools.partial(step.build, run=run), options)
    print(json.dumps({"cpu": time.process_time() - before, "searched": Path(folder, "_work/match").exists()}))


def child(folder: Path, previous: Path | None = None) -> dict:
    """Run `match` in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--match", str(folder), str(previous or "")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"matching {folder} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def shards(folder: Path) -> dict[str, bytes]:
    """Read the tables that matching writes."""
    return {
        f"{name}/{path.name}": path.read_bytes()
        for name in ("edges", "pairs", "clusters")
        for path in Path(folder, name).iterdir()
    }


def main() -> None:
    """Print the ratio for 100,000 contents (20,000 with --quick)."""
    if "--match" in sys.argv:
        match(sys.argv[2], sys.argv[3] or None)
        return
    rows = 20_000 if "--quick" in sys.argv else 100_000
    new, gone = (int(rows * share) for share in SHARES)
    with tempfile.TemporaryDirectory() as parent:
        old = [make_block(start, min(BLOCK, rows - start)) for start in range(0, rows, BLOCK)]
        now = [old[0].slice(gone), *old[1:], make_block(rows, new)]
        few, before, full, again = (Path(parent, name) for name in ("few", "before", "full", "again"))
        write_state(few, [make_block(10**9, 50)])
        write_state(before, old)
        for folder in (full, again):
            write_state(folder, now)
        child(before)
        everything, changed = child(full), child(again, before)
        same = shards(full) == shards(again)
    print(f"{rows} contents, {new} new and {gone} gone: CPU of the whole step beyond start-up")
    print(f"  everything matched                                     {everything['cpu'] / rows * 1e6:.0f} µs a content")
    print(f"  the new against all                                    {changed['cpu'] / rows * 1e6:.0f} µs a content")
    print(f"  ratio                                                  {changed['cpu'] / everything['cpu']:.2f}")
    print(f"  the same tables: {'yes' if same and changed['searched'] else 'NO'}")
    if not same or not changed["searched"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
