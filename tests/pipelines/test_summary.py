"""The screen at the end of a run: people with scans learn of the setting that they need."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from rich.console import Console

from mirrorfold.pipelines.commands.summary import summarise
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.decisions import DECISIONS
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


def decided(**given: object) -> pa.Table:
    """Make one row of `decisions`, with whatever a column takes where nothing is given."""
    plain = {"int64": 0, "int32": 0, "bool": False, "string": "", "large_string": "", "double": 0.0}
    row = {
        field.name: given.get(field.name, None if field.nullable else plain.get(str(field.type), []))
        for field in DECISIONS.schema
    }
    return pa.Table.from_pylist([row], schema=DECISIONS.schema)


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
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(summarise(store, True))
    shown = console.export_text()
    assert says in shown
    assert not_said not in shown
