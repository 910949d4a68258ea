"""The incremental search in Beam: contents and the nodes of the new ones in, what met out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
import pyarrow as pa

from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.match.incremental.search import full_only, make_broadcast, pass_by
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.kernels import KIND_SHIFT
from mirrorfold.transforms.match.plan import Plan
from mirrorfold.transforms.match.signatures import CHECK_WORDS, KINDS, make_light, node_ids
from mirrorfold.transforms.match.wiring import Search
from mirrorfold.transforms.stores.output import OutputStore, open_output


@dataclass(frozen=True)
class NodeFile:
    """A sorted list of nodes under DIR: too long for a job's graph, short enough for every worker."""

    output: str
    path: str

    def write(self, nodes: np.ndarray) -> None:
        """Write nodes, uint64."""
        store: OutputStore = open_output(self.output)
        store.put(self.path, parquet.to_parquet(pa.table({"node": np.sort(nodes)})))

    def read(self) -> np.ndarray:
        """Read them."""
        blocks = parquet.read_blocks(open_output(self.output), self.path)
        return np.concatenate([np.empty(0, np.uint64), *(block.column("node").to_numpy() for block in blocks)])


@dataclass(eq=False)
class MatchNew(beam.PTransform):
    """Search new contents against all; takes the blocks of contents twice, gives blocks of MET.

    They are read twice, because pictures that wait for a side input between two readers cost more than a second read.

    Args:
      new: nodes of the contents that are searched for.
      plan: tables with guaranteed recall; rule: what makes a candidate.
      crops: search windows and symmetries too.
      rows: number of contents, which sets the partitions.
    """

    new: NodeFile
    plan: Plan
    rule: Rule
    crops: bool
    rows: int
    spill: str | None = None

    def expand(self, readings):
        contents, again = readings
        kinds = KINDS if self.crops else 1
        signed = contents | "SignNew" >> beam.ParDo(SignNew(self.new, self.crops)).with_outputs("new", main="old")
        rows = (signed.old, signed.new) | "AllRows" >> FlattenBlocks(self.spill)
        search = Search(self.plan, self.rule, self.rows, kinds, CHECK_WORDS, self.spill)
        met = rows | "Search" >> search | "DropKnown" >> beam.ParDo(DropKnown(self.new)).with_output_types(pa.Table)
        if not self.crops:
            return met
        passing = again | "PassBy" >> beam.ParDo(
            PassBy(self.new, self.plan, self.rule), beam.pvalue.AsList(signed.new)
        ).with_output_types(pa.Table)
        return (met, passing) | "AllNew" >> FlattenBlocks(self.spill)


class SignNew(beam.DoFn):
    """Make the searched rows: new contents with all their signatures, old ones with the full one alone."""

    def __init__(self, new: NodeFile, crops: bool):
        self.new, self.crops = new, crops

    def setup(self):
        self.nodes = self.new.read()

    def process(self, block: pa.Table) -> Iterable:
        new = np.isin(node_ids(block.column("content_id")), self.nodes)
        if not new.all():
            old = make_light(block.filter(pa.array(~new)), crops=False)
            yield full_only(old) if self.crops else old
        if new.any():
            yield beam.pvalue.TaggedOutput("new", make_light(block.filter(pa.array(new)), self.crops))


class DropKnown(beam.DoFn):
    """Drop what met between contents that aren't new: the earlier run verified it."""

    def __init__(self, new: NodeFile):
        self.new = new

    def setup(self):
        self.nodes = self.new.read()

    def process(self, met: pa.Table) -> Iterable[pa.Table]:
        new = [np.isin(met.column(name).to_numpy() >> KIND_SHIFT, self.nodes) for name in "ab"]
        found = met.filter(pa.array(new[0] | new[1]))
        if len(found):
            yield found


class PassBy(beam.DoFn):
    """Let the probes of old contents pass by the new full signatures."""

    def __init__(self, new: NodeFile, plan: Plan, rule: Rule):
        self.new, self.plan, self.rule = new, plan, rule

    def setup(self):
        self.nodes = self.new.read()

    def start_bundle(self):
        self.broadcast = None

    def process(self, block: pa.Table, light: list[pa.Table]) -> Iterable[pa.Table]:
        if self.broadcast is None:
            self.broadcast = make_broadcast(light, self.plan)
        old = block.filter(pa.array(~np.isin(node_ids(block.column("content_id")), self.nodes)))
        met = pass_by(old, self.broadcast, self.plan, self.rule)
        if len(met):
            yield met
