"""docs/after-the-move.md from scan to seal: its commands, as they stand there, with faults injected in between."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import duckdb
import numpy as np
import pytest
from PIL import Image

from tests import servers
from tests.mission.stores import environment, fill_s3, s3_client
from tests.servers import moto_server
from tests.test_guides import Shell, few, shown

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def tools() -> None:
    """Skip where a tool is missing; on CI that is a failure."""
    for name in ("rclone", "s5cmd"):
        try:
            servers.find_program(name)
        except servers.MissingServer as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))


def noise(seed: int) -> bytes:
    picture = np.random.default_rng(seed).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    Image.fromarray(picture).save(data := io.BytesIO(), "JPEG", quality=90)
    return data.getvalue()


class Walk:
    """The archive and its stores: six pictures in a bucket, four of them twice, and three prints in a folder."""

    def __init__(self, folder: Path, server: servers.Server):
        self.folder, self.s3 = folder, s3_client(server)
        pictures = few("hk")
        fill_s3(server, "hk-archive", pictures | {f"mirror/{k}": v for k, v in list(pictures.items())[:4]})
        for bucket in ("hk-quarantine", "new-archive"):
            self.s3.create_bucket(Bucket=bucket)
        (folder / "prints").mkdir()
        for number in range(3):
            (folder / "prints" / f"print {number}.jpg").write_bytes(noise(number))
        rclone = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ENV_AUTH": "true",
            "ENDPOINT": server.url,
            "NO_CHECK_BUCKET": "true",
        }
        env = environment(server.url, None, server) | {
            f"RCLONE_CONFIG_S3_{name}": value for name, value in rclone.items()
        }
        self.do = Shell(folder, env | {"RCLONE_CONFIG": "/dev/null", "S3_ENDPOINT_URL": server.url})
        starts = ("mirrorfold ", "s5cmd ", "rclone ", "openssl ", "python3 ")
        commands = shown("after-the-move.md", *starts)
        self.commands = commands[: commands.index("python3 out/seal/check.py") + 1]

    def next(self, start: str, code: int = 0) -> str:
        """Do the page's next command, which begins so."""
        self.last = self.commands.pop(0)
        assert self.last.startswith(start), self.last
        return self.do(self.last, code)

    def states(self) -> dict[str, int]:
        table = f"'{self.folder}/out/reconciliation/*.parquet'"
        return dict(duckdb.sql(f"SELECT state, count(*) FROM {table} GROUP BY 1").fetchall())

    def archive(self) -> dict[str, bytes]:
        """Read what the bucket holds."""
        keys = [found["Key"] for found in self.s3.list_objects_v2(Bucket="hk-archive")["Contents"]]
        return {key: self.s3.get_object(Bucket="hk-archive", Key=key)["Body"].read() for key in keys}

    def delete_originals(self, wave: str) -> None:
        """Delete what a wave set aside, each under its precondition."""
        lists = self.folder / "out" / "exports" / "quarantine-s5cmd" / wave
        for row in csv.DictReader(io.StringIO((lists / "s3-hk-archive.preconditions.csv").read_text())):
            key = row["uri"].removeprefix("s3://hk-archive/")
            head = self.s3.head_object(Bucket="hk-archive", Key=key)
            assert head["ETag"].strip('"') == row["etag"]
            self.s3.delete_object(Bucket="hk-archive", Key=key)


def test_one_archive_from_scan_to_seal(tmp_path: Path) -> None:
    tools()
    with moto_server() as server:
        walk = Walk(tmp_path, server)
        for _ in range(3):
            walk.next("mirrorfold ")
        assert (
            len((tmp_path / "out/exports/fixity-sha256sum/hk/hk-archive/carried.sha256").read_text().splitlines()) == 6
        )
        set_aside(walk)
        carry_over(walk)
        walk.next("openssl genpkey")
        walk.next("mirrorfold seal")
        walk.next("python3 out/seal/check.py")
        assert walk.commands == []
        walk.do("mirrorfold verify out/")
        (tmp_path / "out" / "realised.csv").write_text("somebody wrote here")
        walk.do("python3 out/seal/check.py", code=1)


def set_aside(walk: Walk) -> None:
    """Two waves; the first one's copy is spoilt, which holds the second up until it is copied again."""
    walk.next("mirrorfold export out/ --what quarantine")
    walk.next("s5cmd run")
    copy_again = walk.last
    (key,) = [found["Key"] for found in walk.s3.list_objects_v2(Bucket="hk-quarantine")["Contents"]]
    walk.s3.put_object(Bucket="hk-quarantine", Key=key, Body=b"cut off")
    walk.next("mirrorfold reconcile")
    again, export = walk.last, walk.commands[0]
    walk.do(export, code=3)
    walk.do(copy_again)
    walk.do(again)
    walk.delete_originals("wave-0001")
    walk.do(again)
    assert walk.states() == {"in-place": 9, "quarantined": 1, "waiting": 3}
    walk.next("mirrorfold export out/ --what quarantine")
    walk.next("s5cmd run")
    walk.do(again)
    assert walk.states() == {"in-place": 9, "quarantined": 4}
    before = walk.archive()
    walk.delete_originals("wave-0002")
    assert len(before) - len(walk.archive()) == 3
    walk.next("s5cmd run out/exports/quarantine-s5cmd/wave-0002/restore")
    assert walk.archive() == before


def carry_over(walk: Walk) -> None:
    """rclone carries the rest; then one is lost, one other, one recompressed, and one is there that nobody knows."""
    walk.next("mirrorfold export out/ --what migrate")
    copies = []
    for _ in range(2):
        walk.next("rclone copy")
        copies.append(walk.last)
    keys = sorted(found["Key"] for found in walk.s3.list_objects_v2(Bucket="new-archive")["Contents"])
    assert len(keys) == 9
    prints = [key for key in keys if key.startswith("print ")]
    Image.open(walk.folder / "prints" / prints[2]).save(small := io.BytesIO(), "JPEG", quality=70)
    walk.s3.delete_object(Bucket="new-archive", Key=prints[0])
    walk.s3.put_object(Bucket="new-archive", Key=prints[1], Body=noise(99))
    walk.s3.put_object(Bucket="new-archive", Key=prints[2], Body=small.getvalue())
    walk.s3.put_object(Bucket="new-archive", Key="stranger.jpg", Body=noise(98))
    walk.do("mirrorfold reconcile out/ s3://new-archive", code=5)
    expected = {"arrived": 6, "missing": 1, "changed": 1, "arrived-otherwise": 1, "unexpected": 1, "left-behind": 4}
    assert walk.states() == expected
    walk.s3.delete_object(Bucket="new-archive", Key="stranger.jpg")
    for line in copies:
        walk.do(line)
    walk.next("mirrorfold reconcile out/ s3://new-archive")
    assert walk.states() == {"arrived": 9, "quarantined": 4}
    told = json.loads((walk.folder / "out" / "reconciliation.json").read_text())
    assert told["nowhere"] == 0
    assert "The saving as it came true" in (walk.folder / "out" / "after-the-move.html").read_text()
