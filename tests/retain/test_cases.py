"""Stated cases of whole small archives: what a curator would check by hand."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from mirrorfold.configs.policy import load_policy, ready_policies, resolve_policy
from mirrorfold.transforms.retain.records import Ruling
from mirrorfold.transforms.retain.sidecar import SIDECAR

from .pure import FakeStores, decide_tables
from .tables import clusters, content, content_id, contents, failures, obj, objects, pairs, twin


def archive(rows: list[dict], contents_: list[dict], master: str = "m", **links) -> dict:
    """A cluster around `master`: rows of objects, each with the name of its content in `is`."""
    names = {content_id(n): n for n in [master, *links]}
    twins = []
    for row in rows:
        name = names[row["content_id"]]
        tier = links.get(name, ("identical", "copy"))
        twins.append(twin(row["uri"], name, master, tier=tier[0], kind=tier[1], version=row.get("version", "")))
    return {
        "objects": objects(*rows), "contents": contents(*contents_), "failures": failures(),
        "clusters": clusters(*twins), "pairs": pairs(),
    }  # fmt: skip


def decide(tables: dict, policy: str = "", **options) -> dict[str, dict]:
    resolved = resolve_policy("version: 1\nreview: {min_bytes_freed: 0}\n" + policy, "p")
    made = decide_tables(tables, resolved, **options)
    return {row["uri"]: row for row in made["decisions"].to_pylist()}


HK, GZ = "s3://hk/0412.tif", "s3://gz/0412.tif"
TWO = archive([obj(HK, "m"), obj(GZ, "m")], [content("m", width=6000, height=4000, capture_time="1997-07-01")])


def test_the_reason_is_a_sentence_for_a_curator():
    row = decide(TWO, "keep_order: [{library: [hk]}]")[GZ]
    assert row["reason"] == (
        f"same bytes as {HK}, which is kept: preferred library hk, 6000×4000, has capture metadata"
    )
    assert row["evidence"] == [f"sha256:{content_id('m')}", "hold:no"]
    assert (row["premis_event"], row["copies_left"], row["copies_left_here"]) == ("policy assignment", 1, 1)


JURISDICTIONS = """
scopes:
  - {name: hk, match: "s3://hk/**", jurisdiction: HK, min_copies: 1}
  - {name: gz, match: "s3://gz/**", jurisdiction: CN, min_copies: 1}
"""


def test_each_jurisdiction_keeps_its_copy():
    rows = [obj(f"s3://{lib}/{n}", "m") for lib in ("hk", "gz") for n in (1, 2)]
    found = decide(archive(rows, [content("m")]), JURISDICTIONS)
    assert {uri: row["action"] for uri, row in found.items()} == {
        "s3://hk/1": "keep", "s3://hk/2": "quarantine", "s3://gz/1": "keep", "s3://gz/2": "quarantine",
    }  # fmt: skip
    assert found["s3://hk/2"]["kept_uri"] == "s3://hk/1"
    assert found["s3://gz/1"]["rule"] in ("keep-order", "min-copies")
    assert found["s3://hk/2"]["copies_left"] == 2


def test_a_variant_stays_where_its_jurisdiction_has_no_copy_of_the_master():
    rows = [obj("s3://hk/m", "m"), obj("s3://gz/v", "v")]
    found = decide(archive(rows, [content("m"), content("v")], v=("near-certain", "resized")), JURISDICTIONS)
    assert (found["s3://gz/v"]["action"], found["s3://gz/v"]["rule"]) == ("keep", "min-copies")


def test_what_stays_of_a_dropped_variant_still_keeps_its_minimum():
    rows = [obj(f"s3://hk/m{n}", "m") for n in (1, 2)]
    rows += [obj(uri, "v") for uri in ("s3://hk/v", "s3://gz/v1", "s3://gz/v2")]
    tables = archive(rows, [content("m", width=99), content("v")], v=("near-certain", "resized"))
    policy = JURISDICTIONS + "min_archival_copies: 2\nkeep_order: [{library: [hk]}, pixels]\n"
    pair = tuple(sorted((content_id("m"), content_id("v"))))
    found = decide(tables, policy, rulings={pair: Ruling("same", ("id",))})
    # gz has no copy of the master: one of its two would be left alone if the other went.
    assert {uri[5:]: (row["action"], row["rule"]) for uri, row in found.items() if "v" in uri} == {
        "hk/v": ("quarantine", "verdict-same"), "gz/v1": ("keep", "min-copies"), "gz/v2": ("keep", "min-copies"),
    }  # fmt: skip


def test_two_names_of_one_file_are_one_copy():
    rows = [obj(f"s3://x/{n}", "m", physical_id="8:1") for n in (1, 2)] + [obj("s3://x/3", "m")]
    found = decide(archive(rows, [content("m")]), "min_archival_copies: 2\nkeep_order: [uri]")
    assert found["s3://x/1"]["rule"] == found["s3://x/2"]["rule"] == "same-copy"
    assert found["s3://x/3"]["action"] == "keep"
    assert found["s3://x/3"]["copies_left"] == 2


def test_an_expiring_copy_is_not_relied_on():
    rows = [obj("s3://x/1", "m", expires_at=0), obj("s3://x/2", "m")]
    found = decide(archive(rows, [content("m")]))
    assert {row["action"] for row in found.values()} == {"keep"}


def collided(data: bytes | None, policy: str = "") -> tuple[dict, FakeStores]:
    rows = [obj("s3://x/read", "m"), obj("s3://x/other", "m", identity_evidence="md5", size=4)]
    stores = FakeStores(data={} if data is None else {"other": data})
    tables = archive(rows, [content("m")])
    return decide(tables, policy, stores=stores)["s3://x/other"], stores


MD5 = {
    "confirmed": (b"m", "", ("quarantine", "identical")),
    "another file with the same MD5": (b"evil", "", ("blocked", "identity-refuted")),
    "not readable any more": (None, "", ("keep", "unconfirmed")),
    "accepted by name": (None, "identity: {md5: accept}", ("quarantine", "identical")),
    "not accepted": (b"m", "identity: {md5: keep}", ("keep", "md5-only")),
}


@pytest.mark.parametrize(("data", "policy", "expected"), MD5.values(), ids=MD5)
def test_md5_alone_is_confirmed_before_anything_goes(data, policy, expected):
    row, _ = collided(data, policy)
    assert (row["action"], row["rule"]) == expected


def test_a_second_copy_known_by_its_checksum_is_read_before_it_counts():
    rows = [obj("s3://x/1", "m"), *(obj(f"s3://x/{n}", "m", identity_evidence="sha256", size=1) for n in (2, 3))]
    stores = FakeStores(data={"2": b"m", "3": b"m"})
    found = decide(archive(rows, [content("m")]), "min_archival_copies: 2", stores=stores)
    assert [found[f"s3://x/{n}"]["action"] for n in (1, 2, 3)] == ["keep", "keep", "quarantine"]
    assert f"read:{content_id('m')}" in found["s3://x/2"]["evidence"]


def test_holds_are_asked_for_what_would_go_and_for_nothing_else():
    rows = [obj(f"s3://x/{n}", "m") for n in "abc"]
    stores = FakeStores(holds={"b": "yes"})
    found = decide(archive(rows, [content("m")]), "min_archival_copies: 2", stores=stores)
    # b would have been the second copy anyway; c is asked about.
    assert stores.asked == ["c"]
    assert [found[f"s3://x/{n}"]["action"] for n in "abc"] == ["keep", "keep", "quarantine"]
    stores = FakeStores(holds={"b": "yes"})
    found = decide(archive(rows, [content("m")]), stores=stores)
    assert [found[f"s3://x/{n}"]["rule"] for n in "abc"] == ["keep-order", "hold", "identical"]


def test_a_master_is_not_dropped_for_a_derivative_by_policy():
    policy = """
roles: {master: {any: [{format: tiff}]}}
keep_order: [pixels]
tiers: {near-certain: {action: review}}
"""
    rows = [obj("s3://x/web.jpg", "m"), obj("s3://x/scan.tif", "v")]
    kinds = [content("m", width=900), content("v", media_type="image/tiff")]
    row = decide(archive(rows, kinds, v=("near-certain", "resized")), policy)["s3://x/scan.tif"]
    assert (row["action"], row["rule"], row["role"]) == ("keep", "role-master", "master")


def test_a_derivative_is_known_by_the_file_it_names():
    policy = "roles: {derivative: {any: [{xmp_derived_from: in_cluster}]}}\n"
    rows = [obj("s3://x/m", "m"), obj("s3://x/v", "v"), obj("s3://x/w", "w")]
    kinds = [content("m", document_id="D1"), content("v", derived_from="D1"), content("w", derived_from="D9")]
    links = {"v": ("near-certain", "resized"), "w": ("near-certain", "resized")}
    found = decide(archive(rows, kinds, **links), policy)
    assert [found[f"s3://x/{n}"]["role"] for n in "mvw"] == [None, "derivative", "variant"]


def forged(correlation: float, residual: float) -> dict:
    """40 pictures whose perceptual hashes all collide with the master's, though they show something else."""
    names = [f"forged{n}" for n in range(40)]
    rows = [obj("s3://x/m", "m"), *(obj(f"s3://x/{n}", n) for n in names)]
    tables = archive(
        rows, [content("m"), *map(content, names)], **dict.fromkeys(names, ("near-certain", "recompressed"))
    )
    links = []
    for name in names:
        first, second = sorted((content_id("m"), content_id(name)))
        links.append(
            {
                "content_a": first, "content_b": second, "tier": "near-certain", "kind": "recompressed",
                "rule": "rule-a", "in_cluster": True, "reason": "master", "d_phash64": 0, "d_phash256": 0,
                "d_dhash256": 0, "d_pdq256": 0,
                "correlation": correlation, "residual": residual, "aspect": 0.0,
            }
        )  # fmt: skip
    return tables | {"pairs": pairs(*links)}


@pytest.mark.parametrize("policy", ready_policies())
def test_forged_hash_collisions_are_never_planned_for_quarantine(policy):
    made = decide_tables(forged(0.2, 3.0), load_policy(policy))["decisions"].to_pylist()
    assert len(made) == 41
    assert {row["action"] for row in made} <= {"keep", "review", "blocked"}


def test_the_same_pairs_would_go_if_the_pictures_agreed():
    made = decide_tables(forged(0.999, 0.01), load_policy("training-set"))["decisions"].to_pylist()
    assert sum(row["action"] == "quarantine" for row in made) == 40


def said(**fields) -> dict:
    return {"catalogue": pa.Table.from_pylist([{"uri": uri, **f} for uri, f in fields["rows"].items()], schema=SIDECAR)}


CONFLICTS = {
    "licence": ({HK: {"licence": "CC0"}, GZ: {"licence": "all rights reserved"}}, ["licence"]),
    "catalogue number": ({HK: {"catalogue_no": "1"}, GZ: {"catalogue_no": "2"}}, ["catalogue_no"]),
    "creator": ({HK: {"creator": "Ho"}, GZ: {"creator": "Li"}}, ["creator"]),
    "capture time": ({HK: {"capture_time": "1950"}}, ["capture_time"]),
    "only one says anything": ({HK: {"licence": "CC0"}}, []),
    "one licence written in two ways": (
        {HK: {"licence": "CC BY 4.0"}, GZ: {"licence": "http://creativecommons.org/licenses/by/4.0/deed.de"}},
        [],
    ),
    "another jurisdiction": ({HK: {"licence": "CC BY 3.0"}, GZ: {"licence": "CC BY 3.0 HK"}}, ["licence"]),
    "case and blanks": ({HK: {"licence": "cc0 "}, GZ: {"licence": "CC0"}}, []),
}


@pytest.mark.parametrize(("rows", "expected"), CONFLICTS.values(), ids=CONFLICTS)
def test_conflicts_go_to_people_even_between_identical_bytes(rows, expected):
    row = next(r for r in decide(TWO | said(rows=rows)).values() if r["action"] != "keep")
    assert row["conflicts"] == expected
    assert row["action"] == ("review" if expected else "quarantine")


def test_the_catalogue_number_of_what_goes_is_on_its_row():
    row = next(r for r in decide(TWO | said(rows={HK: {"catalogue_no": "A-1"}, GZ: {"catalogue_no": "A-1"}})).values()
               if r["action"] == "quarantine")  # fmt: skip
    assert row["catalogue_no"] == "A-1"


def test_versions_under_one_number_are_linked_though_their_pictures_differ():
    years = {n: dt.datetime(n, 1, 1, tzinfo=dt.UTC) for n in (1999, 2005, 2020)}
    rows = [obj(f"s3://x/{n}", str(n), last_modified=at) for n, at in years.items()]
    tables = {
        "objects": objects(*rows), "contents": contents(*(content(str(n), catalogue_no="A 7") for n in years)),
        "failures": failures(), "clusters": clusters(), "pairs": pairs(),
    }  # fmt: skip
    made = decide_tables(tables, resolve_policy("version: 1", "p"))["lineage"].to_pylist()
    assert [(r["uri"][7:], r["relation"], r["to_uri"][7:], r["age"], r["evidence"]) for r in made] == [
        ("2005", "version-of", "1999", "newer", ["catalogue"]), ("2020", "version-of", "2005", "newer", ["catalogue"]),
    ]  # fmt: skip


def test_lineage_tells_renumbered_copies_and_versions():
    rows = [obj("s3://x/m", "m"), obj("s3://x/m2", "m"), obj("s3://x/v", "v")]
    tables = archive(rows, [content("m", width=99), content("v")], v=("near-certain", "resized"))
    numbers = {"s3://x/m": {"catalogue_no": "1"}, "s3://x/m2": {"catalogue_no": "2"}, "s3://x/v": {"catalogue_no": "1"}}
    made = decide_tables(tables | said(rows=numbers), resolve_policy("version: 1", "p"))["lineage"].to_pylist()
    assert {(row["uri"][7:], row["relation"], row["to_uri"][7:]) for row in made} == {
        ("m2", "copy-of", "m"), ("m2", "renumbered", "m"), ("v", "version-of", "m"),
    }  # fmt: skip
