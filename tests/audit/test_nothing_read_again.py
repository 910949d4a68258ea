"""An audit of an unchanged bucket reads no image again, pages included; one new object is one read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.mission.archive import libraries
from tests.mission.stores import environment, fill_s3, s3_client
from tests.mission.test_resume import gets, tables
from tests.servers import moto_server, recording_proxy

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
pytestmark = pytest.mark.timeout(900)


def decided(folder) -> pa.Table:
    return pq.read_table(folder / "decisions").drop_columns("counts_as_copy")


def test_gets_of_an_unchanged_bucket(tmp_path) -> None:
    with moto_server() as server, recording_proxy(server.url) as seen:
        fill_s3(server, "hk-archive", libraries()["hk"])
        env = environment(seen.url, None, server)

        def run(name: str, previous: str | None = None) -> list[str]:
            before = len(gets(seen))
            line = [MIRRORFOLD, "run", "hk=s3://hk-archive", "--output", str(tmp_path / name)]
            options = ["--previous", str(tmp_path / previous)] if previous else []
            subprocess.run([*line, *options], env=env, check=True, capture_output=True, timeout=250)
            return gets(seen)[before:]

        assert run("first")
        assert run("second", "first") == []
        first, second = tables(tmp_path / "first"), tables(tmp_path / "second")
        changed = {name for name in first if not name.startswith("changes/") and first[name] != second[name]}
        assert all(name.startswith("decisions/") for name in changed)
        # What the first plan names is no copy to rely on any more: nothing else differs.
        assert decided(tmp_path / "first").equals(decided(tmp_path / "second"))
        fill_more(server, {"photos/new.png": libraries()["gz"]["png/astronaut.png"]})
        read = {unquote(path.split("?")[0]).removeprefix("/hk-archive/") for path in run("third", "second")}
        assert "photos/new.png" in read
        shown = {key for key, data in libraries()["hk"].items() if data == libraries()["hk"]["photos/astronaut.jpg"]}
        assert len(read - {"photos/new.png"}) <= 1
        assert read - {"photos/new.png"} <= shown, "only the picture that the pages now show beside the new one"


def fill_more(server, files: dict[str, bytes]) -> None:
    """Put files into the bucket that is there."""
    for key, data in files.items():
        s3_client(server).put_object(Bucket="hk-archive", Key=key, Body=data)
