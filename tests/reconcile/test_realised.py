"""What came true of a plan's saving: each byte that is set aside is in one part, and money is by the price book."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.pipelines.finished import realised
from mirrorfold.pipelines.finished.verify import verify
from mirrorfold.schemas.realised import PARTS, REALISED
from mirrorfold.schemas.reconciliation import STATES
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.estimate.price_list import PriceList
from mirrorfold.transforms.reconcile.plan import FOUND
from mirrorfold.transforms.reconcile.realised import RULES, Days, sum_up
from mirrorfold.transforms.stores.output import LocalOutput
from tests.reconcile.moved import Moved, name
from tests.retain.runs import write_table

DAYS = Days(dt.date(2026, 11, 1), dt.date(2027, 1, 30))
IA = {"store": "s3", "storage_class": "STANDARD_IA", "least": 131_072, "over": 0, "days": 30}
WRITTEN = dt.datetime(2026, 10, 22, tzinfo=dt.UTC)
HOMES = ("there", "again", "unproved", "changed", "hidden", "gone", None)
PAIRS = st.lists(
    st.tuples(st.sampled_from(sorted(STATES)), st.sampled_from(HOMES), st.sampled_from(["quarantine", "keep"]),
              st.integers(0, 300_000)),
    max_size=12,
)  # fmt: skip


def sums(drawn: list[tuple], found: list[dict] = ()) -> pa.Table:
    expected, rows = [], []
    for number, (state, home, action, size) in enumerate(drawn):
        uri = f"s3://b/{number}"
        expected.append(
            {"e": number, "uri": uri, "version": "", "library": "hk", "store": "s3", "bucket": "b", "action": action,
             "storage_class": "STANDARD_IA", "stored": size, "last_modified": WRITTEN}
        )  # fmt: skip
        rows.append({"uri": uri, "version": "", "state": state, "home": home, "found_uri": uri})
    kinds = pa.schema(
        [(n, pa.string()) for n in ("uri", "version", "library", "store", "bucket", "action", "storage_class")]
        + [("e", pa.int64()), ("stored", pa.int64()), ("last_modified", pa.timestamp("us", "UTC"))]
    )
    told = pa.schema([(n, pa.string()) for n in ("uri", "version", "state", "home", "found_uri")])
    return sum_up(
        pa.Table.from_pylist(expected, schema=kinds), pa.Table.from_pylist(list(found), schema=FOUND),
        pa.Table.from_pylist(rows, schema=told), pa.array(range(len(drawn)), pa.int64()),
        pa.Table.from_pylist([IA], schema=RULES), DAYS,
    )  # fmt: skip


@settings(deadline=None, max_examples=25)
@given(PAIRS)
def test_each_byte_that_is_set_aside_is_in_one_part(drawn):
    rows = sums(drawn).to_pylist()
    assert sum(row["planned_bytes"] for row in rows) == sum(size for *_, a, size in drawn if a == "quarantine")
    for row in rows:
        for what in ("bytes", "billed"):
            assert row[f"planned_{what}"] == sum(row[f"{part}_{what}"] for part in PARTS)


@pytest.mark.parametrize(
    ("state", "home", "part"),
    [
        ("deleted", "gone", "realised"),
        ("deleted-early", "gone", "realised"),
        ("quarantined", "gone", "waiting"),
        ("quarantined", "hidden", "noncurrent"),
        ("waiting", "there", "untouched"),
        ("restored", "again", "restored"),
        ("gone", "gone", "unknown"),
        ("not-asked", None, "unknown"),
    ],
    ids=lambda value: str(value),
)
def test_what_became_of_a_byte(state: str, home: str | None, part: str) -> None:
    (row,) = sums([(state, home, "quarantine", 1000)]).to_pylist()
    assert {name for name in PARTS if row[f"{name}_bytes"]} == {part}
    assert row[f"{part}_billed"] == IA["least"], "the class bills its minimum size"


@pytest.mark.parametrize(
    ("state", "home", "days"),
    [("deleted-early", "gone", 20), ("quarantined", "gone", 20), ("deleted", "gone", 0), ("waiting", "there", 0)],
    ids=["before its days", "moved aside", "after its days", "not acted on"],
)
def test_what_left_its_class_too_early_is_charged(state: str, home: str, days: int) -> None:
    (row,) = sums([(state, home, "quarantine", 200_000)]).to_pylist()
    assert row["early_billed_days"] == days * 200_000  # written 10 days before the plan, of 30


def test_money_is_by_the_book_and_uploads_that_nobody_ended_are_told() -> None:
    stated = {"store": "s3", "region": "*", "storage_class": "STANDARD_IA", "item": "storage", "amount": "10",
              "per": "GB-month", "currency": "USD", "source": "a book", "date": "2026-11-01"}  # fmt: skip
    prices = PriceList({"prices": [stated]}, "USD", {})
    found = [{"t": 0, "role": "home", "uri": "s3://b/x", "version": "", "library": "b", "store": "s3", "bucket": "b",
              "storage_class": "STANDARD_IA", "size": 5 * 10**8}]  # fmt: skip
    drawn = [("deleted-early", "gone", "quarantine", 10**9), ("in-place", "there", "keep", 10**9)]
    left = {("s3", "b", "STANDARD_IA"): 10**8, ("s3", "b", "STANDARD"): 7}
    priced = realised.Priced(prices, {"regions": {}, "owners": {"b": "prints"}})
    row, other = sorted(
        realised.price(sums(drawn, found), left, priced, "2026-12").to_pylist(), key=lambda r: r["unfinished_bytes"],
        reverse=True,
    )  # fmt: skip
    assert (row["library"], row["owner"], row["month"]) == ("hk", "prints", "2026-12")
    assert [row[f"{n}_monthly"] for n in ("before", "now", "planned", "realised", "unfinished")] == [20, 5, 10, 10, 1]
    assert row["early_deletion"] == pytest.approx(10 * 12 * 20 / 365)
    assert (other["storage_class"], other["unfinished_bytes"], other["unfinished_monthly"]) == ("STANDARD", 7, None)
    tagged = priced._replace(settings={"regions": {}, "owners": {}, "tags": {"b": "by its tag"}})
    assert realised.price(sums(drawn), {}, tagged, "2026-12").column("owner").to_pylist() == ["by its tag"]
    refused = realised.price(sums(drawn, found), {("s3", "b", ""): None}, priced, "2026-12").to_pylist()
    assert [row["unfinished_bytes"] for row in refused] == [None]


def test_month_by_month(tmp_path: Path) -> None:
    moved = Moved(tmp_path, 12, 6)
    record = json.loads((moved.out / "run.json").read_text())
    (moved.out / "run.json").write_text(json.dumps(record | {"finished_at": "2026-01-01T00:00:00+00:00"}))
    (tmp_path / "money.yaml").write_text("prices: {local_per_gb_month: 2000000, owners: {gz: prints}}\n")

    def reconcile(day: str) -> dict:
        line = [moved.out, moved.to, tmp_path / "gz", "--quarantine", moved.aside, "--as-of", day]
        line += ["--config", tmp_path / "money.yaml", "--json"]
        done = CliRunner().invoke(cli, ["reconcile", *map(str, line)])
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)

    shutil.copy(moved.aside / "gz" / name(0), tmp_path / "gz" / "back.jpg")  # told as unexpected, and stored
    (moved.aside / "gz" / name(1)).rename(tmp_path / "gz" / name(1).replace("/", "-"))
    first = reconcile("2026-02-10")["realised"]
    (gz,) = [row for row in first if row["bucket"].endswith("/gz")]
    assert gz["owner"] == "prints"
    assert gz["planned_objects"] == 6
    assert gz["waiting_monthly"] == pytest.approx(gz["waiting_bytes"] / 1e9 * 2_000_000)
    assert gz["now_bytes"] > 0
    assert {row["now_bytes"] for row in first if row["bucket"].endswith("/hk")} == {None}, "nobody looked there"
    shutil.rmtree(moved.aside)
    moved.aside.mkdir()
    (moved.aside / "kept-for-later").write_bytes(b"x")
    (gz,) = [row for row in reconcile("2026-05-10")["realised"] if row["bucket"].endswith("/gz")]
    assert gz["realised_bytes"] == gz["planned_bytes"]
    rows = read_table(LocalOutput(str(moved.out)), REALISED)
    assert sorted(set(rows.column("month").to_pylist())) == ["2026-02", "2026-05"]
    told = list(csv.DictReader(io.StringIO((moved.out / "realised.csv").read_text())))
    assert [row["month"] for row in told] == sorted(rows.column("month").to_pylist())
    page = (moved.out / "after-the-move.html").read_text()
    for said in ("The saving as it came true", "實際實現的節省", "2026-02", "prints", "deleted"):
        assert said in page
    assert verify(str(moved.out)) == []
    wrong = rows.to_pylist()
    wrong[0]["planned_bytes"] += 1
    write_table(LocalOutput(str(moved.out)), "realised", pa.Table.from_pylist(wrong, schema=REALISED.schema))
    assert ["isn't the sum of what became of it" in broken.text for broken in verify(str(moved.out))] == [True]
