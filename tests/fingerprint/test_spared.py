"""What a real S3 server's listing proves to be a copy is not fetched, and the run says how many bytes that spared."""

from __future__ import annotations

import collections

import pyarrow as pa
import pytest

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines import fingerprint
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.engine import engine
from mirrorfold.pipelines.record import metrics
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import ipc, parquet
from mirrorfold.transforms.listing.live import list_live
from mirrorfold.transforms.listing.ranges import KeyRange
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import open_output
from tests.fingerprint.worlds import encode, photo
from tests.servers import recording_proxy
from tests.worlds import new_bucket, owner

PICTURES = {name: encode(photo(name, (320, 240)), "JPEG") for name in ("astronaut.png", "coffee.png")}
COPIES = 4


@pytest.mark.parametrize("checksum", ["SHA256", "CRC32"])
def test_copies_that_the_store_states_cost_no_get(no_ambient_credentials, versity, monkeypatch, tmp_path, checksum):
    client, bucket = owner(versity), new_bucket()
    client.create_bucket(Bucket=bucket)
    for number in range(COPIES):
        for name, data in PICTURES.items():
            client.put_object(Bucket=bucket, Key=f"{number}-{name}.jpg", Body=data, ChecksumAlgorithm=checksum)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", versity.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", versity.secret_key)
    with recording_proxy(versity.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        spec = SourceSpec("lib", "live", "s3", bucket)
        objects = pa.concat_tables(list_live(spec, 0, KeyRange())).select(OBJECTS.schema.names)
        output = open_output(str(tmp_path))
        parquet.write_shard(output, OBJECTS, ipc.sort_rows(objects, OBJECTS.order), 0, 1)
        context = RunContext(str(tmp_path), Settings(), None, (spec,), {"objects": objects.num_rows})
        engine.run_pipeline(
            lambda root: fingerprint.build(root, context), engine.pipeline_options((), work=engine.WorkEstimate(0))
        )
        fetched = collections.Counter(path.split("?")[0] for method, path in proxy.requests if method == "GET")
    gets = sum(count for path, count in fetched.items() if path.endswith(".jpg"))
    found = metrics.measure(output)
    once = sum(map(len, PICTURES.values()))
    assert found["contents"] == len(PICTURES)
    assert found["bytes_listed"] == COPIES * once
    if checksum == "SHA256":
        assert gets == len(PICTURES)
        assert (found["bytes_read"], found["bytes_spared"]) == (once, (COPIES - 1) * once)
    else:
        assert gets == COPIES * len(PICTURES)
        assert (found["bytes_read"], found["bytes_spared"]) == (COPIES * once, 0)
