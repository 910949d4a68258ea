"""A run that was killed goes on from its committed shards; what failed at the store is tried again."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mirrorfold.transforms.fingerprint import commit, plan
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.shard import fingerprint_shard
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.output import LocalOutput
from tests.fingerprint.worlds import MemoryStores, encode, inline, listing, photo

OPTIONS = FingerprintOptions(threads=2)
CONTENTS = {f"mem://b/{n}.jpg": encode(photo(size=(80 + n, 60)), "JPEG") for n in range(12)}


def shards(per_shard: int = 4) -> list[pa.Table]:
    return list(plan.cut_shards(plan.readable(listing(CONTENTS), OPTIONS), OPTIONS, per_shard))


def perform(shard, output, stores):
    return commit.perform(shard, output, OPTIONS, lambda rows: fingerprint_shard(rows, stores, inline, OPTIONS))


def test_finished_shards_are_not_read_again(tmp_path):
    output, stores = LocalOutput(str(tmp_path)), MemoryStores(CONTENTS)

    class Killed(RuntimeError):
        """The process ends here."""

    def kill_in_the_second_shard(uri):
        if stores.reads.total() >= 5:
            raise Killed

    stores.before_read = kill_in_the_second_shard
    perform(shards()[0], output, stores)
    with pytest.raises(Killed):
        perform(shards()[1], output, stores)
    assert len(output.list(commit.FOLDER)) == 1
    stores.before_read, already = lambda uri: None, set(stores.reads)
    resumed = [perform(shard, output, stores) for shard in shards()]
    first = set(shards()[0].column("uri").to_pylist())
    assert first <= already
    assert all(stores.reads[uri] == 1 for uri in first)
    straight = [perform(s, LocalOutput(str(tmp_path / "other")), MemoryStores(CONTENTS)) for s in shards()]
    assert resumed == straight


def test_a_commit_is_found_again_only_for_the_same_plan_and_budgets():
    first, second, _ = shards()
    paths = {
        commit.commit_path(first, OPTIONS),
        commit.commit_path(second, OPTIONS),
        commit.commit_path(first, FingerprintOptions(threads=2, max_pixels=5)),
    }
    assert len(paths) == 3
    assert commit.commit_path(first, FingerprintOptions(threads=9)) == commit.commit_path(first, OPTIONS)


def test_store_failures_are_tried_again_and_others_are_not(tmp_path):
    output, uris = LocalOutput(str(tmp_path)), list(CONTENTS)
    broken = {**CONTENTS, uris[0]: StoreError("throttled", "slow down"), uris[1]: StoreError("encrypted", "SSE-C")}
    (shard,) = shards(100)
    first = perform(shard, output, MemoryStores(broken))
    assert sorted(first.failures.column("error").to_pylist()) == ["encrypted", "throttled"]
    mended = MemoryStores(CONTENTS)
    second = perform(shard, output, mended)
    assert set(mended.reads) == {uris[0]}
    assert second.failures.column("error").to_pylist() == ["encrypted"]
    assert second.assignments.num_rows == len(CONTENTS) - 1
    third = MemoryStores(CONTENTS)
    assert perform(shard, output, third) == second
    assert not third.reads


def test_a_result_survives_its_file():
    (shard,) = shards(100)
    result = fingerprint_shard(shard, MemoryStores(CONTENTS), inline, OPTIONS)
    assert commit.unpack(commit.pack(result)) == result
