"""An archive of small files with a finished plan, and what a move made of it: a destination and a quarantine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.reconciliation import RECONCILIATION
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.listing.live import list_live
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import write_run
from tests.retain.tables import clusters, content, content_id, contents, failures, pairs, twin


class Moved:
    """`hk` and `gz` hold the same `count` contents; the plan keeps hk's, of gz's the first `twins` go.

    What the plan keeps was copied to `to`, by library; what it sets aside was moved to `aside`.
    """

    def __init__(self, root: Path, count: int, twins: int):
        self.root, self.count, self.twins = root, count, twins
        self.out, self.to, self.aside = root / "out", root / "to", root / "aside"
        for number in range(count):
            self.write(root / "hk" / name(number), text(number))
            if number < twins:
                self.write(root / "gz" / name(number), text(number))
        self._plan()
        shutil.copytree(root / "hk", self.to / "hk")
        if twins:
            shutil.move(root / "gz", self.aside / "gz")
            (root / "gz").mkdir()

    def write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def rows(self) -> dict[str, dict]:
        """Read the table by URI below the root."""
        table = read_table(LocalOutput(str(self.out)), RECONCILIATION).to_pylist()
        return {row["uri"].removeprefix(f"file://{self.root}/"): row for row in table}

    def _plan(self) -> None:
        listed = [self._listed("hk"), *([self._listed("gz")] if self.twins else [])]
        objects = pa.concat_tables(listed)
        ids = [text(int(key.rpartition("/")[2][:6])).decode() for key in objects.column("key").to_pylist()]
        names = pa.array([content_id(one) for one in ids])
        objects = objects.set_column(
            objects.schema.get_field_index("content_id"), OBJECTS.schema.field("content_id"), names
        )
        index = objects.schema.get_field_index("identity_evidence")
        read = pa.array(["read"] * len(ids))
        objects = objects.set_column(index, OBJECTS.schema.field("identity_evidence"), read)
        seen = {(row["uri"], name) for row, name in zip(objects.select(["uri"]).to_pylist(), ids, strict=True)}
        many = {name for _, name in seen if sum(1 for n in ids if n == name) > 1} if len(ids) < 500 else {
            text(number).decode() for number in range(self.twins)
        }  # fmt: skip
        twins = [
            twin(uri, name, name, is_master="/hk/" in uri) | {"library": "hk" if "/hk/" in uri else "gz"}
            for uri, name in sorted(seen) if name in many
        ]  # fmt: skip
        tables = {
            "objects": objects, "contents": contents(*(content(name) for name in sorted(set(ids)))),
            "failures": failures(), "clusters": clusters(*twins), "pairs": pairs(),
        }  # fmt: skip
        write_run(self.out, tables, "keep_order: [{library: [hk]}]\n")

    def _listed(self, library: str) -> pa.Table:
        folder = str(self.root / library)
        rows = pa.concat_tables(list_live(SourceSpec(library, "live", "file", folder), 0)).select(OBJECTS.schema.names)
        return rows.take(pc.sort_indices(rows, [("uri", "ascending")]))


def name(number: int) -> str:
    """Name a file."""
    return f"{number % 7}/{number:06d}.jpg"


def text(number: int) -> bytes:
    """Give a file's bytes; some sizes are shared, as those of scans are."""
    return (f"picture {number:06d} " + "x" * (number % 50)).encode()
