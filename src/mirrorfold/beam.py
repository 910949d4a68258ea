"""mirrorfold in somebody's own Beam pipeline: fingerprint images, find pairs, cluster (docs/library.md shows each).

Elements are blocks of rows, `pyarrow.Table`; `beam.FlatMap(pyarrow.Table.to_pylist)` makes rows of them. The transforms
are for batch pipelines. `images` says about how many there are: it sets partitions and plans, so that a wrong one costs
time and memory, and changes no result. The rules are a run's own, so the results are a run's too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa

from mirrorfold.configs.policy import load_policy
from mirrorfold.schemas.clusters import CLUSTERS as OBJECT_CLUSTERS
from mirrorfold.schemas.edges import EDGES
from mirrorfold.transforms.blocks import ipc
from mirrorfold.transforms.blocks.wiring import Shuffle
from mirrorfold.transforms.cluster.members import PRIORITIES
from mirrorfold.transforms.cluster.wiring import Cluster as ClusterContents
from mirrorfold.transforms.fingerprint.images.rows import FINGERPRINTS, NAME, UNREAD, as_objects
from mirrorfold.transforms.fingerprint.images.wiring import FingerprintImages
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.wiring import COMPILED_FROM
from mirrorfold.transforms.match import features, signatures
from mirrorfold.transforms.match.compare_all import MOST_ROWS
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.plan import compared_like, make_plan
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier
from mirrorfold.transforms.match.wiring import CONTENTS_PER_PARTITION, Match, Verify
from mirrorfold.transforms.retain.annotate import OBJECT_COLUMNS
from mirrorfold.transforms.retain.keep_order import object_priority

__all__ = ["CLUSTERS", "FAILURES", "FINGERPRINTS", "PAIRS", "Cluster", "FindPairs", "Fingerprint", "Fingerprinted"]

FAILURES = UNREAD
"""An image that couldn't be read: its name, a stable code, and a sentence."""
PAIRS = EDGES.schema
"""A verified pair of contents, as in schemas/edges.py: `joins` tells twins from near misses."""
CLUSTERS = pa.schema(
    [NAME, *(field for field in OBJECT_CLUSTERS.schema if field.name not in ("uri", "version", "library"))]
)
"""An image that has a twin: its cluster, whether it is the master, and how it differs from it."""


class Fingerprinted(NamedTuple):
    """Blocks of FINGERPRINTS and of FAILURES: each image is a row of either."""

    fingerprints: beam.PCollection[pa.Table]
    failures: beam.PCollection[pa.Table]


@dataclass(eq=False)
class Fingerprint(beam.PTransform):
    """Fingerprint images: takes {"images"}, pairs of (name, bytes); gives `Fingerprinted`.

    Risky formats are decoded in child processes of the worker, under limits of memory and time.
    """

    images: int = 10_000

    def expand(self, inputs: Mapping[str, beam.PCollection[tuple[str, bytes]]]) -> Fingerprinted:
        worker = FingerprintImages(FingerprintOptions(compiled=self.images >= COMPILED_FROM))
        done = inputs["images"] | "FingerprintImages" >> beam.ParDo(worker).with_outputs("failures", main="prints")
        return Fingerprinted(done.prints, done.failures)


@dataclass(eq=False)
class FindPairs(beam.PTransform):
    """Find pairs and verify them: takes {"fingerprints"}, gives blocks of PAIRS. Equal bytes are one content, no pair.

    Args:
      radius: bits of `phash64`, 0 to 12, within which no pair is missed.
      crops: search for crops, rotations and mirrors too.
      spill: a local folder for shuffled blocks on a local runner, or None.
    """

    radius: int = 8
    crops: bool = True
    images: int = 10_000
    spill: str | None = None

    def expand(self, inputs: Mapping[str, beam.PCollection[pa.Table]]) -> beam.PCollection[pa.Table]:
        rule, kinds = Rule(self.radius, CHECK_LIMIT), signatures.KINDS if self.crops else 1
        compare_all = self.images * kinds <= MOST_ROWS
        sample = np.empty(0, np.uint64)
        plan = None if compare_all else make_plan(self.radius, compared_like(self.images, kinds), sample)
        contents = inputs["fingerprints"] | "Distinct" >> _distinct(self.images, self.spill)
        met = contents | "Match" >> Match(plan, rule, self.crops, self.images, self.spill)
        verify = Verify(Verifier(rule, self.crops), features.SCHEMA, self.images, self.spill)
        return ({"met": met, "contents": contents} | "Verify" >> verify).edges


@dataclass(eq=False)
class Cluster(beam.PTransform):
    """Cluster images around masters: takes {"fingerprints", "pairs"}, gives blocks of CLUSTERS.

    Args:
      policy: a ready one's name, or the path of one: its `keep_order` chooses the masters.
      radius, crops, spill: as in FindPairs, and the same as there.
    """

    policy: str = "default"
    radius: int = 8
    crops: bool = True
    images: int = 10_000
    spill: str | None = None

    def expand(self, inputs: Mapping[str, beam.PCollection[pa.Table]]) -> beam.PCollection[pa.Table]:
        prints, policy = inputs["fingerprints"], load_policy(self.policy)
        verifier = Verifier(Rule(self.radius, CHECK_LIMIT), self.crops)
        cluster = ClusterContents(verifier, signatures.node_ids, features.SCHEMA, self.images, self.images, self.spill)
        found = {
            "edges": inputs["pairs"],
            "contents": prints | "Distinct" >> _distinct(self.images, self.spill),
            "priorities": prints | "Rank" >> beam.Map(_priorities, policy).with_output_types(pa.Table),
        } | "Cluster" >> cluster
        return found.clusters | "NameImages" >> beam.Map(_named).with_output_types(pa.Table)


def _distinct(images: int, spill: str | None) -> beam.PTransform:
    partitions = max(1, -(-images // CONTENTS_PER_PARTITION))
    return Shuffle({"rows": ("content_id",)}, {"rows": FINGERPRINTS}, partitions, _distinct_rows, spill=spill)


def _distinct_rows(_: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
    rows = ipc.sort_rows(blocks["rows"].select(features.COLUMNS), ("content_id",))
    yield ipc.distinct_rows(rows, ("content_id",)).combine_chunks()


def _priorities(prints: pa.Table, policy: dict) -> pa.Table:
    objects = as_objects(prints, OBJECT_COLUMNS)
    ranked = object_priority(objects, prints, policy).append_column("library", objects.column("library"))
    return ranked.select(PRIORITIES.names).cast(PRIORITIES)


def _named(clusters: pa.Table) -> pa.Table:
    return clusters.rename_columns({"uri": NAME.name}).select(CLUSTERS.names).cast(CLUSTERS)
