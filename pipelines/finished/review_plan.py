"""Plan a review by samples: which pairs are asked, and what their answers let go."""

from __future__ import annotations

import tempfile

from mirrorfold.pipelines.finished.verify import read_policy
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.tables import open_tables, rows_of
from mirrorfold.transforms.publish.queue import open_queue_files
from mirrorfold.transforms.retain import acceptance
from mirrorfold.transforms.retain.policy import compile_policy
from mirrorfold.transforms.retain.verdicts import read_verdicts
from mirrorfold.transforms.stores.output import OutputStore, open_output

WAITING = """
select q.content_a, q.content_b, q.kept, min(d.review_batch) stratum
from queue q join decisions d on d.content_id = q.other and d.cluster_id = q.cluster_id
where not q.sample_only and q.kept <> q.other and len(q.conflicts) = 0 and d.review_batch is not null
    and d.action = 'review' and d."rule" = q.tier
group by all order by all
"""
"""Pairs that one rule would let go as soon as their tier is trusted; what conflicts is for people alone."""


def review_plan(
    folder: str, max_error: float, confidence: float, expected: float, again: bool
) -> list[acceptance.Judged]:
    """Draw the samples of a published run, or say where the drawn ones stand; gives every stratum.

    Args:
      again: draw once more, from pairs that are in no sample's stratum yet. A stratum that was rejected stays so.

    Raises:
      ValueError: shares that are none, or nothing to draw from; one line.
    """
    store = open_output(folder)
    policy = compile_policy(read_policy(store))
    if not store.exists("_SUCCESS"):
        raise ValueError(f"{store.url()}: the run is unfinished: run the same command again, then plan its review")
    plans = acceptance.read(store)
    if not plans or again:
        known = {(row["content_a"], row["content_b"]) for _, rows in plans for row in rows}
        pairs = [pair for pair in waiting_pairs(store) if (pair.content_a, pair.content_b) not in known]
        plan, rows = acceptance.draw(pairs, max_error, confidence, f"mirrorfold {len(plans)}", expected)
        acceptance.save(store, plan, rows)
    return acceptance.standing(store, read_verdicts(store), policy)


def waiting_pairs(store: OutputStore) -> list[acceptance.WaitingPair]:
    """Read the pairs that wait, each with its stratum: tier, kind, and which library copies which."""
    columns = ("content_id", "cluster_id", "review_batch", "action", "rule")
    with (
        open_tables(store, {TABLES["decisions"]: columns}) as connection,
        tempfile.TemporaryDirectory(prefix="mirrorfold-queue-") as copies,
    ):
        open_queue_files(connection, store, copies)
        return [acceptance.WaitingPair(**row) for row in rows_of(connection, WAITING)]
