"""Export what a finished run's archive costs and would save, as one CSV and as plain values."""

from __future__ import annotations

from mirrorfold.pipelines.finished.verify import open_whole
from mirrorfold.pipelines.record.request import saved_request
from mirrorfold.schemas.savings import SAVINGS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.estimate.bill import bill, bills, move
from mirrorfold.transforms.publish.manifests.csv import csv_line, guard

FOLDER, NAME = "exports/savings-csv", "savings.csv"


def export_savings(folder: str) -> dict:
    """Write the table `savings` as CSV under DIR/exports.

    Returns:
      `files`; `savings`, its rows; `bill`, `bill_by` and `move` of these, as the summary has them.

    Raises:
      ValueError: the run isn't finished.
      BrokenPromiseError: the folder breaks a promise.
    """
    store = open_whole(folder)
    rows = parquet.read_table(store, SAVINGS).to_pylist()
    names = SAVINGS.schema.names
    lines = [csv_line(names), *(csv_line([guard(row[name]) for name in names]) for row in rows)]
    store.put(f"{FOLDER}/{NAME}", b"".join(lines))
    to = saved_request(folder).settings.prices.migrate_to
    return {
        "files": [f"{folder.rstrip('/')}/{FOLDER}/{NAME}"],
        "savings": [{**row, "price_date": row["price_date"] and row["price_date"].isoformat()} for row in rows],
        "bill": bill(rows),
        "bill_by": bills(rows),
        "move": move(rows, to.model_dump() if to else None),
    }
