"""The command that starts one Python worker on a cluster's host, for `--environment_type=PROCESS`.

The engine calls it as `mirrorfold-worker --id=ID --provision_endpoint=HOST:PORT`. It asks the engine where control and
logging listen, and becomes Beam's own worker in the same process: another one would import Beam a second time, for each
worker of each job. mirrorfold has to be installed beside it: nothing is fetched.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

# One thread per linear-algebra call, as an engine already runs as many workers as it has slots; read at import.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
from apache_beam.runners.worker import sdk_worker_main
from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor
from google.protobuf import json_format, text_format


def main(argv: Sequence[str] | None = None) -> None:
    """Become a Beam worker."""
    args = _parse(argv)
    os.environ.update(worker_environment(provision(args.provision_endpoint, args.id), args.id))
    sdk_worker_main.main(sys.argv)


def provision(endpoint: str, worker_id: str) -> beam_provision_api_pb2.ProvisionInfo:
    """Ask the engine what this worker needs to know."""
    with grpc.insecure_channel(endpoint) as channel:
        named = grpc.intercept_channel(channel, WorkerIdInterceptor(worker_id))
        stub = beam_provision_api_pb2_grpc.ProvisionServiceStub(named)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        return stub.GetProvisionInfo(request, timeout=60, wait_for_ready=True).info


def worker_environment(info: beam_provision_api_pb2.ProvisionInfo, worker_id: str) -> dict[str, str]:
    """Give the variables that Beam's worker reads."""
    variables = {
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
