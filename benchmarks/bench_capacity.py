"""The terms of configs/capacity.yaml that one machine can measure, and the model against a run over a real S3 server.

    python -m benchmarks.bench_capacity [--quick]

GETs and hashing are client CPU in this process; the server (versitygw) is a process of its own. Bytes are those that
the stages' shuffles pack, counted where they are packed. What a machine alone can't tell (latency and bandwidth of a
region) stays assumed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import types
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import synthetic
from benchmarks.jpegs import write_jpegs
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.estimating.estimate import estimate
from mirrorfold.pipelines.record.request import Request, resolve_policy
from mirrorfold.pipelines.run import run
from mirrorfold.pipelines.savings import load_constants
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.transforms.blocks import parcels
from mirrorfold.transforms.blocks import wiring as shuffling
from mirrorfold.transforms.estimate.capacity import Model
from mirrorfold.transforms.match import wiring as matching
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec
from mirrorfold.transforms.stores.sources import open_stores
from tests.mission.stores import environment, fill_s3
from tests.servers import recording_proxy, versity_server

PROGRAM = str(Path(sys.executable).parent / "mirrorfold")
MB = 1e6
COPIES = 5


def main() -> None:
    """Print each term beside the stated one, then the model's figures beside a run's."""
    quick = "--quick" in sys.argv
    model = Model(load_constants())
    with tempfile.TemporaryDirectory() as name, versity_server() as server:
        folder = Path(name)
        os.environ.update(environment(server.url, None, server) | {"AWS_EC2_METADATA_DISABLED": "true"})
        measured = {"sha256_per_mb": _sha256()}
        measured |= _gets(server, 400 if quick else 2_000)
        measured |= _tables(folder, 5_000 if quick else 20_000)
        jpegs = [path.read_bytes() for path in write_jpegs(folder / "jpegs", 100 if quick else 400)]
        measured |= _fingerprint_shuffle(folder, jpegs[: len(jpegs) // 2], measured)
        print("term, measured, stated in configs/capacity.yaml, ratio")
        for term, value in measured.items():
            print(f"  {term:<20}{value:>12.3g}{model.term(term):>12.3g}{value / model.term(term):>8.2f}")
        _compare(server, folder, jpegs)


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _sha256() -> float:
    data = os.urandom(200_000)
    return _cpu(lambda: [hashlib.sha256(data).digest() for _ in range(2_000)]) / (2_000 * len(data) / MB)


def _gets(server, count: int) -> dict[str, float]:
    """Read objects of two sizes with the default threads: what a GET costs, and what a megabyte does."""
    sizes = {"small": 2_000, "large": 400_000}
    data = os.urandom(max(sizes.values()))
    fill_s3(server, "gets", {f"{name}/{n}": data[:size] for name, size in sizes.items() for n in range(50)})
    stores = open_stores((SourceSpec("gets", "live", "s3", "gets", ""),))
    cost = {}
    for name, size in sizes.items():
        refs = [_ref(f"{name}/{n % 50}", data[:size]) for n in range(count)]
        with ThreadPoolExecutor(int(Model(load_constants()).term("threads"))) as pool:
            list(pool.map(stores.read, refs[:100]))
            cost[name] = _cpu(lambda refs=refs, pool=pool: [len(read) for read in pool.map(stores.read, refs)]) / count
    stores.close()
    slope = (cost["large"] - cost["small"]) / ((sizes["large"] - sizes["small"]) / MB)
    return {"get_cpu": cost["small"] - slope * sizes["small"] / MB, "get_cpu_per_mb": slope}


def _ref(key: str, data: bytes) -> ObjectRef:
    etag = hashlib.md5(data).hexdigest()
    return ObjectRef("gets", "s3", "gets", key, "", etag, len(data))


class Packed:
    """Counts the bytes that shuffles pack, by who packs them, while a run is at work in this process."""

    def __init__(self):
        self.bytes: Counter[str] = Counter()

    def __enter__(self) -> Counter[str]:
        for name, module in (("shuffle", shuffling), ("search", matching)):
            counted = types.SimpleNamespace(unpack=parcels.unpack, discard=parcels.discard)
            counted.pack = partial(self._pack, name)
            module.parcels = counted
        return self.bytes

    def _pack(self, name: str, data: bytes, *rest) -> bytes:
        self.bytes[name] += len(data)
        return parcels.pack(data, *rest)

    def __exit__(self, *_) -> None:
        shuffling.parcels = matching.parcels = parcels


def _tables(folder: Path, objects: int) -> dict[str, float]:
    """Run the later stages over two archives of one size and other shares of copies; solve for object and content."""
    found, stored = {}, {}
    for copies in (5, 2):
        synthetic.COPIES = copies
        output = folder / f"later-{copies}"
        request, steps = synthetic.request(), synthetic.steps(objects, ("match", "retain", "savings", "changes"))
        run(request, str(output), steps=steps[:1], until="list")
        with Packed() as packed:
            run(request, str(output), steps=steps, until="retain")
        found[copies] = packed["shuffle"]
        stored[copies] = {path.name: _size(path) for path in output.iterdir() if path.is_dir()}
    contents = {copies: objects - objects // copies for copies in found}
    each = (found[5] - found[2]) / (contents[5] - contents[2])
    rows = sum(size for name, size in stored[5].items() if name in ("objects", "decisions", "clusters", "edges"))
    return {
        "table_cpu": _write_cpu(folder / "later-5", folder / "again", objects),
        "bytes_objects": rows / objects,
        "bytes_contents": stored[5]["contents"] / contents[5],
        "shuffle_contents": each,
        "shuffle_objects": (found[5] - each * contents[5]) / objects,
    }


def _write_cpu(source: Path, output: Path, objects: int) -> float:
    """Write tables again that are there: read, split, sorted, packed as Parquet; CPU of an object, its content too.

    What a pipeline over no rows takes is left out.
    """
    import apache_beam as beam

    from mirrorfold.schemas.contents import CONTENTS
    from mirrorfold.schemas.objects import OBJECTS
    from mirrorfold.transforms.blocks.wiring import ReadTable, WriteTable

    def write(source: Path, spill: str) -> None:
        with beam.Pipeline("FnApiRunner") as root:
            for table in (OBJECTS, CONTENTS):
                rows = root | f"Read{table.name}" >> ReadTable(str(source), table)
                rows | f"Write{table.name}" >> WriteTable(str(output), table, objects, spill=spill)

    with tempfile.TemporaryDirectory() as spill:
        none = output / "none"
        write(none, spill)  # start-up and imports
        return (_cpu(lambda: write(source, spill)) - _cpu(lambda: write(none, spill))) / objects


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def _fingerprint_shuffle(folder: Path, jpegs: list[bytes], later: dict[str, float]) -> dict[str, float]:
    """Add what listing and fingerprinting shuffle, and the peak of a process that fingerprints."""
    packed_bytes = {}
    for copies in (1, 2):
        source = folder / f"in-{copies}"
        source.mkdir()
        for number, (_, data) in enumerate(itertools.product(range(copies), jpegs)):
            (source / f"{number:05d}.jpg").write_bytes(data)
        settings = Settings()
        output = folder / f"fingerprinted-{copies}"
        request = Request(parse_sources([str(source)], settings, str(output)), settings, resolve_policy(settings))
        with Packed() as packed:
            run(request, str(output), until="fingerprint")
        packed_bytes[copies] = packed["shuffle"]
    per_object = (packed_bytes[2] - packed_bytes[1]) / len(jpegs)
    per_content = packed_bytes[1] / len(jpegs) - per_object
    command = [PROGRAM, "fingerprint", "--output", str(folder / "alone")]
    subprocess.run([PROGRAM, "list", str(folder / "in-1"), "--output", str(folder / "alone")], check=True, **QUIET)
    _, usage = _run(command)
    return {
        "shuffle_objects": later["shuffle_objects"] + per_object,
        "shuffle_contents": later["shuffle_contents"] + per_content,
        "memory_worker": usage.ru_maxrss * 1024,
    }


QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def _run(command: list[str]):
    """Run a command to its end; give its CPU seconds and what the operating system says of it."""
    process = subprocess.Popen(command, **QUIET)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} failed")
    return usage.ru_utime + usage.ru_stime, usage


def _compare(server, folder: Path, jpegs: list[bytes]) -> None:
    """Estimate a bucket, run over it, and set side by side what was said and what it took."""
    copies = np.random.default_rng(3).choice(len(jpegs), len(jpegs) // (COPIES - 1), replace=False)
    files = {f"a/{n:05d}.jpg": data for n, data in enumerate(jpegs)}
    files |= {f"b/{n:05d}.jpg": jpegs[n] for n in copies.tolist()}
    fill_s3(server, "compared", files)
    settings = Settings()
    request = Request(parse_sources(["s3://compared"], settings, "out"), settings, resolve_policy(settings))
    said = estimate(request)
    output = folder / "compared"
    with recording_proxy(server.url) as recorder:
        os.environ["AWS_ENDPOINT_URL_S3"] = recorder.url
        cpu, usage = _run([PROGRAM, "run", "s3://compared", "--output", str(output)])
        os.environ["AWS_ENDPOINT_URL_S3"] = server.url
    whole = sum(method == "GET" and ".jpg" in path for method, path in recorder.requests)
    took = json.loads((output / "run.json").read_text())["metrics"]
    stored = sum(_size(path) for path in output.iterdir() if path.is_dir() and path.name != "_work")
    rows = [
        ("objects", said.work.objects, took["objects_listed"]),
        ("contents", said.work.contents, took["contents"]),
        ("CPU seconds", said.load.cpu_hours * 3600, cpu),
        ("bytes read", said.load.bytes_read, took["bytes_read"]),
        ("GET requests", said.load.get_requests, whole),
        ("LIST and other requests", said.load.list_requests, len(recorder.requests) - whole),
        ("bytes of tables", said.load.table_bytes, stored),
        ("bytes freed", said.exact.bytes.mid, took["bytes_freed"]),
        ("memory of the process", Model(load_constants()).term("memory_worker"), usage.ru_maxrss * 1024),
    ]
    print(f"`mirrorfold estimate` on {len(files):,} JPEGs in a bucket, and what `mirrorfold run` then took")
    for name, before, after in rows:
        print(f"  {name:<26}{before:>16,.0f}{after:>16,.0f}{after / before if before else float('nan'):>8.2f}")


if __name__ == "__main__":
    main()
