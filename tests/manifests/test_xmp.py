"""Sidecars of the merged record: they say what the record says, and our own reader reads it so."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from mirrorfold.pipelines.finished.export_record import export_record
from mirrorfold.schemas.merged_record import LIST_FIELDS, TEXT_FIELDS
from mirrorfold.transforms.fingerprint.xmp import read_xmp
from mirrorfold.transforms.publish.manifests.xmp import sidecar, unwritable
from tests.promises.test_record import finish

SAID = {
    "licence": "https://creativecommons.org/licenses/by/4.0", "rights": "© Ann <Lee> & Co.",
    "caption": 'A "ferry"\nat dusk',
    "rights_uri": "https://rightsstatements.org/vocab/inc/1.0", "usage_terms": "editorial only", "creator": "Ann Lee",
    "data_mining": "DMI-PROHIBITED", "credit": "HK Archive", "catalogue_no": "PH/1961/7", "title": "九龍天星碼頭",
    "instructions": "none", "capture_time": "1961-05-04T10:00:00", "gps": "+22.29370+114.16880",
    "digital_source_type": "negativeFilm", "rating": "4", "keywords": ["sea", "boat & ferry"],
}  # fmt: skip


@pytest.mark.parametrize("field", [*TEXT_FIELDS, *LIST_FIELDS])
def test_each_field_of_the_record_is_read_back_as_it_was_written(field: str):
    value = SAID[field]
    read = read_xmp(sidecar({field: value if isinstance(value, list) else [value]}))[field]
    assert read == (value if isinstance(value, list) else " ".join(value.split()) if "\n" not in value else read)
    assert "\n" not in value or read.split() == value.split()


@given(st.text(min_size=1))
def test_any_text_is_well_formed_or_said_to_be_unwritable(text: str):
    if not unwritable("caption", text):
        fromstring(sidecar({"caption": [text], "keywords": [text], "credit": [text]}))


@pytest.mark.parametrize("place", ["+90.00000+180.00000", "-00.00001-000.00001", "+22.29370+114.16880"])
def test_a_place_comes_back_to_a_metre(place: str):
    assert read_xmp(sidecar({"gps": [place]}))["gps"] == place


@pytest.mark.parametrize(
    ("field", "value"),
    [("caption", "a\x00b"), ("gps", "somewhere"), ("rights_uri", "CS-PRO"), ("mood", "x"), ("rating", "3 | 4")],
)
def test_what_xmp_cannot_state_is_said(field: str, value: str):
    assert unwritable(field, value)


def test_sidecars_for_the_kept_copies_and_conflicts_for_people(tmp_path: Path):
    finish(
        tmp_path,
        {"a": {"creator": "Bo", "keywords": ["sea"]},
         "b": {"creator": "Ann", "credit": "X", "keywords": ["boat"], "caption": "a\x01b"}},
    )  # fmt: skip
    done = export_record(str(tmp_path), "xmp")
    assert (done.rows, done.left) == (1, 2)
    (row,) = csv.DictReader((tmp_path / done.folder / "sidecars.csv").read_text().splitlines())
    assert (row["beside"], row["note"]) == ("s3://hk/a.xmp", "")
    read = read_xmp((tmp_path / done.folder / row["file"]).read_bytes())
    assert read == {"credit": "X", "keywords": ["sea", "boat"]}
    left = {r["field"]: r["why"] for r in csv.DictReader((tmp_path / done.folder / "left.csv").open())}
    assert left["creator"] == "conflict: people decide"
    assert "XML" in left["caption"]


def test_a_sidecar_that_is_there_is_not_to_be_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    finish(tmp_path, {"a": {}, "b": {"credit": "X"}}, a={"beside": ["s3://hk/a.xmp"]})
    assert export_record_of(tmp_path, monkeypatch, "csv").rows == 1
    done = export_record_of(tmp_path, monkeypatch, "xmp")
    (row,) = csv.DictReader((tmp_path / done.folder / "sidecars.csv").read_text().splitlines())
    assert row["file"].endswith("a.merged.xmp")
    assert "lies there already" in row["note"]


def export_record_of(folder: Path, monkeypatch: pytest.MonkeyPatch, to: str):
    """Export without the promises: these small tables name a sidecar that isn't listed."""
    monkeypatch.setattr("mirrorfold.pipelines.finished.verify.refuse_broken", lambda *_, **__: None)
    return export_record(str(folder), to)
