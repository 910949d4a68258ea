"""report.html: what it says, and that it stands alone."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.publish.decoding import DecoderPool
from mirrorfold.transforms.publish.languages import LANGUAGES, both, words
from mirrorfold.transforms.publish.part_savings import bill_part, duration, money_range
from mirrorfold.transforms.publish.part_whatif import cumulate_thresholds, mirrors_part
from mirrorfold.transforms.publish.publish import Options, publish_pages
from mirrorfold.transforms.publish.report import archive_bar, sums_by_action
from mirrorfold.transforms.publish.text import human_bytes
from mirrorfold.transforms.stores.output import open_output
from tests.publish.publish_archive import HOSTILE, MARK, Archive, as_table
from tests.publish.publish_runs import story


class Page(HTMLParser):
    """Collects a page's tags with their attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def all(self, name: str) -> list[dict]:
        return [attributes for tag, attributes in self.found if tag == name]


@pytest.fixture(scope="module")
def report(published) -> str:
    return published.text("report.html")


@pytest.fixture(scope="module")
def page(report: str) -> Page:
    return Page(report)


def freed(archive: Archive, action: str) -> int:
    return sum(row["bytes_freed"] for row in archive.rows["decisions"] if row["action"] == action)


def test_the_headline_is_what_can_be_freed_now(published, report: str) -> None:
    size = human_bytes(freed(published.archive, "quarantine"))
    for language in LANGUAGES:
        assert words(language)["report.headline_now"].format(bytes=size) in report.split("</h1>")[0]


def test_waiting_bytes_and_pairs_are_named(published, report: str) -> None:
    assert human_bytes(freed(published.archive, "review")) in report
    waiting = {row["content_id"] for row in published.archive.rows["decisions"] if row["action"] == "review"}
    assert f"{len(waiting)} pairs in 9 clusters" in report


def test_nothing_in_it_runs_or_reaches_out(report: str, page: Page) -> None:
    assert not page.all("script")
    assert not [name for _, attributes in page.found for name in attributes if name.startswith("on")]
    for tag, attributes in page.found:
        for name in ("src", "href", "xlink:href"):
            target = attributes.get(name, "#")
            assert target.startswith(("#", "data:image/webp;base64,")) or target == "review/index.html", (tag, target)
    assert "url(" not in report.replace("url(#", "")
    assert not [attributes for _, attributes in page.found if "style" in attributes]


def test_its_policy_allows_its_own_style_alone(report: str, page: Page) -> None:
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", report, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_hostile_names_are_text(report: str, page: Page) -> None:
    assert f"<img src=x onerror=\"document.title='{MARK}'\"" not in report
    assert "&lt;img src=x onerror" in report
    assert all(attributes.get("src", "").startswith("data:image/webp") for attributes in page.all("img"))
    assert "\u202e" not in report
    assert "U+202E" in report
    assert HOSTILE[4] not in report


def test_ids_are_unique(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert sorted(ids) == sorted(set(ids))


def test_the_same_run_makes_the_same_page(published, report: str) -> None:
    with DecoderPool(1, 10) as decoders:
        publish_pages(
            open_output(published.archive.output), story(), Options(sample=5, proofs=2), None, decoders.decode
        )
    assert published.text("report.html") == report


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([], "report.headline_none"),
        ([{"action": "keep", "size": 10}], "report.headline_none"),
        ([{"action": "quarantine", "size": 10, "bytes_freed": 10, "tier_to_kept": "identical"}], "report.headline_now"),
    ],
    ids=["empty", "no-twins", "copies"],
)
def test_headlines(tmp_path, rows: list[dict], title: str) -> None:
    archive = Archive(tmp_path)
    archive.rows["decisions"] = [{"uri": f"s3://b/{n}", "library": "hk", **row} for n, row in enumerate(rows)]
    archive.write()
    with DecoderPool(1, 10) as decoders:
        publish_pages(open_output(archive.output), story(), Options(), None, decoders.decode)
    head = (tmp_path / "out" / "report.html").read_text().split("</h1>")[0]
    assert both(title, bytes="10 bytes")["en"] in head


def test_a_near_copy_freed_by_policy_is_never_called_identical(tmp_path) -> None:
    archive = Archive(tmp_path)
    row = {"uri": "s3://b/1", "library": "hk", "action": "quarantine", "size": 9, "bytes_freed": 9}
    archive.rows["decisions"] = [row | {"tier_to_kept": "near-certain"}]
    archive.write()
    with DecoderPool(1, 10) as decoders:
        publish_pages(open_output(archive.output), story(), Options(), None, decoders.decode)
    text = (tmp_path / "out" / "report.html").read_text()
    assert "its verification passed" in text
    assert "no picture is lost" not in text


def test_below_the_cut_off_is_counted_apart_from_kept() -> None:
    plan = [
        {"action": "keep", "objects": 3, "bytes": 30, "below": 10, "below_objects": 1, "waits": 0, "waiting": 0},
        {"action": "review", "objects": 1, "bytes": 5, "below": 0, "below_objects": 0, "waits": 5, "waiting": 1},
    ]
    sums = sums_by_action(plan)
    assert sums["keep"] == {"objects": 2, "bytes": 20}
    assert sums["below"] == {"objects": 1, "bytes": 10}
    parts = archive_bar(sums)
    assert sum(float(part["width"]) for part in parts) == pytest.approx(1000, abs=0.5)
    assert [part["action"] for part in parts] == ["review", "below", "keep"]


def test_a_copy_that_is_asked_about_once_others_are_gone_waits_in_the_bar_too() -> None:
    first = {"action": "keep", "objects": 2, "bytes": 9, "below": 0, "below_objects": 0, "waits": 4, "waiting": 1}
    sums = sums_by_action([first])
    assert (sums["review"], sums["keep"]) == ({"objects": 1, "bytes": 4}, {"objects": 1, "bytes": 5})


def test_thresholds_cumulate_and_aligned_pairs_come_last() -> None:
    rows = [
        {"tier": "probable", "distance": 3, "bytes": 5},
        {"tier": "probable", "distance": None, "bytes": 1},
        {"tier": "probable", "distance": 20, "bytes": 2},
        {"tier": "near-certain", "distance": 1, "bytes": 7},
    ]
    steps = cumulate_thresholds(rows)
    probable = [(row["step"], row["bytes"]) for row in steps if row["tier"] == "probable"]
    assert probable == [(0, 0), (1, 0), (2, 0), (3, 5), (None, 8)]
    assert [row["bytes"] for row in steps if row["tier"] == "near-certain"] == [0, 7, 7, 7, 7]


def test_the_matrix_reads_along_rows(published) -> None:
    sizes = [{"library": "hk", "bytes": 100}, {"library": "gz", "bytes": 40}]
    shared = [{"library": "hk", "other": "gz", "bytes": 30}, {"library": "gz", "other": "hk", "bytes": 40}]

    class Facts:
        libraries, mirrors = sizes, shared

    rows = mirrors_part(Facts)["mirrors"]
    assert [cell["share"] for cell in rows[0]["cells"]] == ["–", "30.0 %"]
    assert [cell["share"] for cell in rows[1]["cells"]] == ["100 %", "–"]


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (None, None),
        ({"low": 1, "mid": 1, "high": 1}, "HKD 1.00"),
        ({"low": 360, "mid": 430, "high": 500}, "HKD 360–500"),
    ],
    ids=["unknown", "one", "range"],
)
def test_money_reads_as_a_range(money, text) -> None:
    assert money_range(money, "HKD") == text


def test_durations_read_in_minutes_then_hours() -> None:
    assert duration(0.01)["en"] == "1 min"
    assert duration(2.25)["en"] == "2.2 h"


def test_tables_in_the_cloud_tell_the_same(published, monkeypatch) -> None:
    from mirrorfold.transforms.blocks import tables
    from mirrorfold.transforms.publish import facts, queue

    class Cloud:
        """The same files behind an OutputStore that isn't a folder."""

        def __init__(self, inner):
            self.list, self.open_part, self.size = inner.list, inner.open, inner.size

    def ask(store):
        from mirrorfold.transforms.publish.publish import COLUMNS, register_verdicts

        with tables.open_tables(store, {TABLES[name]: columns for name, columns in COLUMNS.items()}) as connection:
            register_verdicts(connection, {}, {})
            queue.build_queue(connection, 3, "s")
            return facts.gather(connection)

    local = open_output(published.archive.output)
    assert ask(Cloud(local)) == ask(local)


def test_a_folders_name_is_never_a_pattern(tmp_path) -> None:
    archive = Archive(tmp_path / "a[b]* d'e?")
    archive.rows["decisions"] = [{"uri": "s3://b/1", "library": "hk", "action": "keep", "size": 10}]
    archive.write()
    other = Archive(tmp_path / "ab d'e1")
    other.rows["decisions"] = [{"uri": "s3://b/2", "library": "gz", "action": "keep", "size": 10}]
    other.write()
    with DecoderPool(1, 10) as decoders:
        publish_pages(open_output(archive.output), story(), Options(), None, decoders.decode)
    text = (archive.root / "out" / "report.html").read_text()
    assert "1 object was listed" in text


def test_the_fixture_writes_what_the_schemas_say(published) -> None:
    for name, table in TABLES.items():
        assert as_table(table, published.archive.rows[name]).schema == table.schema
    assert replace(Options(), sample=1).sample == 1


def test_the_bill_names_its_parts_and_leaves_out_what_is_one() -> None:
    amounts = {name: {"low": 1.0, "mid": 2.0, "high": 3.0} for name in ("today", "after")} | {"after_review": None}
    part = {"bytes": 5_000_000, **amounts}
    by = {
        "library": [{"library": "hk", **part}],
        "region": [{"store": "s3", "region": "ap-east-1", **part}, {"store": "file", "region": None, **part}],
        "bucket": [{"store": "s3", "bucket": "hk", **part}, {"store": "file", "bucket": "", **part}],
    }
    found = bill_part({"bill": part, "bill_by": by, "currency": "HKD"})
    assert [[row["label"] for row in table["rows"]] for table in found] == [
        [""], ["s3 ap-east-1", "file –"], ["s3 hk", "file –"],
    ]  # fmt: skip
    assert [found[0]["rows"][0][name] for name in ("bytes", "today")] == ["5 MB", "HKD 1.00–3.00"]
    assert found[0]["rows"][0]["after_review"]["en"] == "not known"
    assert bill_part({"bill": {"today": None}, "bill_by": {}, "currency": "HKD"}) == []
