"""The table of stores by promise in docs/sources.md: made by the contract suite, and held against each of its runs.

`WRITE_STORES_TABLE=1 pytest tests/stores/test_contract.py` writes it anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores.personality import PERSONALITIES
from tests.worlds import ODD_KEYS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sources.md"
BEGIN, END = "<!-- stores by promise: begin -->\n", "<!-- stores by promise: end -->\n"
STORES = {
    "moto": "S3 (moto)",
    "versity": "S3 (versitygw)",
    "fake-gcs": "GCS (fake-gcs-server)",
    "gcs-stub": "GCS (stub: holds, generations)",
    "azurite": "Azure Blob (Azurite)",
    "folder": "a folder",
    **{name: f"as {name} answers (versitygw behind a proxy)" for name in PERSONALITIES},
}
PROMISES = {
    "test_an_object_is_listed_as_it_is_and_read_as_it_was_listed": "listed and read as it is",
    "test_odd_keys_survive_exactly": "odd keys",
    "test_ranges_are_cut_at_the_objects_end": "ranges",
    "test_an_empty_object_is_read_as_no_bytes": "no bytes",
    "test_what_is_gone_has_vanished": "gone",
    "test_what_changed_has_vanished_even_at_the_same_size": "changed",
    "test_only_reads_reach_a_source": "only reads",
    "test_one_set_of_clients_serves_a_process": "one set of clients",
    "test_a_listing_goes_on_behind_the_key_where_it_ended": "listing goes on",
    "test_a_run_keeps_its_dir_there": "DIR, with its lock",
}
NO_DIR = {"bare"}
"""Where nothing can be written on condition: no ETags."""
seen: dict[tuple[str, str], set[str]] = {}


def table() -> dict[tuple[str, str], str]:
    """Read the table as it stands: {(store, promise): cell}."""
    text = PAGE.read_text("utf-8")
    lines = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {(row[0], promise): cell for row in rows[2:] for promise, cell in zip(rows[0][1:], row[1:], strict=True)}


def written() -> str:
    """Make the table of what this run saw."""
    head = ["store", *PROMISES.values()]
    rows = [
        [title, *(" and ".join(sorted(seen.get((title, promise), {"-"}))) for promise in PROMISES.values())]
        for title in STORES.values()
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, ["---"] * len(head), *rows))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Fail a promise of the contract whose outcome isn't what the table says."""
    found = yield
    report = found.get_result()
    function = getattr(item, "originalname", "")
    world = getattr(item, "funcargs", {}).get("world")
    if report.when != "call" or function not in PROMISES or world is None or report.outcome == "skipped":
        return
    title, promise = STORES[world.name], PROMISES[function]
    cell = "no" if report.failed or (promise == "DIR, with its lock" and world.name in NO_DIR) else "yes"
    if promise == "odd keys" and not report.failed:
        cell = f"{len(ODD_KEYS) - len(world.refused)} of {len(ODD_KEYS)}"
    seen.setdefault((title, promise), set()).add(cell)
    if not os.environ.get("WRITE_STORES_TABLE") and report.passed and table().get((title, promise)) != cell:
        report.outcome = "failed"
        report.longrepr = f"docs/sources.md says otherwise than {cell!r} of {title}, {promise}: WRITE_STORES_TABLE=1"


def pytest_sessionfinish() -> None:
    """Write the table where that is asked for."""
    if os.environ.get("WRITE_STORES_TABLE") and seen:
        text = PAGE.read_text("utf-8")
        PAGE.write_text(re.sub(f"(?s){BEGIN}.*?{END}", lambda _: BEGIN + written() + END, text), "utf-8")
