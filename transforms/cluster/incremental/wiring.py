"""Clustering for an audit in Beam: only components that something touched are resolved, the rest is carried over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.metrics import Metrics

from mirrorfold.schemas.components import COMPONENTS
from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import Shuffle
from mirrorfold.transforms.cluster.incremental.carry import (
    AGAIN,
    COMPONENT,
    EARLIER,
    PREFERRED,
    earlier_members,
    standing,
)
from mirrorfold.transforms.cluster.labels.wiring import Route, label
from mirrorfold.transforms.cluster.members import best_of_contents
from mirrorfold.transforms.cluster.wiring import CONTENTS_PER_PARTITION, Cluster, Clustered, Sources


class Nodes(Protocol):
    """A list of nodes that every worker can read."""

    def read(self) -> np.ndarray: ...


class Earlier(NamedTuple):
    """Blocks of an earlier run's tables `pairs` and `clusters`."""

    pairs: beam.PCollection
    clusters: beam.PCollection


@dataclass(eq=False)
class Recluster(beam.PTransform):
    """Find the families and stars of touched components; takes (Sources, Earlier).

    `Sources.edges` are those between new contents and all, and the earlier components that lost no content.

    Args:
      cluster: as for a full run.
      new: nodes that were searched anew: their components are touched.
    """

    cluster: Cluster
    new: Nodes

    def expand(self, inputs: tuple[Sources, Earlier]):
        sources, earlier = inputs
        labels = sources.edges | "Label" >> label()
        preferred = sources.priorities | "BestOfContents" >> beam.Map(best_of_contents).with_output_types(pa.Table)
        searched = labels | "FindSearched" >> beam.ParDo(FindSearched(self.new)).with_output_types(pa.Table)
        unsearched = labels | "Unsearched" >> _split(searched, touched=False)
        found = {
            "members": earlier.clusters
            | "EarlierMembers" >> beam.Map(earlier_members).with_output_types(pa.Table)
            | "RouteMembers" >> self._route(unsearched),
            "preferred": preferred | "RoutePreferred" >> self._route(unsearched),
        } | "FindStanding" >> Shuffle(
            keys=dict.fromkeys(("members", "preferred"), (COMPONENT.name,)),
            schemas={"members": EARLIER, "preferred": PREFERRED},
            partitions=max(1, -(-self.cluster.contents // CONTENTS_PER_PARTITION)),
            reduce=standing,
            spill=self.cluster.spill,
        )
        carried = found | "TakeStanding" >> beam.Filter(lambda block: block.schema.names != AGAIN.names)
        again = found | "TakeAgain" >> beam.Filter(lambda block: block.schema.names == AGAIN.names)
        touched = (searched, again) | "AllTouched" >> FlattenBlocks(self.cluster.spill)
        resolved = self.cluster.resolve(sources, preferred, labels | "Touched" >> _split(touched, touched=True))
        untouched = labels | "Untouched" >> _split(touched, touched=False)
        pairs = (
            earlier.pairs
            | "RoutePairs" >> self._route(untouched, "content_a")
            | "CarryPairs" >> beam.Map(lambda block: block.select(PAIRS.schema.names).cast(PAIRS.schema))
        )
        members = (resolved.members, carried) | "AllMembers" >> FlattenBlocks(self.cluster.spill)
        return Clustered(
            pairs=(resolved.pairs, pairs) | "AllPairs" >> FlattenBlocks(self.cluster.spill),
            clusters=self.cluster.name_objects(members, sources.priorities),
            components=labels,
        )

    def _route(self, labels: beam.PCollection, column: str = "content_id") -> beam.ParDo:
        route = Route(self.cluster.node_ids, column)
        return beam.ParDo(route, beam.pvalue.AsList(labels)).with_output_types(pa.Table)


class FindSearched(beam.DoFn):
    """Name the components in which something was searched anew."""

    def __init__(self, new: Nodes):
        self.new = new

    def setup(self):
        self.nodes = self.new.read()

    def process(self, labels: pa.Table) -> Iterable[pa.Table]:
        inside = np.isin(labels.column("node").to_numpy(), self.nodes)
        yield pa.table({"component": np.unique(labels.column("component").to_numpy()[inside])}, schema=AGAIN)


def _split(components: beam.PCollection, *, touched: bool) -> beam.ParDo:
    """Keep the labels of some components, or of all others."""
    return beam.FlatMap(take_labels, beam.pvalue.AsList(components), touched).with_output_types(pa.Table)


def take_labels(labels: pa.Table, components: list[pa.Table], touched: bool) -> Iterable[pa.Table]:
    """Filter labels by component."""
    chosen = np.concatenate([np.empty(0, np.uint64), *(block.column("component").to_numpy() for block in components)])
    inside = np.isin(labels.column("component").to_numpy(), chosen) == touched
    Metrics.counter("cluster", "touched" if touched else "untouched").inc(int(inside.sum()))
    if inside.any():
        yield labels.filter(pa.array(inside))


def earlier_edges(components: pa.Table, dropped: np.ndarray) -> pa.Table:
    """Give edges that link what an earlier run's `components` linked, but for some components."""
    node, component = (components.column(name).to_numpy() for name in COMPONENTS.schema.names)
    kept = (node != component) & ~np.isin(component, dropped)
    return pa.table({"a": component[kept], "b": node[kept]})
