"""The match step of an ordinary local run over given rows of `contents`: what it takes, and what it finds."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import synthetic
from benchmarks.cpu import cpu, forget_peak, peak_mb
from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.commands.progress import Committed, Progress
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.mission import MISSION
from mirrorfold.pipelines.record.request import Request
from mirrorfold.pipelines.record.steps import Step
from mirrorfold.pipelines.run import run
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks.wiring import WriteTable
from mirrorfold.transforms.stores.api import SourceSpec

MOST_MEMORY = 7 << 30
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def objects_of(contents: pa.Table) -> pa.Table:
    """Make one object for each content."""
    names = contents.column("content_id").to_pylist()
    rows = len(names)
    return synthetic.filled(
        OBJECTS.schema,
        rows,
        uri=[f"file:///archive/{name}.jpg" for name in names],
        library=["archive"] * rows,
        store=["file"] * rows,
        bucket=["/archive"] * rows,
        key=[f"{name}.jpg" for name in names],
        size=contents.column("size").to_numpy(),
        etag=[name[:32] for name in names],
        storage_class=["FILE"] * rows,
        hold=["no"] * rows,
        is_latest=np.ones(rows, bool),
        content_id=names,
        identity_evidence=["read"] * rows,
    )


def write_blocks(folder: Path, blocks: Iterable[pa.Table]) -> int:
    """Write rows of `contents` as the files that `measure` reads; give their number."""
    rows = 0
    for number, block in enumerate(blocks):
        pq.write_table(block.select(CONTENTS.schema.names).cast(CONTENTS.schema), folder / f"{number:05d}.parquet")
        rows += len(block)
    return rows


def _build(root: beam.Pipeline, run: RunContext, folder: str, rows: int) -> None:
    """Write `contents` and `objects` from a folder of blocks."""
    paths = [str(path) for path in sorted(Path(folder).glob("*.parquet"))]
    for table, made in ((CONTENTS, lambda block: block), (OBJECTS, objects_of)):
        blocks = (
            root
            | f"Name{table.name}" >> beam.Create(paths)
            | f"Read{table.name}" >> beam.Map(lambda path, made=made: made(pq.read_table(path)))
            .with_output_types(pa.Table)
        )  # fmt: skip
        blocks | f"Write{table.name}" >> WriteTable(run.output, table, rows, spill=run.spill)
    none = root | "NameNone" >> beam.Create([FAILURES.schema.empty_table()])
    none | "WriteFailures" >> WriteTable(run.output, FAILURES, rows, spill=run.spill)


def tables_step(folder: str, rows: int) -> Step:
    """Give the step that stands for listing and fingerprinting: the rows of a folder of blocks, an object for each."""
    return Step(
        synthetic.TABLES,
        stage="list",
        builds=(partial(_build, folder=folder, rows=rows),),
        writes=("objects", "contents", "failures"),
        counts=lambda _: {"listed": rows},
    )


def measure(folder: str, output: str, settings: Mapping[str, Any]) -> dict:
    """Match the rows of a folder of blocks in this process: CPU seconds with children, peak MB, bytes shuffled."""
    rows = sum(pq.read_metadata(path).num_rows for path in Path(folder).glob("*.parquet"))
    found: dict[str, Any] = {"rows": rows}

    class Measured(Progress):
        @contextlib.contextmanager
        def stage(self, name: str, total: int | None, committed: Committed | None = None) -> Iterator[None]:
            forget_peak()
            before = cpu()
            yield
            children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            found.update(seconds=cpu() - before, peak=max(peak_mb(), children))

    tables = tables_step(folder, rows)
    match = next(step for step in MISSION if step.name == "match")
    source = (SourceSpec("archive", "live", "file", "/archive"),)
    request = Request(source, Settings.model_validate(settings), load_policy("default"))
    run(request, output, steps=(tables,), until="list")
    with weighed() as weight:
        run(request, output, steps=(tables, match), until="match", progress=Measured(None, False))
    return found | {"shuffled": weight.total(), "shuffled_by": dict(weight.most_common())}


@contextlib.contextmanager
def weighed() -> Iterator[Counter[str]]:
    """Weigh what enters every GroupByKey while pipelines run in this process: the bytes that an engine would shuffle.

    Blocks that travel as files of this machine count with the files' sizes, once for each record that names them.
    Gives bytes by the label of what sends them.
    """
    weight: Counter[str] = Counter()
    _WEIGHED.append((weight, threading.Lock()))

    apply, names = beam.Pipeline.apply, itertools.count()

    def weighing(self, transform, pvalueish=None, label=None):
        if isinstance(transform, beam.GroupByKey) and label is None:  # a name given beside it comes round once more
            sender = pvalueish.producer.full_label
            step = beam.Map(_weigh, sender).with_output_types(pvalueish.element_type)
            pvalueish = apply(self, step, pvalueish, f"Weigh {next(names)}")
        return apply(self, transform, pvalueish, label)

    beam.Pipeline.apply = weighing
    try:
        yield weight
    finally:
        beam.Pipeline.apply = apply
        _WEIGHED.pop()


_WEIGHED: list = []


def _weigh(element, sender: str):
    if _WEIGHED:
        weight, lock = _WEIGHED[-1]
        with lock:
            weight[sender] += _size(element)
    return element


def _size(value) -> int:
    if isinstance(value, bytes):
        travels_as_file = value[:1] == b"\1" and value.endswith(b".block")
        return os.path.getsize(value[1:]) if travels_as_file else len(value)
    if isinstance(value, pa.Table | np.ndarray):
        return value.nbytes
    if isinstance(value, tuple | list):
        return sum(map(_size, value))
    return 8


def match(
    folder: Path, output: Path, settings: Mapping[str, Any] | None = None, most_seconds: int | None = None
) -> dict:
    """Match the rows of a folder in a process of its own, of at most 7 GiB and so many CPU seconds.

    Returns:
      What `measure` gives, or {"failed": a line} where it didn't end.
    """
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.match_run", str(folder), str(output)]
    command.append(json.dumps(settings or {}))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
        if most_seconds:
            resource.setrlimit(resource.RLIMIT_CPU, (most_seconds, most_seconds))

    environment = os.environ | {
        "AWS_EC2_METADATA_DISABLED": "true",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, preexec_fn=limit,
        cwd=Path(__file__).resolve().parents[1],
    )  # fmt: skip
    if done.returncode in (-24, -9) and most_seconds:
        return {"failed": f"not done after {most_seconds} CPU seconds"}
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"ended with {done.returncode}"]
        return {"failed": lines[-1][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def read(output: Path, name: str, columns: list[str]) -> pa.Table:
    """Read columns of a table that a run wrote."""
    paths = sorted((output / name).glob("*.parquet"))
    schema = TABLES[name].schema
    parts = [pq.read_table(path, columns=columns) for path in paths]
    return pa.concat_tables(parts) if parts else pa.schema([schema.field(c) for c in columns]).empty_table()


if __name__ == "__main__":
    from benchmarks import match_run  # what is pickled lives in a module that workers can import

    print(json.dumps(match_run.measure(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))))
