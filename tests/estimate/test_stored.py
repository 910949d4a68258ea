"""The bill before a run: everything that lies there, archived or older too, split into what goes and stays."""

import numpy as np
import pyarrow as pa
import pytest

from mirrorfold.transforms.estimate.census import Listed
from mirrorfold.transforms.estimate.price_list import ClassRules
from mirrorfold.transforms.estimate.savings import Tally
from mirrorfold.transforms.estimate.stored import freed, stored

IA = ("hk", "s3", "b", "STANDARD_IA")
COLD = ("hk", "s3", "b", "GLACIER")
TALLY = Tally({("s3", "STANDARD_IA"): ClassRules(minimum_bytes=1000)}, there=ClassRules(overhead_bytes=10))


def objects(*rows: tuple[tuple[str, str, str, str], int, bool]) -> pa.Table:
    places = [dict(zip(("library", "store", "bucket", "storage_class"), place, strict=True)) for place, _, _ in rows]
    return pa.Table.from_pylist(
        [
            {**place, "size": size, "is_latest": latest, "is_delete_marker": False}
            for place, (_, size, latest) in zip(places, rows, strict=True)
        ]
    )


def listed(sizes: list[int]) -> Listed:
    size = np.array(sizes)
    none = np.zeros(len(size), np.uint64)
    return Listed(size, none, none, np.zeros(len(size), np.int64), none > 0, (IA,), {})


BLOCKS = [objects((IA, 100, True), (IA, 2000, True)), objects((IA, 500, False), (COLD, 700, True))]


def test_all_of_it_is_billed_and_only_what_is_current_moves() -> None:
    rows = {row["storage_class"]: row for row in stored(BLOCKS, TALLY).to_pylist()}
    ia, cold = rows["STANDARD_IA"], rows["GLACIER"]
    assert (ia["objects"], ia["bytes"], ia["bytes_billed_today"]) == (3, 2600, 1000 + 2000 + 1000)
    assert (ia["objects_moved"], ia["bytes_moved"], ia["bytes_billed_moved"]) == (2, 2100, 2100 + 20)
    assert (cold["bytes"], cold["bytes_billed_today"], cold["bytes_moved"]) == (700, 700, 700)


@pytest.mark.parametrize("size", [0.0, 100.0, 2100.0], ids=["nothing", "some", "all that was read"])
def test_what_goes_and_what_stays_add_up(size: float) -> None:
    whole = stored(BLOCKS, TALLY)
    rows = freed(whole, listed([100, 2000]), np.array([size])).to_pylist()
    for name in ("objects", "bytes", "bytes_billed_today"):
        assert sum(row[name] for row in rows) == sum(whole[name].to_pylist())
    gone = [row for row in rows if row["action"] == "quarantine"]
    assert [row["bytes_freed"] for row in gone] == ([int(size)] if size else [])
    assert all(row["bytes_billed"] == row["bytes_billed_today"] and row["bytes_moved"] == 0 for row in gone)
    assert all(row[name] >= 0 for row in rows for name in ("objects", "bytes", "bytes_billed_moved", "objects_moved"))
