"""The formats that the documentation lists are the formats that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import bench_formats
from mirrorfold.transforms.fingerprint import formats, sniff

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"


def test_the_page_lists_the_formats_as_the_code_has_them():
    text = PAGE.read_text()
    assert formats.table() in text, "python -m benchmarks.bench_formats --table"
    assert formats.named() in text


def test_the_costs_list_every_format_that_is_read():
    stated = re.findall(r"^\| (\w+) \| ([^|]+) \| [\d.]+ \| \d+ \| [\d.]+x \|", PAGE.read_text(), re.MULTILINE)
    measured = [(row.kind, row.name) for row in bench_formats.rows()]
    assert stated == measured, "python -m benchmarks.bench_formats --quick"
    assert {kind for kind, _ in measured} | set(bench_formats.UNMADE) == set(sniff.KINDS)
    assert all(f"{kind} ({why})" in PAGE.read_text() for kind, why in bench_formats.UNMADE.items())


@pytest.mark.parametrize("kind", sorted(sniff.KINDS))
def test_every_format_has_a_decoder(kind):
    from mirrorfold.transforms.fingerprint.decode import first_reader

    assert callable(first_reader(kind))
