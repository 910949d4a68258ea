"""What every table declares about itself."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Table:
    """One table under DIR: its folder, columns, row order and schema version.

    Rows lie in shards by a stable hash of `shard_key`; within a shard they are sorted by `order`. The number of shards
    follows the number of rows, never the workers, so the same input gives the same bytes.
    """

    name: str
    version: int
    schema: pa.Schema
    order: tuple[str, ...]
    shard_key: tuple[str, ...]
    rows_per_shard: int = 250_000

    def empty(self) -> pa.Table:
        """Make the table with no rows."""
        return self.versioned_schema.empty_table()

    @property
    def versioned_schema(self) -> pa.Schema:
        """Give the schema with the table's name and version in its metadata, as written to Parquet."""
        return self.schema.with_metadata({"mirrorfold.table": self.name, "mirrorfold.version": str(self.version)})

    def shards(self, rows: int) -> int:
        """Choose the number of shards for a number of rows (at least one: an empty table is one file)."""
        return max(1, -(-rows // self.rows_per_shard))


def column(name: str, kind: pa.DataType, doc: str, *, nullable: bool = True) -> pa.Field:
    """Declare a column with a line that says what it holds and in which unit."""
    return pa.field(name, kind, nullable=nullable, metadata={"doc": doc})


TIMESTAMP = pa.timestamp("us", tz="UTC")
STRINGS = pa.list_(pa.field("element", pa.string(), nullable=False))
