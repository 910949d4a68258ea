"""What an audit has to match anew: what is new, and what a removed content has left behind."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.record import previous
from mirrorfold.schemas.components import COMPONENTS
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.wiring import ReadTable
from mirrorfold.transforms.cluster.incremental.wiring import earlier_edges
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
class Again:
    """What is matched anew.

    Attributes:
      previous: DIR of the earlier run.
      new: nodes of contents that weren't there, and of those whose component has lost one.
      searched: how many they are.
      dropped: the earlier components that are taken apart.
    """

    previous: str
    new: NodeFile
    searched: int
    dropped: NodeFile


def plan_again(run: RunContext) -> Again | None:
    """Compare this run's contents with the previous run's; None where everything has to be matched.

    On the driver: 16 bytes for each content of either run, and as much for each row of `components`.
    """
    if run.previous is None or not previous.matched_alike(run) or run.rows("contents") < FEWEST_CONTENTS:
        return None
    before, now = _nodes(open_output(run.previous)), _nodes(run.store)
    lost = np.setdiff1d(before, now, assume_unique=True)
    new = np.setdiff1d(now, before, assume_unique=True)
    dropped = np.empty(0, np.uint64)
    if len(lost):
        blocks = [COMPONENTS.empty(), *parquet.table_blocks(open_output(run.previous), COMPONENTS.name)]
        node, component = (pa.concat_tables(blocks).column(name).to_numpy() for name in COMPONENTS.schema.names)
        dropped = np.unique(component[np.isin(node, lost)])
        left = np.setdiff1d(node[np.isin(component, dropped)], lost, assume_unique=True)
        new = np.union1d(new, left)
    if len(new) > min(MOST_NEW, LARGEST_SHARE * len(now)):
        _log.info("%d of %d contents are new or touched: all of them are matched", len(new), len(now))
        return None
    _log.info("matching %d contents against %d, the rest stands", len(new), len(now))
    again = Again(
        run.previous,
        NodeFile(run.output, "_work/match/new.parquet"),
        len(new),
        NodeFile(run.output, "_work/match/dropped.parquet"),
    )
    again.new.write(new)
    again.dropped.write(dropped)
    return again


@dataclass(eq=False)
class ReadEarlierEdges(beam.PTransform):
    """Read what a run linked, but for the components taken apart; applied to a pipeline's root."""

    previous: str
    dropped: NodeFile | None = None

    def expand(self, root):
        return (
            root
            | "ReadComponents" >> ReadTable(self.previous, COMPONENTS)
            | "TakeEdges" >> beam.ParDo(TakeEdges(self.dropped)).with_output_types(pa.Table)
        )


class TakeEdges(beam.DoFn):
    """Turn rows of `components` into edges."""

    def __init__(self, dropped: NodeFile | None):
        self.dropped = dropped

    def setup(self):
        self.components = np.empty(0, np.uint64) if self.dropped is None else self.dropped.read()

    def process(self, block: pa.Table):
        yield earlier_edges(block, self.components)


def _nodes(store: OutputStore) -> np.ndarray:
    contents = parquet.table_blocks(store, CONTENTS.name, ["content_id"])
    blocks = [node_ids(block.column("content_id")) for block in contents]
    return np.unique(np.concatenate([np.empty(0, np.uint64), *blocks]))
