"""Share a published queue out among reviewers."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mirrorfold.pipelines.finished.verify import read_policy
from mirrorfold.pipelines.record.request import saved_request
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.publish.pages import team_script
from mirrorfold.transforms.publish.parts import Split, assign
from mirrorfold.transforms.publish.queue import open_queue_files
from mirrorfold.transforms.publish.tables import open_tables, rows_of
from mirrorfold.transforms.publish.team import TEAM, read_units, save_split, team_of
from mirrorfold.transforms.retain.policy import compile_policy
from mirrorfold.transforms.retain.verdicts import read_verdicts, rule_on
from mirrorfold.transforms.stores.output import open_output

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
    policy = compile_policy(read_policy(store))
    if not store.exists("_SUCCESS"):
        raise ValueError(f"{store.url()}: the run is unfinished: run the same command again, then split its review")
    said = read_verdicts(store)
    ruled = rule_on(said, policy.reviewers, policy.may_review)
    disputed = {pair for pair, ruling in ruled.items() if ruling.outcome == "conflict"}
    limit = saved_request(folder).settings.publish.clusters
    wanted = {TABLES[name]: columns for name, columns in COLUMNS.items()}
    with open_tables(store, wanted) as connection, tempfile.TemporaryDirectory(prefix="mirrorfold-queue-") as copies:
        open_queue_files(connection, store, copies)
        (counted,) = rows_of(connection, "select coalesce(max(item) + 1, 0)::bigint items from queue")
        units = read_units(connection, split.by)
        parts = assign(units, split)
        team = team_of(connection, split, said, disputed, policy.reviewers, min(counted["items"], limit))
    save_split(store, split)
    store.put(TEAM, team_script(team))
    pairs: Counter[int] = Counter()
    shared: Counter[int] = Counter()
    for unit in units:
        for part in parts[unit.cluster_id]:
            pairs[part] += unit.pairs
            shared[part] += unit.pairs * (len(parts[unit.cluster_id]) > 1)
    return [Share(name, pairs[part], shared[part]) for part, name in enumerate(split.names)]
