"""A disk rots under a store that notices nothing: commands over a real server tell, and no list relies on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.stores.output import LocalOutput
from tests.fingerprint.worlds import encode
from tests.servers import versity_server
from tests.worlds import new_bucket, owner

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
POLICY = "version: 1\nkeep_order: [oldest]\n"


def rot(file: Path, place: int) -> None:
    """Flip a byte on the store's disk: size, time and the ETag that the store keeps stay as they are."""
    found = os.stat(file)
    with file.open("r+b") as disk:
        disk.seek(place, os.SEEK_END if place < 0 else os.SEEK_SET)
        old = disk.read(1)
        disk.seek(-1, os.SEEK_CUR)
        disk.write(bytes([old[0] ^ 0x55]))
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))


def decided(output: Path) -> dict[str, dict]:
    rows = read_table(LocalOutput(str(output)), TABLES["decisions"]).to_pylist()
    return {row["uri"].rpartition("/")[2]: row for row in rows}


@pytest.mark.parametrize("place", [0, -400], ids=["no picture any more", "another picture"])
def test_what_rotted_is_found_before_a_list_and_told_by_the_next_audit(tmp_path, place):
    noise = Image.fromarray(np.random.default_rng(7).integers(0, 255, (96, 128, 3), dtype=np.uint8))
    (tmp_path / "policy.yaml").write_text(POLICY)
    with versity_server() as server:
        bucket, client = new_bucket(), owner(server)
        client.create_bucket(Bucket=bucket)
        for name in ("a.jpg", "b.jpg"):
            client.put_object(Bucket=bucket, Key=name, Body=encode(noise, "JPEG"))
        env = os.environ | {
            "AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "AWS_ENDPOINT_URL_S3": server.url,
        }  # fmt: skip

        def command(*line: str, code: int = 0) -> str:
            done = subprocess.run(
                [MIRRORFOLD, *line], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
            )
            assert done.returncode == code, done.stderr[-2000:]
            return done.stdout + done.stderr

        run = ("run", f"hk=s3://{bucket}", "--policy", "policy.yaml", "--output")
        command(*run, "one")
        (gone,) = [row for row in decided(tmp_path / "one").values() if row["action"] == "quarantine"]
        kept = gone["kept_uri"].rpartition("/")[2]
        rot(server.disk / bucket / kept, place)
        assert client.head_object(Bucket=bucket, Key=kept)["ETag"] == f'"{gone["kept_etag"]}"'
        assert "every row was refused" in command("export", "one", "--what", "quarantine", "--to", "csv", code=3)
        # The next audit reads again what the export found, without being asked for a share.
        command(*run, "two", "--previous", "one")
        rows = decided(tmp_path / "two")
        assert (rows[kept]["action"], rows[kept]["rule"]) == ("blocked", "rotted")
        last = rows[gone["uri"].rpartition("/")[2]]
        assert (last["action"], last["rule"]) == ("blocked", "kept-copy-rotted")
        assert "every promise is kept" in command("verify", "two")
