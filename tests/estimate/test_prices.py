"""Price books: every row sourced and dated, errors that name the line, and the importer of AWS's offer file."""

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from mirrorfold.configs.prices import load_prices
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.estimating.prices import import_prices
from mirrorfold.transforms.estimate.price_list import PriceList
from tests.estimate.offers import offer, write

SHELF = Path(load_prices.__code__.co_filename).parent / "price_books"
ROW = (
    "{store: s3, region: r, storage_class: STANDARD, item: storage, amount: 1, per: GB-month, "
    "source: a, date: 2026-01-01}"
)


@pytest.mark.parametrize("book", sorted(path.stem for path in SHELF.glob("*.yaml")))
def test_every_row_on_the_shelf_names_its_source_and_date(book):
    loaded = load_prices(book)
    for row in [*loaded["prices"], *loaded["classes"], *loaded["exchange"]]:
        assert len(row["source"]) > 20, row
        assert datetime.date.fromisoformat(row["date"]) <= datetime.date(2026, 11, 30), row


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("prices: [", ":1: not YAML", id="not YAML"),
        pytest.param("[]", ":1: a price book is a mapping", id="not a mapping"),
        pytest.param("prise: []", ":1: unknown section 'prise'", id="misspelt section"),
        pytest.param(f"prices:\n- {ROW}\n- {ROW}", ":3: states s3 r STANDARD storage a second time", id="stated twice"),
        pytest.param(f"prices:\n- {ROW.replace('amount: 1', 'amount: -1')}", ":2: amount:", id="negative"),
        pytest.param(f"prices:\n- {ROW.replace('amount: 1', 'amount: .nan')}", ":2: amount:", id="not a number"),
        pytest.param(f"prices:\n- {ROW.replace('GB-month', 'GB')}", ":2: storage is priced per", id="wrong unit"),
        pytest.param(f"prices:\n- {ROW.replace('date: 2026-01-01', '')}", ":2: date:", id="no date"),
        pytest.param(f"prices:\n- {ROW.replace('source: a,', '')}", ":2: source:", id="no source"),
        pytest.param(f"prices:\n- {ROW.replace('amount: 1', 'low: 2, mid: 1, high: 3')}", ":2: a range",
                     id="bad range"),
        pytest.param(f"prices:\n- {ROW.replace('amount: 1', 'tiers: [{from: 5, amount: 1}]')}", ":2: tiers start at 0",
                     id="steps not from 0"),
        pytest.param("prices:\n- 3", "isn't a row", id="not a row"),
        pytest.param("sources: 3\nprices: []", ":1: sources must be a mapping", id="sources not a mapping"),
        pytest.param("include: [nowhere]", "nowhere", id="unknown include"),
    ],
)  # fmt: skip
def test_a_bad_book_is_one_line_that_names_file_and_line(tmp_path, text, says):
    path = tmp_path / "book.yaml"
    path.write_text("currency: USD\n".join(["", text]) if text.startswith("prices:\n") else text)
    line_moved = says.replace(":3:", ":4:").replace(":2:", ":3:") if text.startswith("prices:\n") else says
    with pytest.raises(ValueError, match=r"book\.yaml") as raised:
        load_prices(str(path))
    message = str(raised.value)
    assert line_moved in message
    assert "\n" not in message


def test_a_book_that_isnt_there_lists_those_that_are():
    with pytest.raises(ValueError, match="default, gcs-asia-east2"):
        load_prices("nonesuch")


def test_azures_tiers_bill_their_minimum_of_days_with_prices_of_ones_own(tmp_path):
    path = tmp_path / "book.yaml"
    row = ROW.replace("s3", "az").replace("STANDARD", "Cool").replace("amount: 1", "amount: 1, currency: USD")
    path.write_text(f"prices:\n- {row}")
    rules = {row["storage_class"]: row["minimum_days"] for row in load_prices(str(path))["classes"]}
    assert rules == {"Cool": 30}
    assert PriceList.make(load_prices("default"), {"currency": "HKD"}).quote("storage", "az", None, "Hot").mid > 0


@pytest.mark.parametrize(
    ("region", "tier", "item", "volume", "amount", "money"),
    [
        ("eastus2", "Hot", "storage", 10**12, 10**12, "18.4"),
        ("eastus2", "Hot", "storage", 10**14, 10**14, "1766.4"),
        ("eastus", "Cool", "storage", 0, 10**12, "15.2"),
        ("eastasia", "Archive", "retrieval", 0, 10**12, "35"),
        ("westus2", "Hot", "list", 0, 1_000_000, "5"),
        ("eastus2", "Cold", "egress", 10**13, 10**13, "870"),
    ],
)
def test_azure_has_prices_with_their_sources(region, tier, item, volume, amount, money):
    prices = PriceList.make(load_prices("default"), {"currency": "USD"})
    quote = prices.quote(item, "az", region, tier, volume=volume)
    assert quote.of(amount) == Decimal(money)
    assert "Azure Retail Prices API" in quote.source
    assert quote.date.year == 2026


def test_a_book_may_not_include_itself(tmp_path):
    path = tmp_path / "book.yaml"
    path.write_text(f"include: [{path}]")
    with pytest.raises(ValueError, match="includes itself"):
        load_prices(str(path))


def test_own_rows_win_over_included_ones(tmp_path):
    path = tmp_path / "book.yaml"
    own = ROW.replace("region: r", "region: unknown").replace("amount: 1", "amount: 7, currency: HKD")
    path.write_text(f"include: [default]\nprices:\n- {own}")
    prices = PriceList.make(load_prices(str(path)), {"currency": "HKD"})
    assert prices.quote("storage", "s3", None, "STANDARD").mid == 7


@pytest.mark.parametrize(
    ("currency", "settings", "rate"),
    [
        pytest.param("USD", {}, "0.1282", id="the book's rate, inverted"),
        pytest.param("HKD", {}, "1", id="the row's own currency"),
        pytest.param("EUR", {"exchange_rate": 0.9}, "0.1154", id="through the dollar"),
        pytest.param("EUR", {"exchange_rates": {"HKD": 0.2}}, "0.2", id="stated outright"),
        pytest.param("HKD", {"exchange_rate": 7.75}, "1", id="a setting for another currency"),
        pytest.param("EUR", {}, None, id="nobody states one"),
    ],
)
def test_exchange_rates(currency, settings, rate):
    found = PriceList.make(load_prices("default"), {"currency": currency, **settings}).rate("HKD")
    assert found is None if rate is None else round(found, 4) == Decimal(rate)


class TestImport:
    """`mirrorfold prices import`."""

    def test_prices_of_the_region_and_nothing_else(self, tmp_path):
        book, read = import_prices(write(tmp_path / "index.json", offer()), str(tmp_path / "book.yaml"))
        assert (read.date, read.regions) == ("2026-11-03", ("ap-east-1",))
        prices = PriceList.make(load_prices(book), {"currency": "USD"})

        def mid(item, storage_class="STANDARD", volume=0):
            return prices.quote(item, "s3", "ap-east-1", storage_class, volume).mid

        assert mid("storage") == Decimal("0.025")
        assert mid("storage", volume=60_000 * 2**30) == Decimal("0.024")
        assert mid("storage", "STANDARD_IA") == Decimal("0.0138")
        assert [getattr(prices.quote("storage", "s3", "ap-east-1", "INTELLIGENT_TIERING"), n) for n in
                ("low", "mid", "high")] == [Decimal("0.005"), Decimal("0.0138"), Decimal("0.025")]  # fmt: skip
        assert (mid("put"), mid("list"), mid("get")) == (Decimal("0.005"), Decimal("0.005"), Decimal("0.0004"))
        assert prices.quote("get", "s3", "ap-east-1", "STANDARD").of(1_000_000) == Decimal("0.4")
        assert prices.quote("storage", "s3", "ap-east-1", "GLACIER") is None
        rows = [row for row in prices.book["prices"] if row["region"] == "ap-east-1" and row["item"] != "retrieval"]
        assert all(row["sku"].startswith("SKU") and row["date"] == "2026-11-03" for row in rows)

    def test_us_east_1_has_no_prefix(self, tmp_path):
        path = write(tmp_path / "index.json", offer("", "us-east-1"))
        book, _ = import_prices(path, str(tmp_path / "book.yaml"))
        found = PriceList.make(load_prices(book), {}).quote("storage", "s3", "us-east-1", "STANDARD")
        assert found.mid == Decimal("0.025")
        assert found.date == datetime.date(2026, 11, 3)

    def test_several_regions_stay_apart(self, tmp_path):
        one, two = offer(), offer("EUW1-", "eu-west-1")
        for name in list(two["products"]):
            two["products"][f"X{name}"] = two["products"].pop(name)
            two["terms"]["OnDemand"][f"X{name}"] = two["terms"]["OnDemand"].pop(name)
        one["products"] |= two["products"]
        one["terms"]["OnDemand"] |= two["terms"]["OnDemand"]
        _, read = import_prices(write(tmp_path / "index.json", one), str(tmp_path / "book.yaml"))
        assert read.regions == ("ap-east-1", "eu-west-1")

    @pytest.mark.parametrize(
        ("document", "says"),
        [
            pytest.param(offer(offerCode="AmazonEC2"), "AmazonEC2's", id="another service"),
            pytest.param(offer(products={}), "no price of S3 storage", id="no products"),
            pytest.param({"a": 1}, "no offerCode", id="something else"),
            pytest.param(offer(publicationDate=""), "no publicationDate", id="undated"),
        ],
    )
    def test_another_file_is_refused(self, tmp_path, document, says):
        with pytest.raises(UsageError, match=says):
            import_prices(write(tmp_path / "index.json", document), str(tmp_path / "book.yaml"))
        assert not (tmp_path / "book.yaml").exists()

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"offerCode": "AmazonS3", "products": '])
    def test_a_broken_file_is_one_line(self, tmp_path, content):
        (tmp_path / "index.json").write_bytes(content)
        with pytest.raises(UsageError) as raised:
            import_prices(str(tmp_path / "index.json"))
        assert "\n" not in str(raised.value)

    def test_an_existing_book_is_never_overwritten(self, tmp_path):
        path = write(tmp_path / "index.json", offer())
        import_prices(path, str(tmp_path / "book.yaml"))
        with pytest.raises(UsageError, match="exists already"):
            import_prices(path, str(tmp_path / "book.yaml"))


STATED = "item: storage, amount: 1, per: GB-month, source: a, date: 2026-01-01"
OWN = f"""
currency: USD
prices:
- {{store: s3, region: r, storage_class: STANDARD_IA, {STATED}}}
- {{store: s3, region: r, storage_class: STANDARD, {STATED}}}
"""
NO_RULE = """
classes:
- {store: s3, storage_class: STANDARD_IA, source: our contract, date: 2026-01-01}
"""


EVERY_CLASS = f"""
currency: USD
prices:
- {{store: s3, region: r, storage_class: "*", {STATED}}}
"""


@pytest.mark.parametrize(
    ("text", "minimum"),
    [(OWN, 131_072), (OWN + NO_RULE, 0), (EVERY_CLASS, 131_072)],
    ids=["built in", "said otherwise", "one price for every class"],
)
def test_a_book_of_ones_own_keeps_the_classes_rules(tmp_path, text: str, minimum: int) -> None:
    """The 128 KB that infrequent access bills at least are the cloud's, whoever states the price."""
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    rules = {rule["storage_class"]: rule["minimum_bytes"] for rule in load_prices(str(path))["classes"]}
    assert rules["STANDARD_IA"] == minimum
    assert ("GLACIER_IR" in rules) == (text == EVERY_CLASS), "and of no class that the book says nothing of"
