"""The screen at the end of a run: people with scans learn of the setting that they need."""

from __future__ import annotations

import datetime
import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from rich.console import Console

from mirrorfold.pipelines.commands.summary import summarise
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.decisions import DECISIONS, HOLD_CHECKS
from mirrorfold.schemas.savings import SAVINGS
from mirrorfold.schemas.table import Table
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.stores.output import open_output
from tests.match.match_pictures import make_contents

HINT = "2,000 images look like documents"


def contents(rows: int, documents: int) -> pa.Table:
    """Make rows of `contents` of a megabyte each, some of them documents."""
    table = make_contents([Image.new("L", (64, 64))]).take(np.zeros(rows, np.int64))
    given = {
        "content_id": [f"{number:064x}" for number in range(rows)],
        "size": [1_000_000] * rows,
        "document": [number < documents for number in range(rows)],
    }
    for name, values in given.items():
        field = CONTENTS.schema.field(name)
        table = table.set_column(CONTENTS.schema.get_field_index(name), field, pa.array(values, field.type))
    return table


def screen(folder, documents, rows, read_again) -> str:
    store = open_output(str(folder))
    parquet.write_shard(store, CONTENTS, contents(rows, documents), 0, 1)
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(summarise(store, read_again))
    return " ".join(console.export_text().replace("│", "").split())  # as one line, whatever is wrapped


@pytest.mark.parametrize(
    ("documents", "read_again", "told"),
    [
        pytest.param(2_000, False, True, id="a tenth and more are documents"),
        pytest.param(2_000, True, False, id="they were read again"),
        pytest.param(1_000, False, False, id="a few"),
        pytest.param(0, False, False, id="none"),
    ],
)
def test_many_documents_name_the_setting(tmp_path, documents, read_again, told):
    text = screen(tmp_path, documents, 12_000, read_again)
    assert (HINT in text) == told
    if told:
        assert "match.refetch_bytes" in text
        assert "2.0 GB at most" in text


def test_an_empty_run_has_no_hint(tmp_path):
    assert "documents" not in screen(tmp_path, 0, 0, False)


def decided(of: Table = DECISIONS, **given: object) -> pa.Table:
    """Make one row of a table, with whatever a column takes where nothing is given."""
    plain = {"int64": 0, "int32": 0, "bool": False, "string": "", "large_string": "", "double": 0.0}
    row = {
        field.name: given.get(field.name, None if field.nullable else plain.get(str(field.type), []))
        for field in of.schema
    }
    return pa.Table.from_pylist([row], schema=of.schema)


@pytest.mark.parametrize(
    ("row", "says", "not_said"),
    [
        pytest.param({"action": "keep", "bytes_below_cutoff": 5_000_000}, "5.0 MB in 1 object", "Next", id="hidden"),
        pytest.param({"action": "review"}, "review/index.html", "Below the cut-off", id="to review"),
        pytest.param({"action": "quarantine"}, "--what quarantine --to", "Below the cut-off", id="to act on"),
    ],
)
def test_what_a_cutoff_hides_and_what_comes_next(tmp_path, row: dict, says: str, not_said: str) -> None:
    store = open_output(str(tmp_path))
    parquet.write_shard(store, DECISIONS, decided(**row), 0, 1)
    shown = shown_of(store)
    assert says in shown
    assert not_said not in shown


def shown_of(store) -> str:
    console = Console(width=240, record=True, file=io.StringIO())
    console.print(summarise(store, True))
    return console.export_text()


def test_a_failed_look_up_of_holds_is_named_as_the_reason(tmp_path) -> None:
    store = open_output(str(tmp_path))
    refused = "couldn't ask: the credentials may not read it (AccessDenied): grant s3:GetObjectLegalHold"
    when = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
    parquet.write_shard(store, DECISIONS, decided(action="blocked", rule="hold-unknown", size=7_000_000), 0, 1)
    parquet.write_shard(store, HOLD_CHECKS, decided(HOLD_CHECKS, hold="unknown", checked_at=when, detail=refused), 0, 1)
    assert f"Holds unknown      7.0 MB in 1 object stay for that alone: {refused}" in shown_of(store)


def test_the_bill_today_after_the_plan_and_with_peoples_word(tmp_path) -> None:
    store = open_output(str(tmp_path))
    rows = [("keep", 10.0, 10.0), ("quarantine", 4.0, 0.0), ("review", 3.0, 1.0), ("blocked", None, None)]
    table = pa.concat_tables(
        decided(SAVINGS, action=action, currency="HKD", today_monthly=today, after_monthly=after)
        for action, today, after in rows
    )
    parquet.write_shard(store, SAVINGS, table, 0, 1)
    assert "Monthly bill       HKD 17.00 today, 13.00 after the plan, 11.00 if all agree" in shown_of(store)
