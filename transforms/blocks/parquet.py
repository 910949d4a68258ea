"""Tables as Parquet shards under DIR."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from mirrorfold.schemas.table import Table
from mirrorfold.transforms.blocks.hashing import partition_of
from mirrorfold.transforms.blocks.ipc import sort_rows
from mirrorfold.transforms.stores.output import OutputStore

ROW_GROUP = 50_000
PAGE_BYTES = 256 << 10

READ_BYTES = 32 << 20
"""A row group of contents, with their luma, is 200 MB, and Arrow's buffers grow to twice that while it is read."""


def shard_path(table: Table, shard: int, shards: int) -> str:
    """Name a shard: all shards of a table say how many there are."""
    return f"{table.name}/part-{shard:05d}-of-{shards:05d}.parquet"


def write_shard(output: OutputStore, table: Table, rows: pa.Table, shard: int, shards: int) -> int:
    """Write one shard whole or not at all; give its size in bytes. The same rows give the same bytes."""
    data = to_parquet(rows.cast(table.versioned_schema))
    output.put(shard_path(table, shard, shards), data)
    return len(data)


def replace_table(output: OutputStore, table: Table, rows: pa.Table) -> None:
    """Write a whole table that lies in memory in place of what is there, shard by shard."""
    shards_now = table.shards(rows.num_rows)
    part = partition_of(rows, table.shard_key, shards_now)
    before, now = shards(output, f"{table.name}/"), [shard_path(table, n, shards_now) for n in range(shards_now)]
    for shard in range(shards_now):
        mine = rows if shards_now == 1 else rows.filter(pa.array(part == shard))
        write_shard(output, table, sort_rows(mine, table.order), shard, shards_now)
    for path in set(before) - set(now):
        output.delete(path)


def to_parquet(rows: pa.Table) -> bytes:
    """Write rows as Parquet bytes (zstd), with an index of pages, by which readers that know it find one row's page."""
    sink = io.BytesIO()
    pq.write_table(
        rows.combine_chunks(),
        sink,
        compression="zstd",
        row_group_size=ROW_GROUP,
        version="2.6",
        data_page_size=PAGE_BYTES,
        write_page_index=True,
    )
    return sink.getvalue()


def shards(output: OutputStore, prefix: str) -> list[str]:
    """List a table's shards, in order."""
    return sorted(path for path in output.list(prefix) if path.endswith(".parquet"))


def read_blocks(output: OutputStore, path: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Read one shard, a row group at a time, or in parts of READ_BYTES where its rows are wide."""
    wanted = list(columns) if columns is not None else None
    with output.open(path) if wanted is None else output.open_part(path) as source:
        file = pq.ParquetFile(source, pre_buffer=wanted is not None)
        for group in range(file.num_row_groups):
            if not file.metadata.row_group(group).num_rows:  # an empty table is a block too: readers learn its columns
                yield file.read_row_group(group, columns=wanted)
            rows = _rows_at_once(file.metadata.row_group(group), wanted)
            for batch in file.iter_batches(rows, [group], wanted):
                yield pa.Table.from_batches([batch])


def table_blocks(output: OutputStore, table: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Read a table's shards in order, a block at a time as `read_blocks` does."""
    for path in shards(output, f"{table}/"):
        yield from read_blocks(output, path, columns)


def has_values(output: OutputStore, table: Table, column: str) -> bool:
    """Tell by the shards' footers whether a column has any value but null."""
    for path in shards(output, f"{table.name}/"):
        with output.open(path) as source:
            footer = pq.ParquetFile(source).metadata
        for group in map(footer.row_group, range(footer.num_row_groups)):
            for chunk in map(group.column, range(group.num_columns)):
                stated = chunk.statistics
                if chunk.path_in_schema.partition(".")[0] == column and (stated is None or stated.has_min_max):
                    return group.num_rows > 0
    return False


def _rows_at_once(group: pq.RowGroupMetaData, columns: Sequence[str] | None) -> int:
    chunks = [group.column(number) for number in range(group.num_columns)]
    read = [chunk for chunk in chunks if columns is None or chunk.path_in_schema.partition(".")[0] in columns]
    return max(1, group.num_rows * READ_BYTES // max(READ_BYTES, sum(chunk.total_uncompressed_size for chunk in read)))


def read_table(output: OutputStore, table: Table, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a whole table into memory: for tests and small tables only."""
    blocks = [block for path in shards(output, f"{table.name}/") for block in read_blocks(output, path, columns)]
    schema = table.schema if columns is None else pa.schema([table.schema.field(name) for name in columns])
    return pa.concat_tables([block.cast(schema) for block in blocks]) if blocks else schema.empty_table()
