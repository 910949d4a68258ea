"""Cluster as Beam transforms: verified edges, contents and the keep order in; pairs and clusters out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.edges import EDGES
from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import Shuffle
from mirrorfold.transforms.cluster.components import both_ways, label_components, large_star, open_stars, small_star
from mirrorfold.transforms.cluster.members import (
    PREFERRED,
    PRIORITIES,
    best_of_contents,
    cluster_objects,
    with_priority,
)
from mirrorfold.transforms.cluster.misses import OF_CONTENT, WITH_FAMILY, between_families, choose
from mirrorfold.transforms.cluster.resolve import COMPONENT, LINKS, MEMBERS, resolve
from mirrorfold.transforms.cluster.stars import Verifier

NODE = pa.field("node", pa.uint64())
PAIRED = pa.schema([("a", pa.uint64()), ("b", pa.uint64())])
"""Two nodes that belong together."""
LABELS = pa.schema([NODE, COMPONENT])
"""A node that is linked, and its component: the smallest node of it."""
ROWS_PER_BLOCK = 65_536
"""A block is 1 MB: Flink refuses larger records."""
MOST_IN_ONE = 2_000_000
"""Contents up to which one worker unites all edges: 100 bytes each while it works, and a record of 25 MB at most."""
NODES_PER_PARTITION = 250_000
ROUNDS = 3
"""Turns of large and small stars: they end families in which no content is more than eight edges from another."""
CONTENTS_PER_PARTITION = 20_000
OBJECTS_PER_PARTITION = 250_000
DETAIL = pa.field("detail", pa.binary())


class Clustered(NamedTuple):
    """Blocks of the tables `pairs` and `clusters`."""

    pairs: beam.PCollection
    clusters: beam.PCollection


@dataclass(eq=False)
class Cluster(beam.PTransform):
    """Unite verified edges to families, and find the stars in them.

    Takes a dict of blocks: "edges", of that table; "contents", with the columns of the verifier; "priorities", of
    PRIORITIES,
    each with all objects of its contents; "details", where contents were read again (content_id and DETAIL).

    Args:
      verifier: verification, from the match stage; node_ids: how content ids become nodes.
      schema: of the contents' blocks.
      contents, objects: numbers of rows, which set the partitions.
      spill: a local folder for shuffled blocks, or None.
    """

    verifier: Verifier
    node_ids: Callable[[pa.ChunkedArray], np.ndarray]
    schema: pa.Schema
    contents: int
    objects: int
    spill: str | None = None

    def expand(self, sources):
        paired = sources["edges"] | "PairNodes" >> beam.Map(self.paired).with_output_types(pa.Table)
        labels = paired | "Connect" >> Connect(self.contents, self.spill)
        preferred = sources["priorities"] | "BestOfContents" >> beam.Map(best_of_contents).with_output_types(pa.Table)
        named = self._named(sources, preferred, labels)
        resolved = {"contents": named.contents, "links": named.links} | "Resolve" >> Shuffle(
            keys=dict.fromkeys(("contents", "links"), (COMPONENT.name,)),
            schemas={"contents": self._linked_schema(sources), "links": LINKS},
            partitions=self._partitions,
            reduce=Resolve(self.verifier),
            outputs=("pairs", "members"),
            spill=self.spill,
        )
        misses = self._near_misses(named.misses, labels)
        clusters = {"members": resolved.members, "objects": sources["priorities"]} | "NameObjects" >> Shuffle(
            keys={"members": ("content_id",), "objects": ("content_id",)},
            schemas={"members": MEMBERS, "objects": PRIORITIES},
            partitions=max(1, -(-self.objects // OBJECTS_PER_PARTITION)),
            reduce=cluster_partition,
            spill=self.spill,
        )
        return Clustered((resolved.pairs, misses) | "AllPairs" >> FlattenBlocks(self.spill), clusters)

    @property
    def _partitions(self) -> int:
        return max(1, -(-self.contents // CONTENTS_PER_PARTITION))

    def paired(self, edges: pa.Table) -> pa.Table:
        """Give the nodes of edges that join."""
        edges = edges.filter(edges.column("joins"))
        return pa.table([self.node_ids(edges.column(f"content_{side}")) for side in "ab"], schema=PAIRED)

    def with_node(self, block: pa.Table, column: str = "content_id") -> pa.Table:
        """Append the node that a column names."""
        return block.append_column(NODE, pa.array(self.node_ids(block.column(column))))

    def _linked_schema(self, sources) -> pa.Schema:
        detail = [DETAIL] if "details" in sources else []
        return pa.schema([*self.schema, *detail, pa.field("priority", pa.binary()), COMPONENT])

    def _named(self, sources, preferred, labels):
        """Name the family of contents, with their priority, and of edges, by a join on nodes."""

        def noded(blocks, label: str, column: str = "content_id"):
            return blocks | label >> beam.Map(self.with_node, column).with_output_types(pa.Table)

        inputs = {
            "labels": labels,
            "contents": noded(sources["contents"], "NodesOfContents"),
            "preferred": noded(preferred, "NodesOfPriorities"),
            "edges": noded(sources["edges"], "NodesOfEdges", "content_a"),
        }
        schemas = {
            "labels": LABELS,
            "contents": self.schema.append(NODE),
            "preferred": PREFERRED.append(NODE),
            "edges": EDGES.schema.append(NODE),
        }
        if "details" in sources:
            inputs["details"] = noded(sources["details"], "NodesOfDetails")
            schemas["details"] = pa.schema([("content_id", pa.string()), DETAIL, NODE])
        return inputs | "NameFamilies" >> Shuffle(
            keys=dict.fromkeys(inputs, (NODE.name,)),
            schemas=schemas,
            partitions=self._partitions,
            reduce=NameFamilies(self.node_ids),
            outputs=("contents", "links", "misses"),
            spill=self.spill,
        )

    def _near_misses(self, misses, labels):
        """Choose the near misses between families: rows of the table `pairs`."""
        between = {"misses": misses, "labels": labels} | "BetweenFamilies" >> Shuffle(
            keys=dict.fromkeys(("misses", "labels"), (NODE.name,)),
            schemas={"misses": WITH_FAMILY, "labels": LABELS},
            partitions=self._partitions,
            reduce=misses_between,
            spill=self.spill,
        )
        return between | "ChooseMisses" >> Shuffle(
            keys={"rows": ("content",)},
            schemas={"rows": OF_CONTENT},
            partitions=self._partitions,
            reduce=choose_misses,
            spill=self.spill,
        )


@dataclass(eq=False)
class Connect(beam.PTransform):
    """Find the connected components of blocks of PAIRED: blocks of LABELS, a row or more for each linked node.

    One worker unites all while the nodes are few. Where they are many, edges become stars by parts, see `components`;
    what a few rounds leave between stars, as a long chain does, one worker unites.

    Args:
      contents: how many nodes there are at most.
    """

    contents: int
    spill: str | None = None

    def expand(self, paired):
        if self.contents <= MOST_IN_ONE:
            return paired | "LabelNodes" >> self._by_parts(label_nodes, parts=1)
        for number in range(ROUNDS):
            paired = paired | f"LargeStar{number}" >> self._by_parts(large_stars, both=True)
            paired = paired | f"SmallStar{number}" >> self._by_parts(small_stars)
        between = paired | "FindOpen" >> self._by_parts(stars_between, both=True)
        labels = between | "LabelCentres" >> self._by_parts(label_nodes, parts=1)
        return {"stars": paired, "labels": labels} | "NameStars" >> Shuffle(
            keys={"stars": ("b",), "labels": (NODE.name,)},
            schemas={"stars": PAIRED, "labels": LABELS},
            partitions=self._parts,
            reduce=name_stars,
            spill=self.spill,
        )

    @property
    def _parts(self) -> int:
        return -(-self.contents // NODES_PER_PARTITION)

    def _by_parts(self, reduce, parts: int = 0, both: bool = False) -> beam.PTransform:
        """Call a function with all edges of each node, or, with `both`, with all of its neighbours."""
        shuffle = Shuffle({"rows": ("a",)}, {"rows": PAIRED}, parts or self._parts, reduce, spill=self.spill)
        return _both_ways(shuffle) if both else shuffle


@beam.ptransform_fn
def _both_ways(paired, shuffle: Shuffle):
    return paired | "BothWays" >> beam.Map(_turned).with_output_types(pa.Table) | "ByNode" >> shuffle


def _turned(block: pa.Table) -> pa.Table:
    return _block(both_ways(_edges(block)), PAIRED)


def label_nodes(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Label all nodes in one worker."""
    yield from _in_blocks(label_components(_edges(blocks["rows"])), LABELS)


def large_stars(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Make large stars of the nodes of one part."""
    yield from _in_blocks(large_star(_edges(blocks["rows"])), PAIRED)


def small_stars(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Make small stars of the nodes of one part."""
    yield from _in_blocks(small_star(_edges(blocks["rows"])), PAIRED)


def stars_between(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Find what links stars, among the nodes of one part."""
    yield from _in_blocks(open_stars(_edges(blocks["rows"])), PAIRED)


def name_stars(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Label the nodes of the stars of one part, and their centres."""
    stars = blocks["stars"].rename_columns(["leaf", NODE.name])
    named = components_of(stars, blocks["labels"])
    component = pc.fill_null(named.column("component"), named.column("node")).to_numpy()
    for nodes in (named.column("leaf").to_numpy(), named.column("node").to_numpy()):
        yield from _in_blocks(np.unique(np.stack([nodes, component], axis=1), axis=0), LABELS)


def _edges(block: pa.Table) -> np.ndarray:
    return np.stack([block.column(name).to_numpy() for name in PAIRED.names], axis=1)


def _in_blocks(rows: np.ndarray, schema: pa.Schema) -> Iterable[pa.Table]:
    for start in range(0, len(rows), ROWS_PER_BLOCK):
        yield _block(rows[start : start + ROWS_PER_BLOCK], schema)


def _block(rows: np.ndarray, schema: pa.Schema) -> pa.Table:
    return pa.table([np.ascontiguousarray(rows[:, 0]), np.ascontiguousarray(rows[:, 1])], schema=schema)


@dataclass
class NameFamilies:
    """Give the contents, edges and misses of one partition of nodes the family that the labels name."""

    node_ids: Callable[[pa.ChunkedArray], np.ndarray]

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[tuple[str, pa.Table]]:
        contents = components_of(blocks["contents"], blocks["labels"])
        contents = contents.filter(pc.is_valid(contents.column("component")))
        if contents.num_rows:
            contents = with_priority(contents.drop_columns("node"), blocks["preferred"])
            if "details" in blocks:
                details = blocks["details"]
                place = pc.index_in(
                    contents.column("content_id"), value_set=details.column("content_id").combine_chunks()
                )
                contents = contents.append_column(DETAIL, details.column("detail").take(place))
            yield "contents", contents
        edges = components_of(blocks["edges"], blocks["labels"])
        links = edges.filter(edges.column("joins")).drop_columns("node")
        if links.num_rows:
            yield "links", links.cast(LINKS)
        misses = edges.filter(pc.invert(edges.column("joins")))
        if misses.num_rows:
            family = pc.fill_null(misses.column("component"), misses.column("node"))
            misses = misses.select(EDGES.schema.names).append_column("family", family)
            other = pa.array(self.node_ids(misses.column("content_b")))
            yield "misses", misses.append_column("node", other).cast(WITH_FAMILY)


def components_of(rows: pa.Table, labels: pa.Table) -> pa.Table:
    """Append the component of each row's node; null where the node isn't linked."""
    place = pc.index_in(rows.column("node"), value_set=labels.column("node").combine_chunks())
    return rows.append_column(COMPONENT, labels.column("component").take(place))


def misses_between(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Keep the misses between families of one partition."""
    if blocks["misses"].num_rows:
        found = components_of(blocks["misses"], blocks["labels"])
        yield between_families(found, pc.fill_null(found.column("component"), found.column("node")).to_numpy())


def choose_misses(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Choose the near misses of one partition's contents."""
    if blocks["rows"].num_rows:
        yield choose(blocks["rows"])


@dataclass
class Resolve:
    """Resolve the families of one partition."""

    verifier: Verifier

    def __call__(self, _: int, blocks: dict[str, pa.Table]) -> Iterable[tuple[str, pa.Table]]:
        links = ipc.distinct_rows(
            ipc.sort_rows(blocks["links"], ("content_a", "content_b")).combine_chunks(), ("content_a", "content_b")
        )
        for pairs, members in resolve(blocks["contents"], links, self.verifier):
            yield from (found for found in (("pairs", pairs), ("members", members)) if found[1].num_rows)


def cluster_partition(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    """Name the clusters of one partition's objects."""
    if blocks["objects"].num_rows:
        yield cluster_objects(blocks["members"], blocks["objects"]).cast(CLUSTERS.schema)
