"""What a short run doesn't need isn't imported: start-up is most of its CPU."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from mirrorfold.pipelines.commands import beam_command
from mirrorfold.pipelines.commands import cli
beam_command.BeamCommand("run").make_context("run", [])
print(*(name for name in {names!r} if name in sys.modules))
"""


@pytest.mark.parametrize("name", ["numba", "pymongo", "google.cloud.pubsub"])
def test_the_command_line_starts_without(name):
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(names=[name])], capture_output=True, text=True)
    assert done.stdout.split() == []
    assert done.returncode == 0
