"""The sidecar catalogue and hold lists, as institutions write them; and patterns over URIs."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirrorfold.transforms.blocks.globs import any_match, to_regex
from mirrorfold.transforms.retain import sidecar

from .tables import obj, objects


def read(path) -> list[dict]:
    return [row for block in sidecar.read_sidecar(str(path)) for row in block.to_pylist()]


def test_csv_and_parquet_say_the_same(tmp_path):
    rows = {
        "uri": ["s3://a/1", 's3://a/"2",\n'],
        "catalogue_no": ["007", None],
        "hold": ["Yes", ""],
        "shelf": ["x", "y"],
    }
    pq.write_table(pa.table(rows), tmp_path / "c.parquet")
    (tmp_path / "c.csv").write_text('uri,catalogue_no,hold,shelf\ns3://a/1,007,Yes,x\n"s3://a/""2"",\n",,,y\n')
    assert read(tmp_path / "c.csv") == read(tmp_path / "c.parquet")
    assert read(tmp_path / "c.csv")[0]["catalogue_no"] == "007", "numbers keep their zeros"
    assert [row["hold"] for row in read(tmp_path / "c.csv")] == ["yes", None]


UNUSABLE = {
    "no uri": ("id,licence\n1,x\n", "the column uri is missing"),
    "nothing we know": ("uri,shelf\n1,x\n", "none of the columns catalogue_no"),
    "missing": (None, "there is no such file"),
    "empty": ("", "can't read it as CSV"),
}


@pytest.mark.parametrize(("text", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_sidecar_is_one_line(tmp_path, text, message):
    path = tmp_path / "c.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        sidecar.check_sidecar(str(path))
    assert "\n" not in str(error.value)


def joined(listed: str, *said: str | None) -> str:
    rows = pa.Table.from_pylist([{"uri": "s3://a/1", "hold": hold} for hold in said], schema=sidecar.SIDECAR)
    return sidecar.join_sidecar(objects(obj("s3://a/1", hold=listed)), rows)["hold"][0].as_py()


HOLDS = {
    "no word": ("no", (None,), "no"),
    "held by the catalogue": ("no", ("yes",), "yes"),
    "unknown to the catalogue is held": ("no", ("unknown",), "yes"),
    "the catalogue lifts no lock of the store": ("yes", ("no",), "yes"),
    "the strictest of several counts": ("no", ("no", "yes", None), "yes"),
    "nothing said": ("unknown", (), "unknown"),
}


@pytest.mark.parametrize(("listed", "said", "expected"), HOLDS.values(), ids=HOLDS)
def test_the_strictest_hold_counts(listed, said, expected):
    assert joined(listed, *said) == expected


def test_a_hold_list_needs_no_more_than_uris(tmp_path):
    (tmp_path / "h.csv").write_text("uri\ns3://a/1\n")
    sidecar.check_sidecar(str(tmp_path / "h.csv"), needs_field=False)
    (block,) = sidecar.read_hold_list(str(tmp_path / "h.csv"))
    assert block["hold"].to_pylist() == ["yes"]


PATTERNS = {
    ("**/masters/**", "s3://b/masters/x"): True,
    ("**/masters/**", "s3://b/a/masters/x/y"): True,
    ("**/masters/**", "s3://b/grandmasters/x"): False,
    ("masters/**", "s3://b/a/masters/x"): True,
    ("s3://hk-*/**", "s3://hk-1/a/b"): True,
    ("s3://hk-*/**", "s3://gz/hk-1/a"): False,
    ("s3://hk-*/*.tif", "s3://hk-1/a/b.tif"): False,
    ("s3://hk/a?c", "s3://hk/abc"): True,
    ("s3://hk/a?c", "s3://hk/a/c"): False,
    ("s3://hk/a+(b).tif", "s3://hk/a+(b).tif"): True,
    ("s3://hk/a.tif", "s3://hk/aXtif"): False,
    ("**/x*", "s3://hk/x\ny"): True,
    ("**/中文/**", "s3://hk/中文/图.jpg"): True,
    ("s3://hk/a\nb", "s3://hk/a\nb"): True,
    ("s3://hk/[a]", "s3://hk/a"): False,
    ("**", "anything"): True,
}


@pytest.mark.parametrize(("pattern", "uri"), PATTERNS, ids=[f"{p!r} {u!r}" for p, u in PATTERNS])
def test_patterns(pattern, uri):
    assert any_match(pa.array([uri]), [pattern]).to_pylist() == [PATTERNS[pattern, uri]]
    if "\\x{" not in to_regex(pattern):
        assert bool(re.match(to_regex(pattern), uri)) == PATTERNS[pattern, uri]


def test_no_pattern_matches_nothing():
    assert any_match(pa.array(["x"]), []).to_pylist() == [False]
