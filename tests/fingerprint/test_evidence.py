"""What the listing proves isn't read twice; what it doesn't prove is read, and decoded once."""

from __future__ import annotations

import collections
import hashlib

import pyarrow as pa
import pytest

from mirrorfold.transforms.fingerprint import plan
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.shard import ShardResult, fingerprint_shard
from mirrorfold.transforms.stores.api import StoreError
from tests.fingerprint.worlds import Here, MemoryStores, encode, listing, photo

PICTURE = encode(photo(size=(300, 200)), "JPEG")
OTHER = encode(photo("coffee.png", (300, 200)), "JPEG")
SHA = hashlib.sha256(PICTURE).hexdigest()
MD5 = hashlib.md5(PICTURE).hexdigest()
URIS = [f"mem://b/{name}.jpg" for name in "abcd"]
OPTIONS = FingerprintOptions(threads=4)
COPIES = dict.fromkeys(URIS, PICTURE)


def run(contents, objects=None, options=OPTIONS, **columns) -> tuple[ShardResult, MemoryStores, int]:
    stores, decoded = MemoryStores(contents), collections.Counter()

    def decoder(data):
        decoded[data] += 1
        return decode(data, FingerprintOptions(), Here())

    objects = listing(contents, **columns) if objects is None else objects
    shards = list(plan.cut_shards(plan.readable(objects, options), options, 1000))
    assert len(shards) == 1
    return fingerprint_shard(shards[0], stores, decoder, options), stores, sum(decoded.values())


def evidence(result: ShardResult) -> dict[str, str]:
    rows = result.assignments.to_pylist()
    assert {row["content_id"] for row in rows} <= {SHA, hashlib.sha256(OTHER).hexdigest()}
    return {row["uri"]: row["identity_evidence"] for row in rows}


def every(value) -> dict:
    return dict.fromkeys(URIS, value)


def test_a_stated_sha256_is_proof():
    result, stores, decoded = run(COPIES, sha256=every(SHA))
    assert stores.reads.total() == decoded == 1
    assert collections.Counter(evidence(result).values()) == {"read": 1, "sha256": 3}


def test_an_md5_is_no_proof_but_copies_are_decoded_once():
    result, stores, decoded = run(COPIES, md5=every(MD5))
    assert stores.reads.total() == 4
    assert decoded == 1
    assert set(evidence(result).values()) == {"read"}


def test_an_accepted_md5_spares_the_reads_and_says_so():
    result, stores, _ = run(COPIES, options=FingerprintOptions(accept_md5=True), md5=every(MD5))
    assert stores.reads.total() == 1
    assert collections.Counter(evidence(result).values()) == {"read": 1, "md5": 3}


def test_an_md5_collision_gives_two_contents():
    # A true colliding pair of pictures would be large: the listing states one MD5 for different bytes of one size.
    padded = OTHER + bytes(max(0, len(PICTURE) - len(OTHER)))
    first = PICTURE + bytes(max(0, len(padded) - len(PICTURE)))
    contents = {URIS[0]: first, URIS[1]: padded}
    result, stores, decoded = run(contents, md5=dict.fromkeys(URIS[:2], MD5))
    assert stores.reads.total() == decoded == 2
    assert result.contents.num_rows == 2
    assert len(set(result.assignments.column("content_id").to_pylist())) == 2


def test_a_sha256_that_the_store_can_state_is_looked_up():
    result, stores, _ = run(COPIES, checksum_algorithm=every("SHA256/FULL_OBJECT"))
    assert stores.reads.total() == 1
    assert stores.heads.total() == 4
    assert collections.Counter(evidence(result).values()) == {"read": 1, "sha256": 3}


def test_a_lone_size_needs_no_look_up():
    contents = {URIS[0]: PICTURE, URIS[1]: OTHER + b"\0"}
    assert len(contents[URIS[0]]) != len(contents[URIS[1]])
    _, stores, _ = run(contents, checksum_algorithm=every("SHA256/FULL_OBJECT"))
    assert stores.heads.total() == 0


def test_composite_checksums_are_not_looked_up():
    _, stores, _ = run(COPIES, checksum_algorithm=every("SHA256/COMPOSITE"))
    assert stores.heads.total() == 0
    assert stores.reads.total() == 4


def test_hard_links_are_read_once():
    result, stores, _ = run(COPIES, physical_id=every("dev1:ino7"))
    assert stores.reads.total() == 1
    assert set(evidence(result).values()) == {"read"}
    assert len(evidence(result)) == 4


def test_where_one_copy_is_refused_the_next_is_read():
    contents = {**COPIES, URIS[0]: StoreError("denied", "no"), URIS[1]: StoreError("vanished", "gone")}
    result, stores, _ = run(contents, size=every(len(PICTURE)), sha256=every(SHA))
    assert stores.reads.total() == 3
    assert evidence(result) == {URIS[2]: "read", URIS[3]: "sha256"}
    failures = {(row["uri"], row["stage"], row["error"]) for row in result.failures.to_pylist()}
    assert failures == {(URIS[0], "fetch", "denied"), (URIS[1], "fetch", "vanished")}


def test_a_copy_in_an_archive_tier_is_skipped():
    contents = {**COPIES, URIS[0]: StoreError("archived", "in an archive tier: restore it first")}
    result, _, _ = run(contents, size=every(len(PICTURE)), sha256=every(SHA))
    assert [(row["stage"], row["error"]) for row in result.failures.to_pylist()] == [("skipped", "archived")]


def test_a_false_sha256_proves_nothing():
    result, stores, _ = run({URIS[0]: PICTURE, URIS[1]: PICTURE}, sha256=dict.fromkeys(URIS, "0" * 64))
    assert stores.reads.total() == 2
    assert set(evidence(result).values()) == {"read"}


@pytest.mark.parametrize("proof", ["sha256", "md5"])
def test_copies_of_a_broken_file_all_fail(proof):
    broken = PICTURE[: len(PICTURE) // 2]
    stated = hashlib.new(proof, broken).hexdigest()
    result, _, _ = run(dict.fromkeys(URIS, broken), **{proof: every(stated)})
    assert result.contents.num_rows == result.assignments.num_rows == 0
    assert [(row["stage"], row["error"]) for row in result.failures.to_pylist()] == [("decode", "truncated")] * 4


def test_a_bucket_that_refuses_everything_is_not_hammered():
    contents = {f"mem://b/{n}.jpg": StoreError("denied", "no") for n in range(400)}
    objects = listing(contents)
    result, stores, _ = run(contents, objects)
    assert 50 <= stores.reads.total() <= 60
    assert result.failures.num_rows == 400
    assert isinstance(result.failures, pa.Table)
