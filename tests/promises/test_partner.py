"""A partner's word: a packed side speaks for its own sources, and decides nothing of ours."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.merging.merge import merged_request
from mirrorfold.pipelines.merging.partner import check_partners, their_verdicts
from mirrorfold.pipelines.merging.sides import MERGED, bring
from mirrorfold.pipelines.record.request import REQUEST_PATH, Request
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import write_table
from tests.retain.tables import content, content_id, contents, failures, obj, objects

THEIRS, OURS = "gz", "hk"


def side(folder, library: str, *rows: dict, packed: bool = False, **spec) -> str:
    """Write what a merge reads of a run over one bucket of the library's name."""
    output = LocalOutput(str(folder))
    names = sorted({row["content_id"] for row in rows if row["content_id"]})
    made = {
        "objects": objects(*rows),
        "contents": contents(*(content("x") | {"content_id": name} for name in names)),
        "failures": failures(),
    }
    for name, table in made.items():
        write_table(output, name, table)
    record = {"algorithms": [], "schemas": {n: TABLES[n].version for n in MERGED}, "mirrorfold": "0",
              "input_snapshot": library, "counts": {n: t.num_rows for n, t in made.items()}}  # fmt: skip
    output.put("run.json", json.dumps(record | ({"travels": "all"} if packed else {})).encode())
    spec_ = SourceSpec(library, "live", "s3", library, **spec)
    output.put(REQUEST_PATH, Request((spec_,), Settings(), load_policy("default")).to_json())
    output.put("_SUCCESS", b"")
    return str(folder)


@pytest.fixture
def merge(tmp_path):
    """Check a merge of our run, of one picture, with a packed side of these rows."""

    def make(*rows: dict, tamper=None, said=(), **spec):
        ours = side(tmp_path / OURS, OURS, obj("s3://hk/rocket.jpg", "rocket"), obj("s3://hk/b.jpg", "b"))
        theirs = side(tmp_path / THEIRS, THEIRS, *rows, packed=True, **spec)
        verdicts.store_verdicts(LocalOutput(theirs), list(said))
        if tamper:
            tamper(tmp_path / THEIRS)
        sides = bring([ours, theirs])
        check_partners(sides, MERGED)
        return sides

    return make


def stated(sides) -> list[str]:
    return [
        uri
        for one in sides
        for uri in one.side.names.rename(read_table(LocalOutput(one.folder), OBJECTS), 0)["uri"].to_pylist()
    ]


FORGED = {
    "an object in our bucket": (obj("s3://hk/new.jpg", "rocket"), "states 's3://hk/new.jpg'"),
    "an object in a stranger's bucket": (obj("s3://else/a.jpg", "rocket"), "lies in none of the sources"),
    "under our library's name": (obj("s3://gz/a.jpg", "rocket", library="hk"), "lies in none of the sources"),
    "a key that isn't the URI's": (obj("s3://gz/a.jpg", "rocket", key="b.jpg"), "lies in none of the sources"),
    "a bucket whose name begins like its own": (obj("s3://gz2/a.jpg", "rocket", library="gz"), "lies in none"),
}


@pytest.mark.parametrize(("row", "said"), FORGED.values(), ids=FORGED)
def test_a_side_speaks_for_its_own_sources(merge, row, said):
    with pytest.raises(UsageError, match=said) as refused:
        merge(obj("s3://gz/a.jpg", "a"), row)
    assert "\n" not in str(refused.value)


def declare_ours(folder):
    request = json.loads((folder / REQUEST_PATH).read_text())
    request["sources"].append(dict(request["sources"][0], library="hk2", bucket="hk"))
    (folder / REQUEST_PATH).write_text(json.dumps(request))


def test_what_it_says_of_our_bucket_counts_for_nothing_though_it_declares_it(merge):
    sides = merge(
        obj("s3://gz/a.jpg", "a"), obj("s3://hk/rocket-copy.jpg", "rocket", library="hk2"), tamper=declare_ours
    )
    assert stated(sides) == ["s3://hk/b.jpg", "s3://hk/rocket.jpg", "s3://gz/a.jpg"]


def test_other_bytes_under_our_etag_refuse_the_merge(merge):
    forged = obj("s3://hk/rocket.jpg", "b", library="hk2")
    with pytest.raises(UsageError, match=r"says that 's3://hk/rocket.jpg' holds other bytes than hk read"):
        merge(forged, tamper=declare_ours)
    merge(forged | {"etag": "a later state"}, tamper=declare_ours)


def word(first: str, second: str, reviewer: str = "Ann") -> dict:
    one, other = sorted((content_id(first), content_id(second)))
    row = {"content_a": one, "content_b": other, "verdict": "same", "reviewer": reviewer, "at": "2026-01-01"}
    return verdicts.checked_verdict(row, "x:1")


def test_its_verdicts_count_for_pairs_with_a_content_of_its_own_under_its_name(merge):
    sides = merge(obj("s3://gz/a.jpg", "a"), said=[word("rocket", "b"), word("a", "b"), word("rocket", "rocket")])
    (counted,) = their_verdicts(sides[1])
    assert {counted["content_a"], counted["content_b"]} == {content_id("a"), content_id("b")}
    assert counted["reviewer"] == "Ann (gz)"
    assert len(verdicts.rule_on([counted, word("a", "b")], 2)) == 1
    assert verdicts.rule_on([counted, word("a", "b")], 2).popitem()[1].outcome == "same", "two people of two places"


def test_our_signed_requests_go_to_no_endpoint_of_its_choice(merge):
    sides = merge(obj("s3://gz/a.jpg", "a"), endpoint="https://evil", profile="root", project="p", requester_pays=True)
    (spec,) = sides[1].specs
    assert (spec.endpoint, spec.profile, spec.project, spec.requester_pays) == (None, None, None, False)
    for order in ([0, 1], [1, 0]):
        request = merged_request([sides[n].folder for n in order])
        assert all(spec.endpoint is None for spec in request.sources)


def test_its_settings_are_none_of_ours(merge, tmp_path):
    sides = merge(obj("s3://gz/a.jpg", "a"))
    request = json.loads((tmp_path / THEIRS / REQUEST_PATH).read_text())
    request["settings"]["prices"]["currency"] = "HKD"
    (tmp_path / THEIRS / REQUEST_PATH).write_text(json.dumps(request))
    assert merged_request([sides[1].folder, sides[0].folder]).settings.prices.currency == "USD"


def rewrite(columns):
    def tamper(folder):
        pq.write_table(pa.table(columns), folder / "objects/part-00000-of-00001.parquet", compression="zstd")

    return tamper


def drop_rows(folder):
    write_table(LocalOutput(str(folder)), "objects", objects())


HOSTILE = {
    "a bomb of rows": (rewrite({"uri": pa.array(["a"] * 3_000_000)}), "that say they hold 3,000,000 rows"),
    "a bomb of bytes": (
        rewrite({"uri": ["a" * 2_000_000] * 300}),
        "rows in|rows, its run.json says",
    ),
    "another type": (rewrite({"uri": [1]}), "the column 'uri' is none of ours or has another type"),
    "a column that isn't ours": (rewrite({"script": ["x"]}), "the column 'script' is none of ours"),
    "not Parquet": (lambda f: (f / "objects/part-00000-of-00001.parquet").write_bytes(b"PAR1"), "can't be read"),
    "fewer rows than it says": (drop_rows, "objects has 0 rows, its run.json says 1"),
    "another kind of request": (lambda f: (f / REQUEST_PATH).write_text('{"sources": [{}]}'), "isn't one of ours"),
}  # fmt: skip


@pytest.mark.parametrize(("tamper", "said"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused_in_one_line(merge, tamper, said):
    with pytest.raises(UsageError, match=said) as refused:
        merge(obj("s3://gz/a.jpg", "a"), tamper=tamper)
    assert "\n" not in str(refused.value)
