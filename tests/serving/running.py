"""A published run with a server on it, as people start it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import yaml

from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.record.request import REQUEST_PATH, Request
from mirrorfold.transforms.publish.publish import Options
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import LocalOutput
from tests.publish.publish_archive import Archive
from tests.publish.publish_runs import publish

PROGRAM = str(Path(sys.executable).parent / "mirrorfold")


def finish(archive: Archive, options: Options) -> str:
    """Publish an archive, and leave beside it what a finished run leaves; gives DIR."""
    publish(archive, options)
    output = LocalOutput(archive.output)
    libraries = sorted({row["library"] for row in archive.rows["objects"]})
    specs = tuple(SourceSpec(name, "live", "file", str(archive.root / "sources" / name)) for name in libraries)
    policy = load_policy("default")
    output.put(REQUEST_PATH, Request(specs, Settings(), policy).to_json())
    output.put("policy.yaml", yaml.safe_dump(policy).encode())
    output.put("_SUCCESS", b"")
    return archive.output


@dataclass
class Server:
    """A running server: its process, and each reviewer's address."""

    process: subprocess.Popen
    addresses: dict[str, str]

    @property
    def root(self) -> str:
        return next(iter(self.addresses.values())).split("/?")[0]

    def token(self, name: str) -> str:
        return self.addresses[name].split("token=")[1]

    def ask(self, path: str, name: str | None = "Ann", rows: list | None = None, **headers) -> tuple[int, bytes]:
        """Ask as a reviewer's browser would; gives the status and the body."""
        port = self.root.rsplit(":", 1)[1]
        if name is not None:
            headers["Cookie"] = f"mirrorfold-{port}={self.token(name) if name in self.addresses else name}"
        data = None if rows is None else json.dumps(rows).encode()
        if data is not None:
            headers = {"Content-Type": "application/json", "Origin": self.root} | headers
        request = urllib.request.Request(f"{self.root}/{path}", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def end(self, number: int | None = None) -> int:
        if number is not None:
            self.process.send_signal(number)
        return self.process.wait(20)


def serve(folder: str, people: str = "Ann,Bo,Cy", *more: str) -> Server:
    """Start `mirrorfold review serve`, and wait until it says its addresses."""
    arguments = [PROGRAM, "review", "serve", folder, "--people", people, "--port", "0", "--no-open", *more]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    addresses = {}
    for _ in people.split(","):
        line = process.stdout.readline()
        assert line, process.communicate(timeout=20)
        name, address = line.strip().split(": ", 1)
        addresses[name] = address
    return Server(process, addresses)
