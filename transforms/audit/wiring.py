"""The comparison in Beam: two runs' tables -> changes, aliases."""

from __future__ import annotations

from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa

from mirrorfold.schemas.aliases import ALIASES
from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.audit import aliases, compare
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.wiring import ReadTable, Shuffle

ROWS_PER_PARTITION = 250_000
IDS = pa.schema([("content_id", pa.string())])
CURRENT = pa.schema([("old_id", pa.string())])


@dataclass(eq=False)
class FindChanges(beam.PTransform):
    """Compare two runs' decisions; applied to a pipeline's root, gives blocks of `changes`.

    Args:
      previous, output: DIR of the earlier run and of this one.
      rows: this run's objects, which set the partitions.
    """

    previous: str
    output: str
    rows: int
    spill: str | None = None

    def expand(self, root):
        before = root | "ReadEarlierPlan" >> ReadTable(self.previous, DECISIONS, compare.DECISION_COLUMNS)
        after = root | "ReadPlan" >> ReadTable(self.output, DECISIONS, compare.DECISION_COLUMNS)
        relied = before | "NameKeptCopies" >> beam.Map(compare.kept_copies).with_output_types(pa.Table)
        said = {
            f"said_{name}": root
            | f"Read beside {name}" >> ReadTable(folder, OBJECTS, compare.SAID_COLUMNS)
            | f"Say beside {name}" >> beam.Map(compare.said_of).with_output_types(pa.Table)
            for name, folder in (("before", self.previous), ("after", self.output))
        }
        parts = {"before": before, "after": after, "relied": relied, **said}
        return parts | "Compare" >> Shuffle(
            keys=dict.fromkeys(parts, ("uri",)),
            schemas={
                "before": compare.DECIDED,
                "after": compare.DECIDED,
                "relied": compare.KEPT,
                **dict.fromkeys(said, compare.SAID),
            },
            partitions=max(1, -(-self.rows // ROWS_PER_PARTITION)),
            reduce=compare.compare,
            spill=self.spill,
        )


@dataclass(eq=False)
class FindAliases(beam.PTransform):
    """Follow the previous run's cluster ids; applied to a pipeline's root, gives blocks of `aliases`."""

    previous: str
    output: str
    rows: int
    spill: str | None = None

    def expand(self, root):
        partitions = max(1, -(-self.rows // ROWS_PER_PARTITION))
        names = (
            root
            | "ReadEarlierClusters" >> ReadTable(self.previous, CLUSTERS, aliases.PLACES.names)
            | "NameClusters" >> beam.Map(aliases.names_of_clusters).with_output_types(pa.Table),
            root
            | "ReadEarlierAliases" >> ReadTable(self.previous, ALIASES, ("old_id", "cluster_id"))
            | "NameAliases" >> beam.Map(aliases.names_of_aliases).with_output_types(pa.Table),
        ) | "AllNames" >> FlattenBlocks(self.spill)
        places = root | "ReadClusters" >> ReadTable(self.output, CLUSTERS, aliases.PLACES.names)
        contents = root | "ReadContents" >> ReadTable(self.output, CONTENTS, IDS.names)
        votes = {"names": names, "clusters": places, "contents": contents} | "Vote" >> Shuffle(
            keys=dict.fromkeys(("names", "clusters", "contents"), ("content_id",)),
            schemas={"names": aliases.NAMES, "clusters": aliases.PLACES, "contents": IDS},
            partitions=partitions,
            reduce=aliases.vote,
            spill=self.spill,
        )
        current = places | "NameCurrent" >> beam.Map(_current).with_output_types(pa.Table)
        return {"votes": votes, "current": current} | "Settle" >> Shuffle(
            keys=dict.fromkeys(("votes", "current"), ("old_id",)),
            schemas={"votes": aliases.VOTES, "current": CURRENT},
            partitions=partitions,
            reduce=aliases.settle,
            spill=self.spill,
        )


def _current(clusters: pa.Table) -> pa.Table:
    return pa.table([clusters.column("cluster_id").unique()], schema=CURRENT)
