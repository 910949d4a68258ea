"""A template's launcher never waits: launched again and again, it carries the mission through, a step at a time."""

from __future__ import annotations

import subprocess

import pytest

from mirrorfold.pipelines.mission import MISSION
from tests.engines.test_mission import MIRRORFOLD, digests, run
from tests.mission.archive import libraries
from tests.mission.stores import fill_folder

PIPELINES = sum(len(step.builds) for step in MISSION)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> str:
    return f"hk={fill_folder(tmp_path_factory.mktemp('sources') / 'hk', libraries()['hk'])}"


@pytest.mark.slow
def test_launched_until_done(source, tmp_path):
    expected = run([source], tmp_path / "waited")
    output, said = tmp_path / "launched", []
    # The local runner takes the place of Dataflow: it does the job when the template is written.
    command = [MIRRORFOLD, "run", source, "--output", str(output), f"--template_location={tmp_path / 'template'}"]
    while not (output / "_SUCCESS").exists() and len(said) < 2 * PIPELINES:
        launched = subprocess.run(command, capture_output=True, text=True)
        assert launched.returncode == 0, launched.stderr[-2000:]
        said.append([line for line in launched.stderr.splitlines() if "was submitted" in line])
    assert [len(lines) for lines in said] == [1] * PIPELINES + [0]
    assert digests(output) == expected


def test_a_job_at_work_is_left_alone(source, tmp_path):
    """Launched while its job is still at work, it touches nothing."""
    output = tmp_path / "out"
    command = [MIRRORFOLD, "run", source, "--output", str(output), f"--template_location={tmp_path / 'template'}"]
    subprocess.run(command, check=True, capture_output=True)
    (receipt,) = (output / "_work" / "jobs").glob("*/*.done")
    receipt.unlink()
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0
    assert "was submitted before and isn't done" in again.stderr
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before
