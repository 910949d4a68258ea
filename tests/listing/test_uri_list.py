"""Lists of URIs as sources: looked up, they give what listing the buckets and folders would have given."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirrorfold.transforms.listing.live import list_live
from mirrorfold.transforms.listing.uri_list import list_named, read_list
from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from tests.worlds import folder_world, s3_world, stub_world

pytestmark = pytest.mark.usefixtures("no_ambient_credentials")


def write(path: Path, uris: list[str]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"uri": uris}), path)
    elif path.suffix == ".csv":
        path.write_text("\n".join(["uri", *('"' + uri.replace('"', '""') + '"' for uri in uris)]) + "\n")
    else:
        path.write_text("\n".join(uris) + "\r\n\n")
    return path


def rows_of(path: Path) -> list[dict]:
    spec = SourceSpec("lib", "listing", "", "", manifest=str(path))
    blocks = [block for names in read_list(spec) for block in list_named(spec, 0, names)]
    return sorted((row for block in blocks for row in block.to_pylist()), key=lambda row: row["uri"])


def live_rows(spec: SourceSpec) -> list[dict]:
    return sorted((row for block in list_live(spec, 0) for row in block.to_pylist()), key=lambda row: row["uri"])


@pytest.mark.parametrize("name", ["list.txt", "list.csv", "list.parquet"])
def test_three_stores_in_one_list(tmp_path: Path, monkeypatch, moto, stub, name: str):
    keys = ["a//b", "照片.jpg", 'q"uote', "plain"]
    (tmp_path / "folder").mkdir()
    with s3_world("moto", moto) as s3, stub_world(stub) as gcs, folder_world(tmp_path / "folder") as folder:
        for world in (s3, gcs, folder):
            for variable, value in world.environment.items():
                monkeypatch.setenv(variable, value)
            for key in keys:
                if world is not folder or "//" not in key:
                    world.put(key, key.encode())
        expected = [row for world in (folder, gcs, s3) for row in live_rows(world.spec)]
        uris = [row["uri"] for row in expected]
        found = rows_of(write(tmp_path / name, [*uris, *uris]))
        for row in (*expected, *found):
            row["checksum_algorithm"] = None  # HEAD doesn't name it
        assert found == expected


def test_what_isnt_there_stays_in_the_listing(tmp_path: Path, monkeypatch, moto):
    with s3_world("moto", moto) as s3:
        for variable, value in s3.environment.items():
            monkeypatch.setenv(variable, value)
        uris = [f"s3://{s3.spec.bucket}/gone", f"file://{tmp_path}/gone"]
        rows = rows_of(write(tmp_path / "list", uris))
    assert [(row["uri"], row["size"], row["extra"]) for row in rows] == [
        (uri, 0, [("look-up", "vanished")]) for uri in sorted(uris)
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("list", "s3://bucket/a\nhttp://x/y\n", "entry 2: 'http://x/y' isn't"),
        ("list", "relative/path\n", "entry 1"),
        ("list", "s3://bucket\n", "entry 1"),
        ("list", "\xff", "entry 1"),
        ("list.csv", "name\nx\n", "isn't a list of URIs"),
        ("list.parquet", "no parquet", "isn't a list of URIs"),
    ],
)
def test_a_line_that_is_no_uri_is_named(tmp_path: Path, name: str, text: str, message: str):
    (tmp_path / name).write_text(text)
    with pytest.raises(StoreError, match=message):
        rows_of(tmp_path / name)
