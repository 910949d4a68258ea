"""Money of a clean: the golden figure, the traps, and the same bytes whatever the blocks."""

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from apache_beam.testing.util import assert_that
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.configs.prices import load_prices
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.savings import money_settings
from mirrorfold.schemas.savings import SAVINGS
from mirrorfold.transforms.estimate.price_list import PriceList
from mirrorfold.transforms.estimate.savings import KEY, TALLY, Tally, Terms, price, tally, total
from mirrorfold.transforms.estimate.summary import summarise
from mirrorfold.transforms.estimate.wiring import Estimate

BOOK = load_prices("default")
HKD = {"currency": "HKD", "quarantine_days": 90}
USD = {"currency": "USD", "quarantine_days": 90, "regions": {"hk": "us-east-1"}}


def decisions(*rows: dict) -> pa.Table:
    """Rows of decisions with defaults: a kept JPEG of 200 KB in an S3 bucket of Hong Kong."""
    base = {
        "uri": "s3://hk/a.jpg",
        "version": "",
        "library": "hk",
        "storage_class": "STANDARD",
        "size": 200_000,
        "action": "keep",
        "rule": "keep-order",
        "tier_to_kept": None,
        "bytes_freed": 0,
        "bytes_below_cutoff": 0,
        "copies_left": 1,
    }
    schema = pa.schema([(name, pa.int64() if isinstance(value, int) else pa.string()) for name, value in base.items()])
    return pa.Table.from_pylist([{**base, **row} for row in rows], schema=schema)


def freed(size: int = 200_000, **more) -> dict:
    return {"size": size, "action": "quarantine", "tier_to_kept": "identical", "bytes_freed": size, **more}


def savings(block: pa.Table, money: dict = HKD, book: dict = BOOK) -> pa.Table:
    prices, terms = PriceList.make(book, money), Terms.make(money)
    return price(Tally.make(prices, terms)(block), prices, terms)


def only(table: pa.Table, **key) -> dict:
    found = [row for row in table.to_pylist() if all(row[name] == value for name, value in key.items())]
    assert len(found) == 1, found
    return found[0]


def test_fifty_million_objects_with_a_fifth_copies_free_two_terabytes():
    one = tally(decisions({}, {}, {}, {}, freed()), {})
    times = 10_000_000
    many = pa.table({n: pc.multiply(one[n], times) if n not in KEY else one[n] for n in TALLY.names})
    table = price(many, PriceList.make(BOOK, HKD), Terms.make(HKD))
    summary = summarise(table, {}, BOOK, HKD)
    assert summary["objects"] == 50_000_000
    assert summary["now"]["bytes_freed"] == 2_000_000_000_000
    assert summary["now"]["monthly"] == {"low": 360.0, "mid": 430.0, "high": 500.0}
    assert only(table, action="quarantine")["monthly_low"] == 360.0


def test_a_gib_is_seven_percent_more_than_a_gb():
    terms = {**HKD, "currency": "USD", "regions": {"hk": "asia-east2"}}
    row = only(savings(decisions(freed(10**12, uri="gs://hk/a")), terms), action="quarantine")
    assert row["monthly"] == pytest.approx(10**12 / 2**30 * 0.023, rel=1e-6)
    assert row["monthly"] == pytest.approx(1000 * 0.023 / 1.0737, rel=1e-3)


def test_an_azure_archive_is_priced_and_its_tier_s_days_are_counted():
    terms = {
        **USD,
        "quarantine_days": 20,
        "regions": {"hk": "eastus2"},
        "migrate_to": {"store": "az", "region": "eastus", "storage_class": "Cool"},
    }
    row = only(savings(decisions(freed(10**12, uri="az://c/a", storage_class="Cool")), terms), action="quarantine")
    assert (row["store"], row["monthly"], row["price_source"][:23]) == ("az", 10.0, "Azure Retail Prices API")
    assert row["early_deletion"] == pytest.approx(10 * 12 * 10 / 365, abs=1e-6), "30 days at least, 20 of quarantine"
    assert row["migration_avoided"] > 87, "egress, retrieval and requests"


@pytest.mark.parametrize(
    ("uri", "storage_class", "regions"),
    [
        pytest.param("s3://hk/a", "OUTPOSTS", {}, id="unknown class"),
        pytest.param("s3://hk/a", "STANDARD", {"hk": "eu-west-1"}, id="region without a price"),
        pytest.param("file:///archive/a", "FILE", {}, id="local folder without a setting"),
    ],
)
def test_no_price_is_ever_invented(uri, storage_class, regions):
    block = decisions(freed(uri=uri, storage_class=storage_class))
    table = savings(block, {**HKD, "regions": regions})
    row = only(table, action="quarantine")
    assert row["bytes_freed"] == 200_000
    assert [row[n] for n in ("monthly", "monthly_low", "yearly", "one_off", "price_source", "price_date")] == [None] * 6
    assert "no price for" in row["note"]
    summary = summarise(table, {}, BOOK, {**HKD, "regions": regions})
    assert summary["now"]["monthly"] is None
    assert summary["now"]["bytes_unpriced"] == 200_000
    assert summary["unpriced"][0]["storage_class"] == storage_class


def test_no_exchange_rate_is_ever_invented():
    row = only(savings(decisions(freed()), {**HKD, "currency": "EUR"}), action="quarantine")
    assert row["monthly"] is None
    stated = {**HKD, "currency": "EUR", "exchange_rates": {"HKD": 0.11}}
    assert only(savings(decisions(freed(10**9)), stated), action="quarantine")["monthly"] == pytest.approx(0.215 * 0.11)


def test_a_local_folder_is_priced_by_the_settings_alone():
    row = only(
        savings(decisions(freed(10**9, uri="file:///a/b", storage_class="FILE")), {**HKD, "local_per_gb_month": 0.1}),
        action="quarantine",
    )
    assert (row["monthly"], row["price_source"]) == (0.1, "settings: prices.local_per_gb_month")


def test_actions_and_tiers_are_kept_apart():
    block = decisions(
        {},
        freed(),
        freed(action="review", tier_to_kept="probable"),
        {"tier_to_kept": "near-certain", "bytes_below_cutoff": 200_000},
        {"action": "blocked", "tier_to_kept": "identical"},
        {"tier_to_kept": "identical"},
    )
    table = savings(block)
    assert {(row["tier"], row["action"], row["objects"]) for row in table.to_pylist()} == {
        ("none", "keep", 2),
        ("identical", "quarantine", 1),
        ("probable", "review", 1),
        ("near-certain", "below-cutoff", 1),
        ("identical", "blocked", 1),
    }
    below = only(table, action="below-cutoff")
    assert (below["bytes_freed"], below["monthly"], below["bytes_below_cutoff"]) == (0, 0.0, 200_000)
    assert below["below_cutoff_monthly"] == pytest.approx(0.0002 * 0.215)
    assert summarise(table, {}, BOOK, HKD)["below_cutoff"]["monthly"]["low"] == pytest.approx(0.0002 * 0.18)


class TestTraps:
    """What a naive product of bytes and price gets wrong."""

    def test_small_objects_are_billed_at_the_minimum_size(self):
        row = only(savings(decisions(freed(1000, storage_class="STANDARD_IA")), USD), action="quarantine")
        assert (row["bytes_freed"], row["bytes_billed"]) == (1000, 131072)

    def test_archived_objects_carry_an_overhead(self):
        row = only(savings(decisions(freed(1000, storage_class="DEEP_ARCHIVE")), USD), action="quarantine")
        assert row["bytes_billed"] == 1000 + 32768

    @pytest.mark.parametrize(
        ("storage_class", "days", "unmet"),
        [("STANDARD", 0, 0), ("STANDARD_IA", 90, 0), ("STANDARD_IA", 0, 30), ("DEEP_ARCHIVE", 90, 90)],
    )
    def test_minimum_days_that_the_quarantine_doesnt_cover_are_charged(self, storage_class, days, unmet):
        terms = {**USD, "quarantine_days": days}
        row = only(savings(decisions(freed(2**40, storage_class=storage_class)), terms), action="quarantine")
        assert row["early_deletion"] == pytest.approx(row["yearly"] * unmet / 365, rel=1e-6)
        assert row["one_off"] == (pytest.approx(-row["early_deletion"]) if unmet else None)

    @pytest.mark.parametrize(("store", "wait"), [("s3", 90), ("gs", 97)])
    def test_quarantine_and_soft_delete_are_billed(self, store, wait):
        row = only(savings(decisions(freed(10**12, uri=f"{store}://hk/a"))), action="quarantine")
        assert row["yearly"] == pytest.approx(12 * row["monthly"])
        assert row["first_year"] == pytest.approx(row["yearly"] * (365 - wait) / 365)

    def test_versioned_buckets_are_said(self):
        row = only(savings(decisions(freed(version="v1"))), action="quarantine")
        assert row["bytes_versioned"] == 200_000
        assert "plain delete frees nothing" in row["note"]
        assert only(savings(decisions(freed(uri="gs://hk/a", version="17"))), action="quarantine")["note"] is None

    def test_required_copies_free_nothing_and_are_priced(self):
        second = {"copies_left": 2, "size": 10**9, "rule": "min-copies"}
        table = savings(decisions({**second, "rule": "keep-order"}, second, {**second, "copies_left": 1}))
        summary = summarise(table, {}, BOOK, HKD)
        assert summary["required_copies"] == {"bytes": 10**9, "monthly": 0.215}
        assert summary["now"]["bytes_freed"] == 0

    def test_prices_in_steps_use_the_step_the_listing_reaches(self):
        row = only(savings(decisions(freed(100 * 2**40)), USD), action="quarantine")
        assert row["monthly"] == pytest.approx(100 * 1024 * 0.022)
        assert (row["monthly_low"], row["monthly_high"]) == (
            pytest.approx(100 * 1024 * 0.021),
            pytest.approx(100 * 1024 * 0.023),
        )


def test_migration_avoided_counts_get_put_and_egress():
    terms = {
        "currency": "USD",
        "quarantine_days": 90,
        "regions": {"hk": "us-east-1"},
        "migrate_to": {"store": "gs", "region": "asia-east2", "storage_class": "STANDARD"},
    }
    row = only(savings(decisions(*[freed(2**20)] * 1024), terms), action="quarantine")
    assert row["migration_avoided"] == pytest.approx(1.024 * 0.0004 + 1.024 * 0.005 + 0.09, abs=1e-6)
    assert row["one_off"] == row["migration_avoided"]
    without = savings(decisions(freed()), {**terms, "migrate_to": None})
    assert only(without, action="quarantine")["one_off"] is None


def test_two_buckets_of_one_library_are_rows_of_their_own_regions():
    terms = {"currency": "USD", "regions": {"a": "us-east-1", "b": "eu-west-1"}}
    both = savings(decisions(freed(2**30, uri="s3://a/x"), freed(2**30, uri="s3://b/x")), terms)
    assert [(row["bucket"], row["region"], row["monthly"]) for row in both.to_pylist()] == [
        ("a", "us-east-1", 0.023),
        ("b", "eu-west-1", None),
    ]
    assert summarise(both, {}, BOOK, terms)["now"]["monthly"] is None, "an unknown part makes the sum unknown"


def test_a_review_pays_off_from_about_thirty_megabytes():
    pair = decisions(freed(action="review", tier_to_kept="probable"))
    work = summarise(savings(pair), {"review_actions": 1}, BOOK, HKD)["review_work"]
    assert (work["actions"], work["hourly"]) == (1, 195.0)
    three_years = [work["saves_monthly"][name] * 36 for name in ("high", "low")]
    times = [5 / 3600 * 195 / saved for saved in three_years]
    assert times == [pytest.approx(150, rel=0.02), pytest.approx(208, rel=0.02)]
    assert work["break_even_bytes"] == pytest.approx(35_000_000, rel=0.01)


def test_the_scan_is_priced_and_pays_back():
    places = {("s3", "us-east-1", "STANDARD"): {"list": 2_000_000, "get": 1_000_000, "bytes": 10**12}}
    totals = {"request_places": places, "cpu_hours": 10, "cpu_how": "measured", "requests": {"get": 1_000_000}}
    found = summarise(savings(decisions(freed(10**12)), USD), totals, BOOK, USD)
    scan = found["scan"]
    assert (scan["cost_requests"], scan["cost_cpu"]) == (0.41, 0.504)
    assert found["pays_back_months"] == pytest.approx(scan["cost"] / found["now"]["monthly"]["mid"], abs=0.01)
    assert summarise(savings(decisions({})), {}, BOOK, HKD)["scan"]["cost"] is None


def test_the_summary_keeps_its_keys():
    found = summarise(savings(decisions({}, freed())), {}, BOOK, HKD)
    said = summarise.__doc__
    for key in found:
        assert key in said, key
    for key in ("monthly", "yearly", "first_year", "one_off", "early_deletion", "migration_avoided", "bytes_unpriced"):
        assert key in found["now"], key


def test_summaries_by_tier_library_and_class_add_up():
    table = savings(
        decisions(
            freed(10**9),
            freed(2 * 10**9, library="gz", uri="gs://gz/a", action="review", tier_to_kept="probable"),
            freed(3 * 10**9, uri="s3://hk/b", tier_to_kept="near-certain"),
        )
    )
    found = summarise(table, {}, BOOK, HKD)
    for name in ("by_tier", "by_library", "by_storage_class"):
        assert sum(row["bytes_freed"] for row in found[name]) == 6 * 10**9
        assert sum(row["monthly"]["mid"] for row in found[name]) == pytest.approx(6 * 0.215)
    assert [row["tier"] for row in found["by_tier"]] == ["near-certain", "probable", "identical"]
    assert (found["now"]["bytes_freed"], found["review"]["bytes_freed"]) == (4 * 10**9, 2 * 10**9)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "uri": st.sampled_from(["s3://a/x", "gs://b/\ny", "file:///c/../d"]),
            "library": st.sampled_from(["hk", "gz"]),
            "size": st.integers(0, 2**45),
            "action": st.sampled_from(["keep", "quarantine", "review", "blocked"]),
            "copies_left": st.integers(0, 5),
            "version": st.sampled_from(["", "v"]),
        }
    ),
    max_size=30,
)


def with_freed(rows: list[dict]) -> pa.Table:
    return decisions(*({**r, "bytes_freed": r["size"] if r["action"] in ("quarantine", "review") else 0} for r in rows))


@given(rows=ROWS, cut=st.integers(0, 30), order=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_neither_order_nor_blocks_change_a_bit(rows, cut, order):
    whole = savings(with_freed(rows))
    shuffled = order.sample(rows, len(rows))
    prices, terms = PriceList.make(BOOK, HKD), Terms.make(HKD)
    parts = [total(Tally.make(prices, terms)(with_freed(part))) for part in (shuffled[:cut], shuffled[cut:])]
    assert price(pa.concat_tables(parts), prices, terms).equals(whole)


@given(rows=ROWS)
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost(rows):
    table = savings(with_freed(rows))
    assert (pc.sum(table["objects"]).as_py() or 0) == len(rows)
    assert (pc.sum(table["bytes"]).as_py() or 0) == sum(row["size"] for row in rows)
    assert table.schema.equals(SAVINGS.schema)


@pytest.mark.parametrize("blocks", [0, 1, 7])
def test_beam_form_equals_pure_form(blocks):
    rows = [freed(1000 + n, uri=f"s3://hk/{n}") if n % 3 else {"uri": f"gs://gz/{n}"} for n in range(20)]
    parts = [decisions(*rows[n::blocks]) for n in range(blocks)]
    expected = savings(decisions(*rows)) if blocks else SAVINGS.schema.empty_table()

    def check(found):
        joined = pa.concat_tables(found) if found else SAVINGS.schema.empty_table()
        assert joined.equals(expected), joined

    with beam.Pipeline(runner="FnApiRunner") as root:
        made = root | beam.Create(parts) | Estimate(BOOK, HKD)
        assert_that(made, check)


@pytest.mark.parametrize(
    ("workers", "cost", "warned"),
    [(None, None, 0), ("eastus2", None, 0), ("ap-east-1", 870.0, 1), ("us-east1", 870.0, 1)],
    ids=["nobody says where", "at home", "across the sea", "another cloud's name"],
)
def test_reading_out_of_a_region_is_priced_and_warned_of(workers, cost, warned):
    places = {
        ("az", "eastus2", "Hot"): {"list": 1, "get": 1, "bytes": 4 * 10**12},
        ("az", "eastus2", "Cool"): {"list": 1, "get": 1, "bytes": 6 * 10**12},
        ("gs", None, "STANDARD"): {"list": 1, "get": 1, "bytes": 10**12},
        ("file", "attic", "FILE"): {"list": 1, "get": 1, "bytes": 10**12},
    }
    money = {**USD, "workers_region": workers}
    found = summarise(savings(decisions({})), {"request_places": places}, BOOK, money)
    assert found["scan"]["cost_egress"] == cost
    assert len(found["scan"]["egress"]) == warned
    assert all("10,000.0 GB are read out of az eastus2" in text for text in found["scan"]["egress"])
    assert found["notes"][:warned] == found["scan"]["egress"]


@pytest.mark.parametrize(
    ("setting", "environment", "found"),
    [
        (None, {}, None),
        (None, {"AWS_REGION": "ap-east-1"}, None),
        (None, {"AWS_REGION": "ap-east-1", "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}, "ap-east-1"),
        ("eastasia", {"AWS_REGION": "ap-east-1", "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}, "eastasia"),
    ],
    ids=["not known", "a profile's region", "AWS's own word", "the setting"],
)
def test_where_the_workers_are(monkeypatch, setting, environment, found):
    for name in ("AWS_REGION", "AWS_EXECUTION_ENV"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings.model_validate({"prices": {"workers_region": setting}})
    assert money_settings(settings, None)["workers_region"] == found
