"""A run over a corpus that models are trained on: leaks between splits, what repeats, and lists of what is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import duckdb

from mirrorfold.pipelines.finished.verify import open_whole
from mirrorfold.schemas.uri import library_name
from mirrorfold.transforms.blocks.globs import to_regex
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.publish import dataset, webdataset
from mirrorfold.transforms.publish.manifests.csv import csv_line, guard
from mirrorfold.transforms.stores.output import OutputStore

LEAKAGE, REPEATS, KEPT = "exports/leakage/", "exports/repeats/", "exports/kept-{}/"
ROWS_PER_PART = 100_000


class Leaks(NamedTuple):
    """Leaks between splits: their folder, figures by split, source and class, and what to leave out of training."""

    folder: str
    figures: list[dict]
    leave_out: int


class Kept(NamedTuple):
    """A list of what is kept: its folder, files, samples, and how many of them reserve mining."""

    folder: str
    files: int
    samples: int
    reserved: int


def find_leakage(folder: str, splits: Sequence[str]) -> Leaks:
    """Write which pictures of other splits the first split shows as well, under DIR/exports/leakage.

    Args:
      splits: NAME=LIBRARY or NAME=PATTERN over URIs; the first name is what is trained on. A name may come again.

    Raises:
      ValueError: fewer than two splits, or splits that overlap or are empty.
      BrokenPromiseError: the folder breaks a promise.
    """
    conditions: dict[str, list[str]] = {}
    for split in splits:
        name, equals, where = split.partition("=")
        if not equals or not name or not where:
            raise ValueError(f"--split {split}: write NAME=LIBRARY, or NAME=PATTERN such as train='s3://data/train/**'")
        conditions.setdefault(name, []).append(_condition(where))
    if len(conditions) < 2:
        raise ValueError("leaks are between two splits or more: name what is trained on first, then what is held out")
    trained = next(iter(conditions))
    store = open_whole(folder)
    _empty(store, LEAKAGE)
    with connect(store, *dataset.TABLES) as connection:
        dataset.divide(connection, conditions)
        dataset.find_leaks(connection, trained)
        _put(store, f"{LEAKAGE}leaks.csv", dataset.LEAKS, dataset.leak_rows(connection))
        figures = dataset.leak_figures(connection)
        _put(
            store, f"{LEAKAGE}figures.csv", tuple(figures[0]) if figures else ("split",), (f.values() for f in figures)
        )
        left = list(dataset.to_leave_out(connection, trained))
        _put(store, f"{LEAKAGE}leave-out.csv", ("uri", "version", "library"), left)
    return Leaks(LEAKAGE.rstrip("/"), figures, len(left))


def find_repeats(folder: str) -> list[dict]:
    """Count what of a corpus repeats, by source and class, into DIR/exports/repeats/figures.csv.

    Raises:
      BrokenPromiseError: the folder breaks a promise.
    """
    store = open_whole(folder)
    with _members(store) as connection:
        figures = dataset.repeat_figures(connection)
    _put(store, f"{REPEATS}figures.csv", tuple(figures[0]) if figures else ("library",), (f.values() for f in figures))
    return figures


def list_kept(folder: str, to: str, one_per: str, shard_bytes: int) -> Kept:
    """Write what is kept as JSON lines, or as an index of WebDataset's shards, under DIR/exports/kept-TO.

    Raises:
      ValueError: a sample of a shard wouldn't have a key of its own.
      BrokenPromiseError: the folder breaks a promise.
    """
    if to == "webdataset" and one_per == "object":
        raise ValueError("--one-per object: two files of the same bytes would have one key in a shard")
    if not isinstance(shard_bytes, int) or shard_bytes < 1:
        raise ValueError(f"--shard-bytes {shard_bytes}: write a size such as 1GB or 500MB")
    store = open_whole(folder)
    below = KEPT.format(to)
    _empty(store, below)
    reserved = 0

    def counted(rows: Iterator[dict]) -> Iterator[dict]:
        nonlocal reserved
        for row in rows:
            reserved += "PROHIBITED" in (row["data_mining"] or "")
            yield {name: value for name, value in row.items() if value is not None or name == "data_mining"}

    with _members(store) as connection:
        rows = counted(dataset.kept_rows(connection, one_per))
        made = _jsonl(store, below, rows) if to == "jsonl" else _shards(store, below, rows, shard_bytes)
    return Kept(below.rstrip("/"), len(made), sum(samples for _, samples, _ in made), reserved)


def _jsonl(store: OutputStore, below: str, rows: Iterator[dict]) -> list[tuple[str, int, int]]:
    made: list[tuple[str, int, int]] = []
    lines: list[str] = []

    def close() -> None:
        name = f"kept-{len(made):06d}.jsonl"
        data = "".join(lines).encode("utf-8", "surrogatepass")
        store.put(below + name, data)
        made.append((name, len(lines), len(data)))
        lines.clear()

    for row in rows:
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
        if len(lines) == ROWS_PER_PART:
            close()
    if lines or not made:
        close()
    return made


def _shards(store: OutputStore, below: str, rows: Iterator[dict], shard_bytes: int) -> list[tuple[str, int, int]]:
    made = []
    for shard in webdataset.shards(rows, shard_bytes):
        lines = "".join(json.dumps(sample, ensure_ascii=False) + "\n" for sample in shard.samples)
        store.put(below + shard.name.replace(".tar", ".jsonl"), lines.encode("utf-8", "surrogatepass"))
        made.append((shard.name, len(shard.samples), shard.filesize))
    store.put(f"{below}index.json", webdataset.index(made, "kept"))
    return made


def _members(store: OutputStore) -> duckdb.DuckDBPyConnection:
    connection = connect(store, *dataset.TABLES)
    dataset.divide(connection, {"all": ["true"]})
    return connection


def _condition(where: str) -> str:
    if library_name(where):
        return f"o.library = {dataset.quoted(where)}"
    return f"regexp_matches(o.uri, {dataset.quoted(to_regex(where))})"


def _empty(store: OutputStore, below: str) -> None:
    for path in store.list(below):
        store.delete(path)


def _put(store: OutputStore, path: str, columns: Sequence[str], rows) -> None:
    store.put(path, b"".join(csv_line(map(guard, row)) for row in (columns, *rows)))
