"""Components in Beam: edges to labels, and contents to the component that a label names."""

from __future__ import annotations

from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.metrics import Metrics

from mirrorfold.schemas.components import COMPONENTS
from mirrorfold.transforms.cluster.components import label_components, spanning_forest

LABELS = COMPONENTS.schema
LABELS_PER_BLOCK = 1_000_000
COMPACT_EDGES = 2_000_000


@beam.ptransform_fn
def label(edges: beam.PCollection) -> beam.PCollection:
    """Unite blocks of edges and label their components: blocks of LABELS, in no order."""
    return (
        edges
        | "UniteEdges" >> beam.CombineGlobally(Components())
        | "LabelNodes" >> beam.FlatMap(label_blocks).with_output_types(pa.Table)
    )


class Components(beam.CombineFn):
    """Reduce blocks of edges to one spanning forest, and label its components."""

    def create_accumulator(self):
        return []

    def add_input(self, accumulator, block: pa.Table):
        accumulator.append(np.stack([block.column("a").to_numpy(), block.column("b").to_numpy()], axis=1))
        return self._compacted(accumulator)

    def merge_accumulators(self, accumulators):
        return self._compacted([edges for accumulator in accumulators for edges in accumulator])

    def compact(self, accumulator):
        return [spanning_forest(np.concatenate(accumulator))] if accumulator else accumulator

    def extract_output(self, accumulator) -> np.ndarray:
        return label_components(np.concatenate([np.empty((0, 2), np.uint64), *accumulator]))

    def _compacted(self, accumulator):
        rows = sum(map(len, accumulator[1:]))
        return self.compact(accumulator) if rows > COMPACT_EDGES else accumulator


def label_blocks(labels: np.ndarray) -> Iterable[pa.Table]:
    """Cut labels, uint64 (nodes, 2), into blocks."""
    Metrics.counter("cluster", "linked").inc(len(labels))
    for start in range(0, len(labels), LABELS_PER_BLOCK):
        part = labels[start : start + LABELS_PER_BLOCK]
        yield pa.table({"node": part[:, 0].copy(), "component": part[:, 1].copy()}, schema=LABELS)


class Route(beam.DoFn):
    """Keep the rows of linked contents, by the column that names them, and name their component."""

    def __init__(self, node_ids, column: str = "content_id"):
        self.node_ids, self.column = node_ids, column

    def start_bundle(self):
        self.labels = None

    def process(self, block: pa.Table, labels: list[pa.Table]):
        if self.labels is None:
            self.labels = sorted_labels(labels)
        nodes, components = self.labels
        if not len(nodes) or not block.num_rows:
            return
        found = self.node_ids(block.column(self.column))
        place = np.minimum(np.searchsorted(nodes, found), len(nodes) - 1)
        linked = nodes[place] == found
        if linked.any():
            rows = block.filter(pa.array(linked))
            yield rows.append_column("component", pa.array(components[place[linked]]))


def sorted_labels(labels: list[pa.Table]) -> tuple[np.ndarray, np.ndarray]:
    """Join blocks of labels, in any order: nodes ascending, and the component of each, uint64."""
    if not labels:
        return np.empty(0, np.uint64), np.empty(0, np.uint64)
    ordered = pa.concat_tables(sorted(labels, key=lambda block: block.column("node")[0].as_py()))
    return ordered.column("node").to_numpy(), ordered.column("component").to_numpy()
