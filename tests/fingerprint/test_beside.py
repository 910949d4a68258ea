"""XMP sidecars: which picture they speak of, what they state, and that an unchanged one isn't read again."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mirrorfold.schemas.belongings import UNREAD, describes
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks.parquet import has_values, write_shard
from mirrorfold.transforms.fingerprint.assign import fill_content_ids
from mirrorfold.transforms.fingerprint.beside import facts
from mirrorfold.transforms.fingerprint.shard import ASSIGNMENTS
from mirrorfold.transforms.fingerprint.xmp import MAX_BYTES
from mirrorfold.transforms.merge.withhold import withhold_words
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.output import LocalOutput
from tests.fingerprint.test_provenance import PACKET
from tests.fingerprint.test_rights import EXPECTED, STATED, alt, xmp
from tests.fingerprint.worlds import MemoryStores, listing

NAMES = {
    ("s3://b/x/photo.xmp", "s3://b/x/photo.jpg"): True,
    ("s3://b/x/photo.xmp", "s3://b/x/photo.cr2"): True,
    ("s3://b/x/photo.jpg.xmp", "s3://b/x/photo.jpg"): True,
    ("s3://b/x/PHOTO.JPG.XMP", "s3://b/x/photo.jpg"): True,
    ("s3://b/x/Photo.XMP", "s3://b/x/photo.JPG"): True,
    ("s3://b/x/photo.jpg.xmp", "s3://b/x/photo.cr2"): False,
    ("s3://b/x/photo.xmp", "s3://b/x/photo2.jpg"): False,
    ("s3://b/x/photo.xmp", "s3://b/x/photo.mov"): False,
    ("s3://b/x/photo.aae", "s3://b/x/photo.jpg"): False,
}


@pytest.mark.parametrize(("sidecar", "picture"), NAMES, ids=[" ".join(pair) for pair in NAMES])
def test_which_picture_a_sidecar_describes(sidecar, picture):
    assert describes(sidecar, picture) == NAMES[sidecar, picture]


PACKETS = {
    "a packet": (STATED, EXPECTED),
    "of UTF-16": (STATED.decode().encode("utf-16"), EXPECTED),
    "with a byte order mark": (b"\xef\xbb\xbf" + STATED, EXPECTED),
    "keywords": (xmp("<dc:subject><rdf:Bag><rdf:li>a</rdf:li><rdf:li>b</rdf:li></rdf:Bag></dc:subject>"),
                 {"keywords": "a; b"}),
    "that states nothing": (xmp(""), {}),
    "of no bytes": (b"", {}),
    "cut": (STATED[:300], {UNREAD: "corrupt"}),
    "with entities": (b'<!DOCTYPE a [<!ENTITY b "boom">]><a>&b;</a>', {UNREAD: "corrupt"}),
}  # fmt: skip


@pytest.mark.parametrize(("packet", "stated"), PACKETS.values(), ids=PACKETS)
def test_what_a_sidecar_states(packet, stated):
    assert facts.facts_of(packet) == stated


A, B = xmp(alt("dc:rights", "(c) A")), xmp(alt("dc:rights", "(c) B") + alt("dc:description", "Boats"))
FILES = {
    "mem://x/one.jpg": b"same", "mem://x/one.xmp": A, "mem://x/one.jpg.xmp": B,
    "mem://x/two.jpg": b"same", "mem://x/two.xmp": A,
    "mem://x/alone.xmp": A, "mem://x/three.jpg": b"more", "mem://x/three.xmp": StoreError("denied", "no"),
    "mem://x/four.jpg": b"bare",
}  # fmt: skip


def world() -> tuple[pa.Table, MemoryStores]:
    beside = {"mem://x/one.jpg": ["mem://x/one.jpg.xmp", "mem://x/one.xmp"], "mem://x/two.jpg": ["mem://x/two.xmp"],
              "mem://x/three.jpg": ["mem://x/three.xmp"]}  # fmt: skip
    companions = beside | {name: [picture] for picture, names in beside.items() for name in names}
    return listing(FILES, beside=beside, companions=companions), MemoryStores(FILES)


def filled(objects: pa.Table, stores: MemoryStores, earlier: pa.Table | None = None) -> dict[str, dict | None]:
    """Take what was listed through the pure functions, as the wiring does."""
    blocks = {"sidecars": facts.sidecars_of(objects)} | ({"earlier": facts.earlier_of(earlier)} if earlier else {})
    read = [facts.read_sidecars(rows, stores, 2) for rows in facts.attach_earlier(0, blocks)]
    said = list(facts.spread_facts(0, {"facts": pa.concat_tables(read), "pictures": facts.pictures_of(objects)}))
    assignments = ASSIGNMENTS.empty_table()
    (made,) = fill_content_ids(0, {"objects": objects, "assignments": assignments, "stated": pa.concat_tables(said)})
    assert made.schema == OBJECTS.schema
    return {row["uri"]: row["stated"] and dict(row["stated"]) for row in made.to_pylist()} | {"": made}


def test_what_is_read_of_sidecars_is_told_before_and_after():
    objects, stores = world()
    named = {"mem://x/one.xmp", "mem://x/one.jpg.xmp", "mem://x/two.xmp"}
    assert set(facts.would_read(objects).column("uri").to_pylist()) == named | {"mem://x/three.xmp"}
    made = filled(objects, stores)[""]
    assert set(made.filter(facts.was_read(made)).column("uri").to_pylist()) == named


def test_each_picture_states_what_its_sidecars_do():
    stated = filled(*world())
    assert stated["mem://x/one.jpg"] == {"rights": "(c) A | (c) B", "caption": "Boats"}
    assert stated["mem://x/two.jpg"] == stated["mem://x/two.xmp"] == {"rights": "(c) A"}
    assert stated["mem://x/three.jpg"] == {UNREAD: "denied"}
    assert stated["mem://x/four.jpg"] is stated["mem://x/alone.xmp"] is None


def test_an_unchanged_sidecar_is_not_read_again():
    objects, stores = world()
    first = filled(objects, stores)
    read = dict(stores.reads)
    assert set(read.values()) == {1}
    again = filled(objects, stores, first[""])
    assert again == first
    assert {uri for uri, count in stores.reads.items() if count > read[uri]} == {"mem://x/three.xmp"}, "tried again"
    etags = pa.array(["other" if uri == "mem://x/two.xmp" else "e" for uri in objects.column("uri").to_pylist()])
    changed = objects.set_column(objects.schema.get_field_index("etag"), OBJECTS.schema.field("etag"), etags)
    filled(changed, stores, first[""])
    assert stores.reads["mem://x/two.xmp"] == 2


LEFT = [({"size": MAX_BYTES + 1}, "too-large"), ({"archived": True}, "archived"), ({"passing": "link-out"}, "link")]


@pytest.mark.parametrize(("fields", "code"), LEFT, ids=[code for _, code in LEFT])
def test_a_sidecar_that_is_not_fetched_is_said_so(fields, code):
    row = {"library": "x", "store": "s3", "bucket": "x", "key": "a.xmp", "version": "", "etag": "e", "size": 9,
           "archived": False, "passing": None} | fields  # fmt: skip
    stores = MemoryStores({"mem://x/a.xmp": PACKET})
    assert facts.read_sidecar(row, stores) == {UNREAD: code}
    assert not stores.reads


def test_a_partner_who_gets_hashes_alone_learns_that_something_is_stated_and_not_what():
    objects = filled(*world())[""]
    told = {row["uri"]: row["stated"] for row in withhold_words(objects).to_pylist()}
    assert told["mem://x/one.jpg"] == told["mem://x/one.xmp"] == [(UNREAD, "withheld")]
    assert told["mem://x/four.jpg"] is None


def test_a_run_without_sidecars_is_known_by_its_footers(tmp_path):
    objects, _ = world()
    bare = objects.set_column(objects.schema.get_field_index("beside"), OBJECTS.schema.field("beside"),
                              pa.nulls(objects.num_rows, OBJECTS.schema.field("beside").type))  # fmt: skip
    for name, rows, expected in (("bare", bare, False), ("some", objects, True), ("none", objects.slice(0, 0), False)):
        output = LocalOutput(str(tmp_path / name))
        write_shard(output, OBJECTS, rows, 0, 1)
        assert has_values(output, OBJECTS, "beside") == expected
