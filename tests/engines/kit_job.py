"""A small job over the block kit, the same on every engine: what the stages do, without images."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa

from mirrorfold.pipelines.errors import SafetyStop
from mirrorfold.schemas.table import Table, column
from mirrorfold.transforms.blocks.wiring import ReadTable, Shuffle, WriteTable

WORDS = Table(
    "words",
    1,
    pa.schema([column("word", pa.string(), "a word"), column("number", pa.int64(), "its number")]),
    order=("word", "number"),
    shard_key=("word",),
    rows_per_shard=3_000,
)
TOTALS = Table(
    "totals",
    1,
    pa.schema([column("word", pa.string(), "a word"), column("total", pa.int64(), "sum of its numbers")]),
    order=("word",),
    shard_key=("word",),
    rows_per_shard=400,
)
ROWS = 20_000


def words(start: int, stop: int, seed: int) -> pa.Table:
    """Make rows start..stop of the input, the block's rows shuffled by a seed."""
    numbers = np.random.default_rng(seed).permutation(np.arange(start, stop))
    names = [hashlib.md5(str(n % 1_000).encode()).hexdigest()[:12] for n in numbers.tolist()]
    return pa.table({"word": names, "number": numbers}, schema=WORDS.schema)


def build_words(root: beam.Pipeline, output: str, block: int, seed: int, spill: str | None = None) -> None:
    """Write the words, in blocks of so many rows that come in the order of a seed."""
    starts = np.random.default_rng(seed).permutation(np.arange(0, ROWS, block)).tolist()
    _ = (
        root
        | "NameBlocks" >> beam.Create([(start, min(start + block, ROWS), seed) for start in starts])
        | "MakeWords" >> beam.MapTuple(words).with_output_types(pa.Table)
        | "WriteWords" >> WriteTable(output, WORDS, ROWS, spill=spill)
    )


def build_totals(root: beam.Pipeline, output: str, partitions: int, spill: str | None = None, slow: str = "") -> None:
    """Read the words and sum them by word, in so many partitions."""
    reduce = SlowSum(slow) if slow else sum_words
    _ = (
        root
        | "ReadWords" >> ReadTable(output, WORDS)
        | "SumWords" >> Shuffle({"rows": ["word"]}, {"rows": WORDS.schema}, partitions, reduce, spill=spill)
        | "WriteTotals" >> WriteTable(output, TOTALS, 1_000, spill=spill)
    )


def sum_words(partition: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Sum the numbers of each word."""
    totals = blocks["rows"].group_by("word").aggregate([("number", "sum")])
    yield pa.table({"word": totals["word"], "total": totals["number_sum"]}, schema=TOTALS.schema)


class SlowSum:
    """Sum slowly, and leave a file per partition with the worker's process id in it: something to kill."""

    def __init__(self, traces: str):
        self.traces = traces

    def __call__(self, partition: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        Path(self.traces, f"{partition:03d}-{time.time_ns()}").write_text(str(os.getpid()))
        time.sleep(0.5)
        yield from sum_words(partition, blocks)


def build_failing(root: beam.Pipeline) -> None:
    """Raise what a user caused."""
    _ = root | "NameBucket" >> beam.Create(["s3://absent"]) | "ListBucket" >> beam.Map(refuse)


def refuse(bucket: str) -> None:
    """Stop as a safety rule does."""
    raise SafetyStop(f"{bucket} doesn't exist: check its name")


def table_bytes(output: str) -> dict[str, bytes]:
    """Read every file below DIR."""
    return {str(p.relative_to(output)): p.read_bytes() for p in sorted(Path(output).rglob("*")) if p.is_file()}
