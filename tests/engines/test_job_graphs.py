"""The jobs that each option file makes, checked as far as they can be without the engine."""

from __future__ import annotations

import base64
import bz2
import json
import zlib
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, PortableOptions, SetupOptions
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.portable_runner import PortableRunner

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.engine import engine, option_files
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.mission import MISSION
from mirrorfold.pipelines.record.request import saved_request
from tests.engines.test_mission import run
from tests.mission.archive import libraries
from tests.mission.stores import fill_folder

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "europe-west4-docker.pkg.dev/mirror-project/mirrorfold/worker:0.1.0"
YOURS = {
    "dataflow": [
        "--project=mirror-project",
        "--region=europe-west4",
        "--temp_location=gs://mirror/tmp",
        "--staging_location=gs://mirror/staging",
        f"--sdk_container_image={IMAGE}",
    ]
}
BUILDS = [(step, build) for step in MISSION for build in step.builds]
COMMANDS = {
    "flink-cluster": "mirrorfold-worker",
    "spark-emr": "/opt/mirrorfold/bin/mirrorfold-worker",
    "spark-dataproc": "/opt/mirrorfold/bin/mirrorfold-worker",
}


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> RunContext:
    """A finished run, whose steps can all be composed again."""
    folder = tmp_path_factory.mktemp("run")
    few = dict(list(libraries()["hk"].items())[:3])
    run([f"hk={fill_folder(folder / 'hk', few)}"], folder / "out")
    request = saved_request(str(folder / "out"))
    counts: dict[str, int] = {}
    for commit in (folder / "out" / "_work" / "steps").glob("*.json"):
        counts |= json.loads(commit.read_text())["counts"]
    return RunContext(str(folder / "out"), request.settings, request.policy, request.sources, counts)


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Beam looks at the buckets when a pipeline is made; there are none here."""
    monkeypatch.setattr(GoogleCloudOptions, "_handle_temp_and_staging_locations", lambda self, validator: [])


def options_of(name: str, *more: str):
    return engine.pipeline_options([f"--engine={name}", *YOURS.get(name, []), *more], work=None)


def graph_of(name: str, build, context: RunContext, *more: str) -> beam_runner_api_pb2.Pipeline:
    """Make the proto that would be sent to the engine."""
    options = options_of(name, *more)
    pipeline = beam.Pipeline(options=options)
    build(pipeline, context)
    if name != "dataflow":
        return PortableRunner.get_proto_pipeline(pipeline, options)
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

    runner = DataflowRunner()
    runner.run_pipeline(pipeline, options_of(name, "--dry_run=True", *more))
    return runner.proto_pipeline


def pickles(graph: beam_runner_api_pb2.Pipeline) -> list[bytes]:
    """Unpack every pickled function of a graph."""
    found = []
    for transform in graph.components.transforms.values():
        if transform.spec.urn == common_urns.primitives.PAR_DO.urn:
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
            if payload.do_fn.payload:  # Beam's own identity has none
                found.append(_unpacked(payload.do_fn.payload))
    return found


def _unpacked(payload: bytes) -> bytes:
    packed = base64.b64decode(payload)
    return bz2.decompress(packed) if packed.startswith(b"BZ") else zlib.decompress(packed)


@pytest.mark.parametrize("name", option_files.names())
def test_what_travels(name, context, monkeypatch):
    """Nothing lives in `__main__`, and no credential of the driver goes along."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-value")
    for step, build in BUILDS:
        graph = graph_of(name, build, context)
        found = pickles(graph)
        assert found, step.name
        assert not [data for data in found if b"__main__" in data or b"very-secret-value" in data], step.name
        assert b"very-secret-value" not in graph.SerializeToString()
    assert options_of(name).view_as(SetupOptions).save_main_session is False


def test_what_lives_in_main_is_seen():
    """The check itself: a function of `__main__` is pickled by value, and found."""
    stray = lambda element: element  # noqa: E731
    stray.__module__ = "__main__"
    pipeline = beam.Pipeline("FnApiRunner")
    _ = pipeline | beam.Create([1]) | beam.Map(stray)
    assert [data for data in pickles(pipeline.to_runner_api()) if b"__main__" in data]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_process_workers_start_with_our_command(name, context):
    environment = _environment(graph_of(name, BUILDS[0][1], context))
    assert environment.urn == common_urns.environments.PROCESS.urn
    payload = beam_runner_api_pb2.ProcessPayload.FromString(environment.payload)
    assert payload.command.endswith(COMMANDS[name])


def test_kubernetes_takes_workers_from_the_sidecar(context):
    environment = _environment(graph_of("flink-kubernetes", BUILDS[0][1], context))
    assert environment.urn == common_urns.environments.EXTERNAL.urn
    payload = beam_runner_api_pb2.ExternalPayload.FromString(environment.payload)
    assert payload.endpoint.url == "localhost:50000"
    assert int(options_of("flink-kubernetes").view_as(PortableOptions).sdk_worker_parallelism) >= 1


def test_dataflow_job(context):
    """Image, memory, workers and region arrive in the job that would be sent."""
    from apache_beam.runners.dataflow.internal import apiclient

    options = options_of("dataflow")
    for step, build in BUILDS:
        graph = graph_of("dataflow", build, context)
        environment = _environment(graph)
        docker = beam_runner_api_pb2.DockerPayload.FromString(environment.payload)
        assert docker.container_image == IMAGE, step.name
        assert environment.resource_hints["beam:resources:min_ram_bytes:v1"] == str(4 * 10**9).encode()
        (pool,) = apiclient.Environment([], options, "8", "gs://mirror/graph.pb", graph).proto.workerPools
        assert pool.machineType == "e2-standard-4"
        assert pool.autoscalingSettings.maxNumWorkers == 64
        assert pool.ipConfiguration.name == "WORKER_IP_PRIVATE"
    assert options.view_as(GoogleCloudOptions).region == "europe-west4"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        pytest.param(["--engine=dataflow", "--project=p"], "needs --region=... and", id="left-to-the-user"),
        pytest.param(["--engine=flnk"], "neither a file nor one of: dataflow, flink", id="unknown"),
        pytest.param(["--engine"], "needs a name", id="no-name"),
        pytest.param(["--runner=PrismRunner"], "--prism_location=FILE", id="would-download"),
        pytest.param(["--setup_file=absent.py"], "absent.py is not a file", id="no-setup-file"),
    ],
)
def test_what_is_missing_is_said(args, says):
    with pytest.raises(UsageError, match=says):
        engine.pipeline_options(args, work=None)


@pytest.mark.parametrize(
    ("text", "says"),
    [("- a", "mapping of Beam options"), ("a: [", "isn't YAML")],
    ids=["a-list", "not-yaml"],
)
def test_a_file_of_ones_own(text, says, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(UsageError, match=says):
        engine.pipeline_options([f"--engine={own}"], work=None)
    own.write_text(
        "runner: PortableRunner\njob_endpoint: flink:8099\nenvironment_type: DOCKER\nexperiments: [one, two]"
    )
    options = engine.pipeline_options([f"--engine={own}", "--job_endpoint=other:1"], work=None)
    assert options.view_as(PortableOptions).job_endpoint == "other:1"
    assert options.get_all_options()["experiments"] == ["one", "two"]


def _environment(graph: beam_runner_api_pb2.Pipeline) -> beam_runner_api_pb2.Environment:
    (environment,) = graph.components.environments.values()
    return environment
