"""mirrorfold in somebody's own code: `import mirrorfold` gives these names. docs/library.md shows each at work."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.pairs import DISTANCES
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.cores import cores
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.near import near_pairs
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier
from mirrorfold.transforms.stores.output import open_output

Image = bytes | str | os.PathLike[str]


@dataclass(frozen=True)
class Fingerprint:
    """What one image is known by.

    Attributes:
      table: its row of `contents` (one row; schemas/contents.py names the columns), as a run would write it.
    """

    table: pa.Table

    def __getattr__(self, name: str) -> Any:
        """Give a column of the row: `content_id`, `phash64`, `width` ..."""
        if name.startswith("_") or name not in self.table.column_names:
            raise AttributeError(name)
        return self.table.column(name)[0].as_py()

    @property
    def hash(self) -> str:
        """Give `phash64` as 16 hexadecimal digits."""
        return f"{self.phash64:016x}"


@dataclass(frozen=True)
class Comparison:
    """How two images relate.

    Attributes:
      tier: identical, same-picture, near-certain, probable, near-miss, or None: no twins.
      joins: whether they would stand in one cluster.
      kind: what the difference is, e.g. `crop`; '' where there is none to name. kind_text: the same with figures.
      correlation: of the aligned pictures, None where nothing was aligned.
      distances: bits by which the hashes differ, by name.
    """

    tier: str | None
    joins: bool
    kind: str
    kind_text: str
    correlation: float | None
    distances: dict[str, int]


def fingerprint(image: Image) -> Fingerprint:
    """Fingerprint one image, given as bytes or as a path.

    Risky formats are decoded in a child process under limits of memory and time, as in a run.

    Raises:
      mirrorfold.DecodeError: no image, or a broken one: a stable `code` and a message.
      OSError: the file can't be read.
    """
    if isinstance(image, bytes | bytearray | memoryview):
        data = bytes(image)
    else:
        with open(image, "rb") as file:
            data = file.read()
    picture = decode(data, FingerprintOptions(), _sandbox())
    return Fingerprint(content_rows({hashlib.sha256(data).hexdigest(): Content(len(data), picture)}))


def compare(a: Fingerprint | Image, b: Fingerprint | Image, radius: int = 8) -> Comparison:
    """Compare two images as matching does once it has found them: aligned, by rules that docs/matching.md states.

    Args:
      radius: bits of `phash64` up to which the search of a run finds a pair; beyond, the pair isn't judged.
    """
    one, other = (given if isinstance(given, Fingerprint) else fingerprint(given) for given in (a, b))
    if one.content_id == other.content_id:
        return Comparison("identical", True, "", "", 1.0, {})
    verifier = Verifier(Rule(radius, CHECK_LIMIT))
    features = verifier.features(pa.concat_tables([one.table, other.table]))
    (row,) = verifier.verify(features, np.array([[0, 1]]), wide=True).to_pylist()
    tier = row["tier"] if row["joins"] else ("near-miss" if row["near_miss"] else None)
    distances = {field.name: row[field.name] for field in DISTANCES if row[field.name] is not None}
    named = ("", "") if tier is None else (row["kind"] or "", row["kind_text"] or "")
    return Comparison(tier, row["joins"], *named, _number(row["correlation"]), distances)


def find_pairs(
    hashes: pa.Table | Mapping[str, Sequence] | Iterable[Any], radius: int = 8, *, column: str = "phash64", id: str = ""
) -> pa.Table:
    """Find every pair of hashes that differ in at most `radius` bits; none is missed.

    Args:
      hashes: a table (Arrow, pandas, or columns by name), or just the hashes. A hash is a whole number of 64 bits,
        hexadecimal digits as `imagehash` prints them, or an object of that package, of up to 64 bits.
      radius: bits, 0 to 16.
      column: where the hashes are in a table.
      id: the column that names the rows; `content_id` where there is one, else rows go by their number.

    Returns:
      Columns a, b (names, or row numbers from 0) and distance (bits), each pair once, in the rows' order. A hash that
      many rows share gives a pair for every two of them.

    Raises:
      ValueError: what isn't a hash, and in which row.
    """
    if not 0 <= radius <= 16:
        raise ValueError(f"radius is 0 to 16 bits, not {radius}")
    table = _as_table(hashes, column)
    if column not in table.column_names:
        raise ValueError(f"there is no column {column!r}: there are {', '.join(table.column_names)}")
    name = id or ("content_id" if "content_id" in table.column_names else "")
    values = np.array([_hash_of(value, row) for row, value in enumerate(table.column(column).to_pylist())], np.uint64)
    rows, distance = near_pairs(values, radius)
    names = table.column(name).combine_chunks() if name else pa.array(np.arange(len(values)))
    return pa.table(
        {"a": names.take(pa.array(rows[:, 0])), "b": names.take(pa.array(rows[:, 1])), "distance": pa.array(distance)}
    )


class Run:
    """A run's tables: `run["decisions"]` is an Arrow table, `run.sql(...)` asks all of them with DuckDB."""

    def __init__(self, folder: str):
        self._store = open_output(folder)
        try:
            self.record: dict = json.loads(self._store.get("run.json"))
        except FileNotFoundError:
            raise UsageError(f"{folder} holds no finished run") from None

    @property
    def tables(self) -> list[str]:
        """Name the tables that the run has."""
        return [name for name in TABLES if parquet.shards(self._store, f"{name}/")]

    def __getitem__(self, table: str) -> pa.Table:
        """Read a whole table."""
        if table not in self.tables:
            raise KeyError(f"{table}: the run has {', '.join(self.tables)}")
        return parquet.read_table(self._store, TABLES[table])

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """Ask the tables, each under its name: a DuckDB relation, with `.fetchall()`, `.df()`, `.arrow()`."""
        return self._connection.sql(query)

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return connect(self._store, *self.tables)


def open_run(folder: str | os.PathLike[str]) -> Run:
    """Open a finished run's folder: local, s3://, gs:// or az://.

    Raises:
      mirrorfold.UsageError: no finished run lies there.
    """
    return Run(os.fspath(folder))


@lru_cache(maxsize=1)
def _sandbox() -> SandboxPool:
    options = FingerprintOptions()
    return SandboxPool(cores(), options.sandbox_bytes, options.max_seconds)


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else value


def _as_table(hashes: Any, column: str) -> pa.Table:
    if isinstance(hashes, pa.Table):
        return hashes
    if isinstance(hashes, Mapping):
        columns = {name: list(values) for name, values in hashes.items()}
    elif hasattr(hashes, "columns") and hasattr(hashes, "__getitem__"):  # pandas, polars
        columns = {str(name): list(hashes[name]) for name in hashes.columns}
    else:
        columns = {column: list(hashes)}
    columns[column] = [_hash_of(value, row) for row, value in enumerate(columns.get(column, ()))]
    if not columns[column]:
        columns[column] = pa.array([], pa.uint64())
    else:
        columns[column] = pa.array(columns[column], pa.uint64())
    return pa.table(columns)


def _hash_of(value: Any, row: int) -> int:
    bits = getattr(value, "hash", None)
    try:
        if isinstance(bits, np.ndarray):
            found = int("0" + "".join("1" if bit else "0" for bit in bits.flatten()), 2)
        else:
            found = int(value, 16) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        raise ValueError(f"row {row}: {value!r} isn't a hash") from None
    if not 0 <= found < 1 << 64:
        raise ValueError(f"row {row}: {value} has more than 64 bits")
    return found
