"""What an audit has to match: the contents that the previous run didn't have, against all of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.record import previous
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.edges import EDGES
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.wiring import ReadTable
from mirrorfold.transforms.match.incremental.wiring import NodeFile
from mirrorfold.transforms.match.signatures import node_ids
from mirrorfold.transforms.stores.output import OutputStore, open_output

_log = logging.getLogger("mirrorfold.match")

FEWEST_CONTENTS = 10_000
"""Below this a full search costs less than the further steps of the incremental one."""
MOST_NEW = 500_000
"""Contents to search anew that one worker can hold, dealt to the buckets of every table: about 1 GB."""
LARGEST_SHARE = 0.1
"""Share of the contents from which a full search costs as much."""


@dataclass(frozen=True)
class New:
    """What is matched, where an earlier run has matched the rest.

    Attributes:
      previous: DIR of the earlier run.
      nodes: of contents that it didn't have; searched: how many they are.
      lost: nodes of contents that are gone.
    """

    previous: str
    nodes: NodeFile
    searched: int
    lost: NodeFile


def plan_new(run: RunContext) -> New | None:
    """Compare this run's contents with the previous run's; None where everything has to be matched.

    On the driver: 16 bytes for each content of either run.
    """
    if run.previous is None or not previous.searched_alike(run) or run.rows("contents") < FEWEST_CONTENTS:
        return None
    before, now = _nodes(open_output(run.previous)), _nodes(run.store)
    lost = np.setdiff1d(before, now, assume_unique=True)
    new = np.setdiff1d(now, before, assume_unique=True)
    if len(new) > min(MOST_NEW, LARGEST_SHARE * len(now)):
        _log.info("%d of %d contents are new: all of them are matched", len(new), len(now))
        return None
    _log.info("matching %d contents against %d, the rest stands", len(new), len(now))
    found = New(
        run.previous,
        NodeFile(run.output, "_work/match/new.parquet"),
        len(new),
        NodeFile(run.output, "_work/match/lost.parquet"),
    )
    found.nodes.write(new)
    found.lost.write(lost)
    return found


@dataclass(eq=False)
class ReadEarlierEdges(beam.PTransform):
    """Read the edges of an earlier run whose ends are both still there; applied to a pipeline's root."""

    new: New

    def expand(self, root):
        return (
            root
            | "ReadEdges" >> ReadTable(self.new.previous, EDGES)
            | "DropLost" >> beam.ParDo(DropLost(self.new.lost)).with_output_types(pa.Table)
        )


class DropLost(beam.DoFn):
    """Drop edges of contents that are gone."""

    def __init__(self, lost: NodeFile):
        self.lost = lost

    def setup(self):
        self.nodes = self.lost.read()

    def process(self, edges: pa.Table):
        lost = [np.isin(node_ids(edges.column(f"content_{side}")), self.nodes) for side in "ab"]
        yield edges.filter(pa.array(~(lost[0] | lost[1])))


def _nodes(store: OutputStore) -> np.ndarray:
    contents = parquet.table_blocks(store, CONTENTS.name, ["content_id"])
    blocks = [node_ids(block.column("content_id")) for block in contents]
    return np.unique(np.concatenate([np.empty(0, np.uint64), *blocks]))
