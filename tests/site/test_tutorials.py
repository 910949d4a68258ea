"""Each tutorial is followed as it stands, in a clean folder: its blocks are one script, and it ends well."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_is_true(page: Path, tmp_path: Path) -> None:
    script = "set -euo pipefail\n" + "".join(blocks(page)).replace("5005", str(free_port()))
    programs = str(Path(sys.executable).parent)
    # -P: the folder that it runs in holds no module of ours; the clone does.
    surroundings = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.Popen(
        ["bash", "-c", script], cwd=tmp_path, env=surroundings, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = done.communicate(timeout=500) if "&\n" not in script else _until_the_script_ends(done)
    assert done.returncode == 0, said[-3000:]


def _until_the_script_ends(done: subprocess.Popen) -> tuple[str, None]:
    """Wait for the shell alone: a server that it started holds the pipe open, and is ended with its group."""
    done.wait(500)
    os.killpg(done.pid, signal.SIGTERM)
    return done.communicate(timeout=30)[0], None
