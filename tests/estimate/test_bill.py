"""The bill today, after the plan and with people's word, by what it is paid for; and what moving it costs."""

import pyarrow as pa
import pytest
from hypothesis import given, settings

from mirrorfold.schemas import upgrades
from mirrorfold.schemas.savings import SAVINGS
from mirrorfold.transforms.blocks.ipc import conform
from mirrorfold.transforms.estimate.bill import KEYS
from mirrorfold.transforms.estimate.summary import summarise
from tests.estimate.test_savings import BOOK, HKD, ROWS, decisions, freed, only, savings, with_freed

US = {"currency": "USD", "quarantine_days": 90, "regions": {"hk": "us-east-1", "gz": "us-east-1"}}
GIB = 2**30


def moving_to(store: str, region: str, storage_class: str) -> dict:
    return {**US, "migrate_to": {"store": store, "region": region, "storage_class": storage_class}}


def summed(block: pa.Table, money: dict = US) -> dict:
    return summarise(savings(block, money), {}, BOOK, money)


def test_the_bill_is_todays_less_what_goes_less_what_people_let_go():
    block = decisions(
        {"size": 4 * GIB}, freed(2 * GIB), freed(GIB, action="review", tier_to_kept="probable"),
        {"size": GIB, "tier_to_kept": "near-certain", "bytes_below_cutoff": GIB},
    )  # fmt: skip
    bill = summed(block)["bill"]
    mids = [bill[name]["mid"] for name in ("today", "after", "after_review")]
    assert mids == [pytest.approx(gib * 0.023) for gib in (8, 6, 5)]
    assert (bill["objects"], bill["bytes_now"], bill["bytes_review"], bill["bytes_unpriced"]) == (4, 2 * GIB, GIB, 0)


def test_the_bill_is_split_by_library_region_bucket_and_class():
    block = decisions(
        freed(GIB, uri="s3://hk/a"),
        {"size": GIB, "uri": "s3://hk/b", "storage_class": "STANDARD_IA"},
        {"size": 5 * GIB, "uri": "s3://gz/c", "library": "gz"},
        {"size": GIB, "uri": "gs://hk/d"},
    )
    found = summed(block)["bill_by"]
    said = {
        name: [tuple(row[column] for column in key) for row in found[name]] for name, key in KEYS.items()
    }  # the dearest first
    assert said == {
        "library": [("gz",), ("hk",)],
        "region": [("s3", "us-east-1"), ("gs", "us-east-1")],
        "bucket": [("s3", "gz"), ("s3", "hk"), ("gs", "hk")],
        "storage_class": [("s3", "STANDARD"), ("s3", "STANDARD_IA"), ("gs", "STANDARD")],
    }
    hk = found["bucket"][1]
    assert (hk["today"]["mid"], hk["after"]["mid"]) == (pytest.approx(0.0355), pytest.approx(0.0125))
    assert found["bucket"][2]["today"] is None, "Google in us-east-1 has no price, and none is invented"
    assert found["bucket"][2]["bytes_unpriced"] == GIB


@given(rows=ROWS)
@settings(max_examples=50, deadline=None)
def test_every_split_adds_up_to_the_bill(rows):
    found = summarise(savings(with_freed(rows), HKD), {}, BOOK, HKD)
    for parts in found["bill_by"].values():
        for name in ("objects", "bytes", "bytes_now", "bytes_review", "bytes_unpriced"):
            assert sum(part[name] for part in parts) == found["bill"][name]
        for name in ("today", "after", "after_review"):
            whole = (found["bill"][name] or {"mid": 0})["mid"]
            assert sum((part[name] or {"mid": 0})["mid"] for part in parts) == pytest.approx(whole, abs=1e-3)


def test_small_objects_bill_their_minimum_today():
    row = only(savings(decisions(*[{"size": 1000, "storage_class": "STANDARD_IA"}] * 3), US))
    assert row["bytes_billed_today"] == 3 * 131072
    assert row["after_monthly"] == row["today_monthly"] == pytest.approx(3 * 131072 / GIB * 0.0125, abs=1e-6)


class TestMoving:
    """What `migrate_to` prices, and what it says it doesn't."""

    def test_all_but_what_is_quarantined_moves(self):
        block = decisions(
            {"size": 1024 * GIB}, freed(GIB), freed(GIB, action="review", tier_to_kept="probable"),
            {"size": GIB, "rule": "noncurrent"},
        )  # fmt: skip
        found = summed(block, moving_to("gs", "asia-east2", "STANDARD"))["move"]
        assert found["cost"] == pytest.approx(1025 * 0.09 + 2 * 5.4e-6, abs=1e-4)
        assert (found["avoided_now"], found["avoided_review"]) == (pytest.approx(0.090005, abs=1e-6),) * 2
        assert found["monthly_there"] == pytest.approx(1025 * 0.023)

    def test_the_destinations_class_bills_its_own_minimum(self):
        row = only(savings(decisions({"size": 1000}), moving_to("s3", "us-east-1", "GLACIER_IR")))
        assert row["moved_monthly"] == pytest.approx(131072 / GIB * 0.004, abs=1e-6)
        assert row["migration_cost"] == pytest.approx((0.02 + 0.0004) / 1000, abs=1e-6), "no egress within a region"
        assert "a lifecycle transition has a price of its own" in row["note"]

    def test_what_lies_there_already_isnt_moved(self):
        row = only(savings(decisions({"size": GIB}), moving_to("s3", "us-east-1", "STANDARD")))
        assert (row["migration_cost"], row["moved_monthly"], row["note"]) == (0.0, 0.023, None)

    @pytest.mark.parametrize(
        ("block", "to", "says"),
        [
            pytest.param({}, ("s3", "eu-west-1", "STANDARD"), "no price of put for s3 STANDARD in eu-west-1", id="put"),
            pytest.param(
                {"storage_class": "GLACIER"}, ("gs", "asia-east2", "STANDARD"),
                "no price of retrieval for s3 GLACIER in us-east-1: moving isn't priced", id="retrieval",
            ),
            pytest.param(
                {}, ("gs", "asia-east2", "MULTI"), "no price for gs MULTI in asia-east2: what the archive costs there",
                id="storage there",
            ),
            pytest.param(
                {"storage_class": "STANDARD_IA"}, ("gs", "asia-east2", "STANDARD"),
                "leaving STANDARD_IA before its 30 days is charged", id="minimum days",
            ),
        ],
    )  # fmt: skip
    def test_what_isnt_priced_is_said(self, block, to, says):
        terms = moving_to(*to)
        table = savings(decisions(block), terms)
        assert says in only(table)["note"]
        assert any(says in note for note in summarise(table, {}, BOOK, terms)["notes"])

    def test_without_a_destination_nothing_is_said_of_it(self):
        row = only(savings(decisions({}), US))
        assert (row["migration_cost"], row["moved_monthly"]) == (None, None)
        assert summed(decisions({}))["move"] is None


def test_what_a_hold_that_nobody_could_look_up_costs_is_no_further_copy():
    block = decisions(
        {"size": GIB, "copies_left": 2},
        {"size": GIB, "copies_left": 2, "action": "blocked", "rule": "hold-unknown"},
    )
    found = summed(block)
    assert found["unknown_holds"] == {"bytes": GIB, "monthly": pytest.approx(0.023)}
    assert found["required_copies"]["bytes"] == 0
    assert any(
        "that takes s3:GetBucketObjectLockConfiguration, s3:GetObjectLegalHold" in note for note in found["notes"]
    )


def test_a_table_of_version_one_is_brought_up_and_still_sums_up():
    added = {
        "bucket", "bytes_hold_unknown", "bytes_billed_today", "today_monthly", "today_low", "today_high",
        "after_monthly", "hold_unknown_monthly", "migration_cost", "moved_monthly",
    }  # fmt: skip
    older = savings(decisions(freed(GIB), {}), US).drop_columns(sorted(added))
    rows = conform(upgrades.UPGRADES["savings", 1](older), SAVINGS.schema)
    assert {name for name in rows.column_names if rows[name].null_count == rows.num_rows} >= added
    found = summarise(rows, {}, BOOK, US)
    assert found["now"]["monthly"]["mid"] == 0.023
    assert found["bill"]["today"] is None
    assert found["bill_by"]["bucket"][0]["bucket"] is None
