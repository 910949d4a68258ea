"""The command that starts one Python worker on a cluster's host, for `--environment_type=PROCESS`.

The engine calls it as `mirrorfold-worker --id=ID --provision_endpoint=HOST:PORT`. It asks the engine where control and
logging listen, and becomes Beam's own worker. mirrorfold has to be installed beside it: nothing is fetched.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor
from google.protobuf import json_format, text_format

HARNESS = "apache_beam.runners.worker.sdk_worker_main"


def main(argv: Sequence[str] | None = None) -> None:
    """Replace this process by a Beam worker."""
    args = _parse(argv)
    info = provision(args.provision_endpoint, args.id)
    os.execve(sys.executable, [sys.executable, "-m", HARNESS], worker_environment(info, args.id, os.environ))


def provision(endpoint: str, worker_id: str) -> beam_provision_api_pb2.ProvisionInfo:
    """Ask the engine what this worker needs to know."""
    channel = grpc.intercept_channel(grpc.insecure_channel(endpoint), WorkerIdInterceptor(worker_id))
    stub = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
    request = beam_provision_api_pb2.GetProvisionInfoRequest()
    return stub.GetProvisionInfo(request, timeout=60, wait_for_ready=True).info


def worker_environment(
    info: beam_provision_api_pb2.ProvisionInfo, worker_id: str, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Give the variables that Beam's worker reads.

    One thread per linear-algebra call: an engine already runs as many workers as it has slots.
    """
    variables = {
        "OPENBLAS_NUM_THREADS": "1",
        **inherited,
        "WORKER_ID": worker_id,
        "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.control_endpoint),
        "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.logging_endpoint),
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }
    if info.status_endpoint.url:
        variables["STATUS_API_SERVICE_DESCRIPTOR"] = text_format.MessageToString(info.status_endpoint)
    return variables


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mirrorfold-worker", description=__doc__)
    parser.add_argument("--id", required=True, help="the worker's name, given by the engine")
    parser.add_argument("--provision_endpoint", required=True, help="HOST:PORT of the engine's provision service")
    return parser.parse_known_args(argv)[0]


if __name__ == "__main__":
    main()
