"""The formats that the documentation lists are the formats that the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirrorfold.transforms.fingerprint import formats, sniff

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"


def test_the_page_lists_the_formats_as_the_code_has_them():
    text = PAGE.read_text()
    assert formats.table() in text, "python -m benchmarks.bench_formats --table"
    assert formats.named() in text


@pytest.mark.parametrize("kind", sorted(sniff.KINDS))
def test_every_format_has_a_decoder(kind):
    from mirrorfold.transforms.fingerprint.decode import first_reader

    assert callable(first_reader(kind))
