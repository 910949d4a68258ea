"""What every store promises the stages, held against every real one."""

from __future__ import annotations

import contextlib
import time
from inspect import signature

import pytest

from mirrorfold.transforms.listing.live import list_live
from mirrorfold.transforms.listing.ranges import KeyRange
from mirrorfold.transforms.stores.api import ObjectRef, StoreError
from mirrorfold.transforms.stores.output import open_output
from mirrorfold.transforms.stores.output_cloud import CloudOutput
from mirrorfold.transforms.stores.sources import open_stores
from tests.stores.conftest import NO_DIR, PROMISES, STORES, table
from tests.stores.personality import PERSONALITIES, personality_world
from tests.worlds import ODD_KEYS, World, azure_world, folder_world, gcs_world, s3_world, stub_world

pytestmark = pytest.mark.usefixtures("no_ambient_credentials")
KNOWING_LESS = [pytest.param(name, marks=() if name in ("oss", "bare") else pytest.mark.slow) for name in PERSONALITIES]
DATA = bytes(range(256)) * 40


WORLDS = ["moto", "versity", "fake-gcs", "gcs-stub", "azurite", "folder", *KNOWING_LESS]


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """Every kind of store in turn."""
    with contextlib.ExitStack() as stack:
        if request.param in ("moto", "versity"):
            made = stack.enter_context(s3_world(request.param, request.getfixturevalue(request.param)))
        elif request.param == "fake-gcs":
            made = stack.enter_context(gcs_world(request.getfixturevalue("fake_gcs")))
        elif request.param == "azurite":
            made = stack.enter_context(azure_world(request.getfixturevalue("azurite")))
        elif request.param in PERSONALITIES:
            request.getfixturevalue("versity")  # skips, or fails in CI, where the program is missing
            made = stack.enter_context(personality_world(PERSONALITIES[request.param]))
        elif request.param == "gcs-stub":
            made = stack.enter_context(stub_world(request.getfixturevalue("stub")))
        else:
            made = stack.enter_context(folder_world(request.getfixturevalue("tmp_path")))
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def listed(world: World) -> dict[str, dict]:
    """List a world and give its rows by key."""
    rows = [row for block in list_live(world.spec, 0, KeyRange()) for row in block.to_pylist()]
    assert len({(row["key"], row["version"]) for row in rows}) == len(rows)
    return {row["key"]: row for row in rows}


def ref_of(row: dict) -> ObjectRef:
    return ObjectRef(**{name: row[name] for name in ObjectRef._fields})


def code_of(call) -> str:
    with pytest.raises(StoreError) as caught:
        call()
    return caught.value.code


def test_an_object_is_listed_as_it_is_and_read_as_it_was_listed(world: World):
    put = world.put("photos/1.jpg", DATA)
    row = listed(world)["photos/1.jpg"]
    assert ref_of(row) == put
    assert (row["hold"], row["is_latest"], row["archived"], row["is_delete_marker"]) == ("no", True, False, False)
    assert open_stores((world.spec,)).read(ref_of(row)) == DATA


@pytest.mark.parametrize("key", ODD_KEYS.values(), ids=ODD_KEYS)
def test_odd_keys_survive_exactly(world: World, key: str):
    if key in {ODD_KEYS[name] for name in world.refused}:
        pytest.skip(f"{world.name} can't hold this key")
    put = world.put(key, DATA)
    rows = listed(world)
    assert list(rows) == [put.key]
    stores = open_stores((world.spec,))
    assert stores.read(ref_of(rows[put.key])) == DATA
    assert stores.read(put, 256, 260) == bytes([0, 1, 2, 3])
    assert stores.head(put).size == len(DATA)
    assert stores.hold(put).hold == "no"


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 10), (5, 5), (100, 101), (len(DATA) - 3, len(DATA)), (len(DATA) - 3, len(DATA) + 50), (len(DATA) + 1, None)],
)
def test_ranges_are_cut_at_the_objects_end(world: World, start: int, stop: int | None):
    assert open_stores((world.spec,)).read(world.put("a", DATA), start, stop) == DATA[start:stop]


def test_an_empty_object_is_read_as_no_bytes(world: World):
    assert open_stores((world.spec,)).read(world.put("empty", b"")) == b""


def test_what_is_gone_has_vanished(world: World):
    put = world.put("a", DATA)
    world.remove("a")
    stores = open_stores((world.spec,))
    assert code_of(lambda: stores.read(put)) == "vanished"
    assert code_of(lambda: stores.head(put)) == "vanished"


@pytest.mark.parametrize("key", ["a", "b\nb"])
def test_what_changed_has_vanished_even_at_the_same_size(world: World, key: str):
    if key != "a" and world.name == "moto":
        pytest.skip("moto can't hold this key")
    put = world.put(key, DATA)
    if world.name == "bare":
        time.sleep(1.1)  # without ETags a second is as fine as it states times
    world.put(key, DATA[::-1])
    stores = open_stores((world.spec,))
    if world.name == "gcs-stub":  # it keeps the older generation, and gives exactly that
        assert stores.read(put) == DATA
        return
    assert code_of(lambda: stores.read(put)) == "vanished"
    assert code_of(lambda: stores.read(put, 0, 4)) == "vanished"
    assert code_of(lambda: stores.head(put)) == "vanished"


def test_only_reads_reach_a_source(world: World):
    put = world.put("a", DATA)
    world.put("b//c" if world.name in ("moto", "fake-gcs") else "b", DATA)
    world.requests.clear()
    stores = open_stores((world.spec,))
    for row in listed(world).values():
        stores.read(ref_of(row))
        stores.read(ref_of(row), 1, 2)
        stores.head(ref_of(row))
        stores.hold(ref_of(row))
    stores.read(put)
    assert {method for method, _ in world.requests} <= {"GET", "HEAD"}
    assert world.requests or world.name == "folder"


def test_one_set_of_clients_serves_a_process(world: World):
    assert open_stores((world.spec,)) is open_stores((world.spec,))


def test_a_listing_goes_on_behind_the_key_where_it_ended(world: World):
    keys = [f"photos/{number}.jpg" for number in range(5)]
    for key in keys:
        world.put(key, DATA)
    blocks = list_live(world.spec, 0, KeyRange(after=keys[1]), limit=2)
    found = [key for block in blocks for key in block["key"].to_pylist()]
    # A store that can't begin behind a key is listed from its start, page by page.
    assert sorted(found) == (keys if world.spec.store in ("az", "file") else keys[2:])


def test_a_run_keeps_its_dir_there(world: World, monkeypatch):
    if world.name == "gcs-stub":
        pytest.skip("the stub takes no uploads of ours")
    if world.spec.endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", world.spec.endpoint)
    place = world.spec.bucket if world.spec.store == "file" else f"{world.spec.store}://{world.spec.bucket}"
    output = open_output(f"{place}/runs/one")
    if world.name in NO_DIR:
        with pytest.raises(StoreError, match="states no ETag, without which no DIR"):
            output.put("_SUCCESS", DATA)
        return
    for path in ("objects/part-0.parquet", "_SUCCESS"):
        output.put(path, DATA)
    # A killed run goes on from what is there: it is listed, sized, read whole and in parts.
    assert sorted(output.list()) == ["_SUCCESS", "objects/part-0.parquet"]
    assert (output.exists("_SUCCESS"), output.exists("none"), output.size("_SUCCESS")) == (True, False, len(DATA))
    with output.open_part("objects/part-0.parquet") as file:
        file.seek(256)
        assert (file.read(4), output.get("objects/part-0.parquet")) == (DATA[256:260], DATA)
    if isinstance(output, CloudOutput):
        first = output.put_if("_work/lock.json", b"one", None)
        assert first
        assert output.put_if("_work/lock.json", b"two", None) is None, "another run holds it"
        assert output.put_if("_work/lock.json", b"two", first)
    output.delete("_SUCCESS")
    assert not output.exists("_SUCCESS")


def test_the_table_of_stores_has_every_promise_and_store():
    """The suite's own promises and stores, none more and none left out."""
    functions = {
        name for name, found in globals().items() if name.startswith("test_") and "world" in signature(found).parameters
    }
    assert functions == PROMISES.keys()
    named = {str(getattr(one, "values", (one,))[0]) for one in WORLDS}
    assert named == STORES.keys()
    assert table().keys() == {(store, promise) for store in STORES.values() for promise in PROMISES.values()}
