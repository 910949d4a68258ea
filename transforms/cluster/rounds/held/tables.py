"""What is held under DIR while the stars of a family that one worker can't hold are found in rounds.

The first pipeline of the step leaves its labels, its near misses and the large families' contents here instead of
resolving anything; every round reads what the round before left; the last pipeline resolves it all.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.components import COMPONENTS
from mirrorfold.schemas.pairs import PAIRS
from mirrorfold.schemas.table import Table
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.cluster.rounds.settle import BOUNDS, STARS
from mirrorfold.transforms.stores.output import open_output

LAST = b"\xff" * 8
"""Priority of a content that no listed object holds any more."""
PREFERRED = pa.schema([("content_id", pa.string()), ("priority", pa.binary()), ("component", pa.uint64())])
"""The best object of a content."""
FOLDER = "_work/match/large"
CONTENTS_PER_SHARD = 20_000


@dataclass(frozen=True)
class Held:
    """The tables held under a DIR.

    Args:
      schema: of the contents' blocks.
    """

    output: str
    schema: pa.Schema

    @property
    def labels(self) -> Table:
        """Give the components that one worker resolves, the families of split ones in their place."""
        return Table(f"{FOLDER}/labels", 1, COMPONENTS.schema, ("node",), ("node",), COMPONENTS.rows_per_shard)

    @property
    def misses(self) -> Table:
        """Give the near misses between families of components that were split: rows of `pairs`."""
        return Table(f"{FOLDER}/misses", 1, PAIRS.schema, PAIRS.order, PAIRS.shard_key)

    @property
    def contents_schema(self) -> pa.Schema:
        """Give the schema of contents with component and priority."""
        return self.schema.append(BOUNDS.field("component")).append(BOUNDS.field("priority"))

    def contents(self, number: int) -> Table:
        """Give the large families' contents that a round finds unsettled."""
        name, order = f"{FOLDER}/contents-{number:04d}", ("component", "content_id")
        return Table(name, 1, self.contents_schema, order, ("content_id",), CONTENTS_PER_SHARD)

    def stars(self, number: int) -> Table:
        """Give what a round settled."""
        return Table(f"{FOLDER}/stars-{number:04d}", 1, STARS, ("component", "member_id"), ("member_id",))

    def left(self, number: int) -> pa.Table:
        """Read component, priority and content_id of what a round finds unsettled: some 150 bytes a content."""
        return parquet.read_table(open_output(self.output), self.contents(number), BOUNDS.names)

    def clear(self) -> None:
        """Remove it all: what an earlier attempt left, or what is done with."""
        store = open_output(self.output)
        for path in store.list(f"{FOLDER}/"):
            store.delete(path)


def with_priority(contents: pa.Table, priorities: pa.Table) -> pa.Table:
    """Append the priority of each content."""
    place = pc.index_in(contents.column("content_id"), value_set=priorities.column("content_id").combine_chunks())
    return contents.append_column("priority", pc.fill_null(priorities.column("priority").take(place), LAST))
