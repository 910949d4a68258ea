"""The Beam transforms over blocks: shuffle rows to where their equals are, read and write tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import apache_beam as beam
import pyarrow as pa
from apache_beam.coders import Coder, registry
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from mirrorfold.schemas.table import Table
from mirrorfold.transforms.blocks import ipc, parcels, parquet
from mirrorfold.transforms.blocks.hashing import partition_of
from mirrorfold.transforms.stores.output import open_output

PIECE_BYTES = 256 << 10
"""Rows travel in pieces of at most this size. 32 KB to 1 MB measured best; Flink refuses a record that is larger than
an operator's share of its managed memory, which can be as little as 1 MB."""

SPILL_BYTES = 4 << 20
"""The same for pieces that travel as files."""

Reduce = Callable[[int, dict[str, pa.Table]], Iterable[pa.Table]]
NamedReduce = Callable[[int, dict[str, pa.Table]], Iterable[tuple[str, pa.Table]]]


class BlockCoder(Coder):
    """Code a block as an Arrow IPC stream."""

    def encode(self, value: pa.Table) -> bytes:
        return ipc.to_bytes(value)

    def decode(self, encoded: bytes) -> pa.Table:
        return ipc.from_bytes(encoded)

    def is_deterministic(self) -> bool:
        return False  # never a key

    def to_type_hint(self) -> type:
        return pa.Table


registry.register_coder(pa.Table, BlockCoder)


@dataclass(eq=False)
class Shuffle(beam.PTransform):
    """Bring rows that share a key into one call of `reduce` per partition.

    Takes a dict of block collections, or one collection (then named "rows").

    Args:
      keys: for each input the columns whose hash picks the partition; a single integer column is the partition itself.
      schemas: for each input its schema, so that an input without rows arrives as an empty block.
      partitions: how many; follows the number of rows, never the workers.
      reduce: called once per partition with {name: block}. Rows arrive in no order: sort before order matters.
      outputs: names of the collections that `reduce` gives, which then yields (name, block); the transform gives them
        as attributes. Without names it gives one collection.
      every_partition: call `reduce` for partitions without rows too.
      spill: a local folder to pass blocks through instead of the runner's memory (in-process runner only).
    """

    keys: Mapping[str, Sequence[str]]
    schemas: Mapping[str, pa.Schema]
    partitions: int
    reduce: Reduce | NamedReduce
    every_partition: bool = False
    spill: str | None = None
    outputs: tuple[str, ...] = ()

    def expand(self, inputs):
        if not isinstance(inputs, Mapping):
            inputs = {"rows": inputs}
        names = sorted(inputs)
        parts = [
            inputs[name]
            | f"Split {name}" >> beam.ParDo(SplitRows(index, tuple(self.keys[name]), self.partitions, self.spill))
            for index, name in enumerate(names)
        ]
        if self.every_partition:
            root = inputs[names[0]].pipeline
            parts.append(
                root | "NamePartitions" >> beam.Create([(p, b"") for p in range(self.partitions)], reshuffle=False)
            )
        reduce = ReducePartition(names, dict(self.schemas), self.reduce, bool(self.outputs))
        step = beam.ParDo(reduce).with_output_types(pa.Table)
        return (
            parts
            | "Gather" >> beam.Flatten()
            | "Shuffle" >> beam.GroupByKey().with_input_types(tuple[int, bytes])
            | "Reduce" >> (step.with_outputs(*self.outputs) if self.outputs else step)
        )


class SplitRows(beam.DoFn):
    """Split blocks by partition into (partition, tagged bytes), a buffer per partition."""

    def __init__(self, tag: int, columns: tuple[str, ...], partitions: int, spill: str | None):
        self.tag, self.columns, self.partitions, self.spill = tag, columns, partitions, spill

    def start_bundle(self):
        self.buffers: dict[int, list[pa.Table]] = {}
        self.sizes: dict[int, int] = {}

    def process(self, block: pa.Table):
        if self.partitions == 1:
            yield from self._add(0, block)
            return
        assigned = partition_of(block, self.columns, self.partitions)
        order = assigned.argsort(kind="stable")
        ordered, bounds = block.take(pa.array(order)), assigned[order].searchsorted(range(self.partitions + 1))
        for partition in range(self.partitions):
            start, stop = int(bounds[partition]), int(bounds[partition + 1])
            if stop > start:
                yield from self._add(partition, ordered.slice(start, stop - start))

    def finish_bundle(self):
        for partition in sorted(self.buffers):
            yield WindowedValue(self._flush(partition), MIN_TIMESTAMP, (GlobalWindow(),))

    def _add(self, partition: int, rows: pa.Table):
        limit = SPILL_BYTES if self.spill else PIECE_BYTES
        for piece in ipc.pieces(rows, limit):
            if self.sizes.get(partition, 0) + piece.nbytes > limit and partition in self.buffers:
                yield self._flush(partition)
            self.buffers.setdefault(partition, []).append(piece)
            self.sizes[partition] = self.sizes.get(partition, 0) + piece.nbytes

    def _flush(self, partition: int) -> tuple[int, bytes]:
        blocks = self.buffers.pop(partition)
        self.sizes.pop(partition)
        data = bytes([self.tag]) + ipc.to_bytes(pa.concat_tables(blocks).combine_chunks())
        return partition, parcels.pack(data, self.spill)


class ReducePartition(beam.DoFn):
    """Join a partition's blocks by input and call the stage's pure function."""

    def __init__(self, names: list[str], schemas: dict[str, pa.Schema], reduce: Reduce | NamedReduce, named: bool):
        self.names, self.schemas, self.reduce, self.named = names, schemas, reduce, named

    def process(self, element):
        partition, values = element
        blocks: dict[str, list[pa.Table]] = {name: [] for name in self.names}
        travelled = [value for value in values if value]
        for value in travelled:
            data = parcels.unpack(value)
            blocks[self.names[data[0]]].append(ipc.from_bytes(memoryview(data)[1:]))
        # Each input's pieces are let go as they are joined.
        joined = {name: ipc.concatenate(blocks.pop(name), self.schemas[name]) for name in self.names}
        found = self.reduce(partition, joined)
        yield from (beam.pvalue.TaggedOutput(*output) for output in found) if self.named else found
        for value in travelled:
            parcels.discard(value)


def only_with(first: str) -> beam.PTransform:
    """Keep the blocks whose first column has this name: it tells blocks of several schemas in one collection apart."""
    return beam.Filter(_begins_with, first)


def _begins_with(block: pa.Table, first: str) -> bool:
    return block.schema.names[0] == first


@dataclass(eq=False)
class ReadTable(beam.PTransform):
    """Read a table under DIR as blocks: one shard is one unit of work.

    Args:
      needed: read nothing where this collection is empty.
    """

    output: str
    table: Table
    columns: Sequence[str] | None = None
    needed: beam.PCollection | None = None

    def expand(self, root):
        output, table, columns = self.output, self.table, self.columns

        def read(path: str, needed: Sequence = (True,)) -> Iterable[pa.Table]:
            return parquet.read_blocks(open_output(output), path, columns) if needed else ()

        sides = () if self.needed is None else (beam.pvalue.AsList(self.needed),)
        return (
            root
            # Steps are committed one after the other, so the shards are known when the pipeline is built.
            | "NameShards" >> beam.Create(parquet.shards(open_output(output), f"{table.name}/"))
            | "ReadShards" >> beam.FlatMap(read, *sides).with_output_types(pa.Table)
        )


@dataclass(eq=False)
class WriteTable(beam.PTransform):
    """Write blocks as a table under DIR and give (rows, bytes) of each shard.

    Args:
      rows: expected rows, which alone sets the number of shards.
      distinct: drop rows whose order columns repeat (for rows that are a function of their key).
      sparse: write no shard that has no rows.
    """

    output: str
    table: Table
    rows: int
    distinct: bool = False
    spill: str | None = None
    sparse: bool = False

    def expand(self, blocks):
        table, shards = self.table, self.table.shards(self.rows)
        return blocks | "ToShards" >> Shuffle(
            keys={"rows": table.shard_key},
            schemas={"rows": table.schema},
            partitions=shards,
            reduce=WriteShard(self.output, table, shards, self.distinct),
            every_partition=not self.sparse,
            spill=self.spill,
        )


@dataclass
class WriteShard:
    """Sort one shard's rows and write them atomically; calls repeat after a retry and write the same bytes."""

    output: str
    table: Table
    shards: int
    distinct: bool
    report: pa.Schema = field(default_factory=lambda: pa.schema([("rows", pa.int64()), ("bytes", pa.int64())]))

    def __call__(self, shard: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        rows = ipc.sort_rows(blocks["rows"].select(self.table.schema.names), self.table.order)
        if self.distinct:
            rows = ipc.distinct_rows(rows, self.table.order)
        written = parquet.write_shard(open_output(self.output), self.table, rows, shard, self.shards)
        yield pa.table({"rows": [rows.num_rows], "bytes": [written]}, schema=self.report)
