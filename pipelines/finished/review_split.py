"""Share a published queue out among reviewers."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import duckdb

from mirrorfold.pipelines.finished.verify import read_policy
from mirrorfold.pipelines.record.request import saved_request
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.tables import open_tables, rows_of
from mirrorfold.transforms.publish.pages import team_script
from mirrorfold.transforms.publish.parts import Split, assign
from mirrorfold.transforms.publish.queue import open_queue_files
from mirrorfold.transforms.publish.team import TEAM, read_split, read_units, save_split, team_of
from mirrorfold.transforms.retain.policy import compile_policy
from mirrorfold.transforms.retain.verdicts import read_verdicts, rule_on
from mirrorfold.transforms.stores.output import OutputStore, open_output

COLUMNS = {
    "pairs": ("content_a", "content_b", "correlation"),
    "decisions": ("uri", "content_id", "cluster_id"),
}


class Share(NamedTuple):
    """One reviewer's part: pairs, and how many of them somebody else is asked about too."""

    name: str
    pairs: int
    shared: int


def review_split(folder: str, into: int, overlap: float, by: str, names: Sequence[str]) -> list[Share]:
    """Split the queue of a published run and tell its pages; kept for pages that are published later.

    Raises:
      ValueError: a split that can't be made, or a DIR without a queue; one line.
    """
    split = Split(into, overlap, by, tuple(names) or tuple(f"Reviewer {number + 1}" for number in range(into)))
    store = open_output(folder)
    if not store.exists("_SUCCESS"):
        raise ValueError(f"{store.url()}: the run is unfinished: run the same command again, then split its review")
    with _tables(store) as connection:
        units = read_units(connection, split.by)
    parts = assign(units, split)
    save_split(store, split)
    store.put(TEAM, team_script(gather_team(folder)))
    pairs: Counter[int] = Counter()
    shared: Counter[int] = Counter()
    for unit in units:
        for part in parts[unit.cluster_id]:
            pairs[part] += unit.pairs
            shared[part] += unit.pairs * (len(parts[unit.cluster_id]) > 1)
    return [Share(name, pairs[part], shared[part]) for part, name in enumerate(split.names)]


def gather_team(
    folder: str, answered: Sequence[dict] = (), connection: duckdb.DuckDBPyConnection | None = None
) -> dict:
    """Gather what the pages say of the team, from a published run's own files.

    Args:
      answered: verdicts that came since, in their order.
      connection: with the tables of `COLUMNS` and the queue in it, where somebody has them open.
    """
    store = open_output(folder)
    policy = compile_policy(read_policy(store))
    said = [*read_verdicts(store), *answered]
    ruled = rule_on(said, policy.reviewers, policy.may_review)
    disputed = {pair for pair, ruling in ruled.items() if ruling.outcome == "conflict"}
    limit = saved_request(folder).settings.publish.clusters
    with contextlib.nullcontext(connection) if connection else _tables(store) as tables:
        (counted,) = rows_of(tables, "select coalesce(max(item) + 1, 0)::bigint items from queue")
        items = min(counted["items"], limit)
        return team_of(tables, read_split(store), said, disputed, policy.reviewers, items)


@contextlib.contextmanager
def _tables(store: OutputStore) -> Iterator[duckdb.DuckDBPyConnection]:
    wanted = {TABLES[name]: columns for name, columns in COLUMNS.items()}
    with open_tables(store, wanted) as connection, tempfile.TemporaryDirectory(prefix="mirrorfold-queue-") as copies:
        open_queue_files(connection, store, copies)
        yield connection
