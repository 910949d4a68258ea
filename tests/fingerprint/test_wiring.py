"""The Beam form gives what the pure form gives; `objects` comes back with its content ids and nothing else changed."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines import fingerprint
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.engine import engine
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import ipc, parquet, progress
from mirrorfold.transforms.fingerprint import plan
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.shard import fingerprint_shard, join_results
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.files import file_etag
from mirrorfold.transforms.stores.output import open_output
from mirrorfold.transforms.stores.sources import open_stores
from tests.fingerprint.apart import Here
from tests.fingerprint.worlds import encode, listing, photo

OPTIONS = FingerprintOptions(threads=2)


def apart(data: bytes) -> Picture:
    """Decode as a worker does, with this process for its sandbox: a cut file is seen by a second decoder there."""
    return decode(data, OPTIONS, Here())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name in ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg"):
        image = photo(name, (300, 200))
        (folder / f"{name}.jpg").write_bytes(encode(image, "JPEG"))
        (folder / f"{name} copy.jpg").write_bytes(encode(image, "JPEG"))
        (folder / f"{name}.png").write_bytes(encode(image, "PNG"))
    (folder / "broken.jpg").write_bytes(encode(photo(size=(300, 200)), "JPEG")[:2000])
    (folder / "notes.txt").write_text("hello")
    (folder / "empty.jpg").write_bytes(b"")
    spec = SourceSpec("photos", "live", "file", str(folder))
    stats = {path: path.stat() for path in sorted(folder.iterdir())}
    objects = listing({f"mem://x/{path.name}": b"" for path in stats}).drop_columns(["bucket", "size", "etag", "store"])
    columns = {
        "bucket": [str(folder)] * len(stats),
        "size": [stat.st_size for stat in stats.values()],
        "etag": [file_etag(stat) for stat in stats.values()],
        "store": ["file"] * len(stats),
    }
    for name, values in columns.items():
        objects = objects.append_column(OBJECTS.schema.field(name), pa.array(values, OBJECTS.schema.field(name).type))
    return spec, objects.select(OBJECTS.schema.names).cast(OBJECTS.schema)


def run_pipeline(world, output: str) -> RunContext:
    spec, objects = world
    parquet.write_shard(open_output(output), OBJECTS, objects, 0, 1)
    context = RunContext(output, Settings(), None, (spec,), {"objects": objects.num_rows})
    again(context)
    return context


def again(context: RunContext) -> None:
    options = engine.pipeline_options((), work=engine.WorkEstimate(0))
    engine.run_pipeline(lambda root: fingerprint.build(root, context), options)


def read(context: RunContext, table) -> pa.Table:
    return parquet.read_table(context.store, table)


def test_pure_and_beam_form_agree(world, tmp_path):
    spec, objects = world
    context = run_pipeline(world, str(tmp_path))
    stores = open_stores((spec,))
    results = [
        fingerprint_shard(shard, stores, apart, OPTIONS)
        for shard in plan.cut_shards(plan.readable(objects, OPTIONS), OPTIONS, 5)
    ]
    pure = results[0]
    for result in results[1:]:
        pure = join_results(pure, result)
    assert read(context, CONTENTS) == pure.contents
    failures = pa.concat_tables([pure.failures, plan.skipped(objects, OPTIONS)])
    assert read(context, FAILURES) == ipc.sort_rows(failures, FAILURES.order)


def test_every_object_has_a_content_or_a_failure_and_nothing_else_changed(world, tmp_path):
    _, objects = world
    context = run_pipeline(world, str(tmp_path))
    after, failures = read(context, OBJECTS), read(context, FAILURES)
    unread = set(after.filter(pc.is_null(after.column("content_id"))).column("uri").to_pylist())
    assert unread == set(failures.column("uri").to_pylist())
    assert failures.num_rows == 3
    kept = [name for name in OBJECTS.schema.names if name not in ("content_id", "identity_evidence")]
    assert after.select(kept) == ipc.sort_rows(objects, OBJECTS.order).select(kept)
    known = set(after.column("content_id").drop_null().to_pylist())
    assert known == set(read(context, CONTENTS).column("content_id").to_pylist())
    assert len(known) == 8


def test_doing_it_again_changes_no_byte_and_reads_nothing(world, tmp_path):
    context = run_pipeline(world, str(tmp_path))
    names = [name for name in context.store.list() if name.endswith(".parquet")]
    before = {name: context.store.get(name) for name in names}
    counted = progress.snapshot()["fingerprint"]
    again(context)
    assert {name: context.store.get(name) for name in names} == before
    assert progress.snapshot()["fingerprint"].objects >= counted.objects
