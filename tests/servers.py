"""Real object stores for tests: each starts on a free port of 127.0.0.1 and is ended by its process id."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1] / "build" / "tools" / "bin"


class MissingServer(RuntimeError):
    """A server's program isn't installed."""


@dataclass(frozen=True)
class Server:
    """A running server: where it answers, the credentials it takes (test values), and where its disk is."""

    url: str
    access_key: str = "testing"
    secret_key: str = "testing"
    disk: Path | None = None


def find_program(name: str) -> str:
    """Find a server's program beside the interpreter, in build/tools/bin or on PATH."""
    places = [str(Path(sys.executable).parent), str(TOOLS), os.environ.get("PATH", "")]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise MissingServer(f"{name} isn't installed: run `make tools`")
    return found


def free_port() -> int:
    """Find a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str], port: int, env: dict[str, str] | None = None) -> Iterator[None]:
    """Run a server until the block ends; it's ready once its port answers."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(env or {})})
        try:
            _wait_for(process, port, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(process: subprocess.Popen, port: int, log) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    log.seek(0)
    raise RuntimeError(f"{process.args[0]} didn't start: {log.read()[-2000:].decode(errors='replace')}")


@contextlib.contextmanager
def moto_server() -> Iterator[Server]:
    """Start moto's S3: every feature, no check of signatures."""
    port = free_port()
    with running([find_program("moto_server"), "-H", "127.0.0.1", "-p", str(port)], port):
        yield Server(f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def versity_server(
    access_key: str = "mirror-user",
    secret_key: str = "mirror-secret",
    domain: str | None = None,
    iam: Path | None = None,
) -> Iterator[Server]:
    """Start versitygw over a temporary folder: real signatures, versions, object lock and checksums.

    Args:
      domain: host names that end in it name the bucket.
      iam: a folder for users and what they may do.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        files, versions = Path(folder, "files"), Path(folder, "versions")
        files.mkdir()
        versions.mkdir()
        command = [find_program("versitygw"), "--port", f"127.0.0.1:{port}"]
        command += [
            *(["--virtual-domain", domain] if domain else []),
            *(["--iam-dir", str(iam)] if iam else []),
            "posix",
        ]
        command += ["--versioning-dir", str(versions), str(files)]
        with running(command, port, {"ROOT_ACCESS_KEY": access_key, "ROOT_SECRET_KEY": secret_key}):
            yield Server(f"http://127.0.0.1:{port}", access_key, secret_key, files)


@contextlib.contextmanager
def fake_gcs_server() -> Iterator[Server]:
    """Start fake-gcs-server in memory: MD5, CRC32C, generations, page tokens and ranges."""
    port = free_port()
    command = [find_program("fake-gcs-server"), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-public-host", f"127.0.0.1:{port}", "-backend", "memory", "-log-level", "error"]
    with running(command, port):
        yield Server(f"http://127.0.0.1:{port}")


AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's account key, which its documents state."""


@contextlib.contextmanager
def azurite_server() -> Iterator[Server]:
    """Start Azurite's blob service in memory: real signatures, tiers, snapshots, conditions."""
    port = free_port()
    command = [find_program("azurite-blob"), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent"]
    with running([*command, "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"], port):
        yield Server(f"http://127.0.0.1:{port}/devstoreaccount1", "devstoreaccount1", AZURITE_KEY)


@dataclass
class Recorder:
    """What passed through a recording proxy: (method, path with query), and the headers, in order of arrival.

    The proxy answers as many requests itself as there are `refusals` (status, body): so a test makes a store stumble.
    """

    url: str
    requests: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refusals: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def methods(self) -> set[str]:
        """Give the methods seen."""
        return {method for method, _ in self.requests}


@contextlib.contextmanager
def recording_proxy(upstream: str) -> Iterator[Recorder]:
    """Stand before a server and record every request; signed headers pass unchanged, so signatures hold."""
    recorder = Recorder("")
    host = upstream.removeprefix("http://")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            recorder.requests.append((self.command, self.path))
            recorder.headers.append({name.lower(): value for name, value in self.headers.items()})
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if recorder.refusals:
                self.refuse(*recorder.refusals.pop(0))
            else:
                self.pass_on(body)

        def pass_on(self, body: bytes) -> None:
            connection = http.client.HTTPConnection(host, timeout=60)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            # A signature covers the host that the client saw; fake-gcs-server routes by its own.
            signed = self.headers.get("Authorization", "").startswith("AWS4")
            for name, value in self.headers.items():
                connection.putheader(name, host if name.lower() == "host" and not signed else value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            data = answer.read()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            if length is not None and answer.status != 304:
                self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
            connection.close()

        def refuse(self, status: int, text: bytes) -> None:
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = forward

        def log_message(self, *arguments) -> None:
            """Stay silent: the record is what counts."""

    with serving(Handler) as url:
        recorder.url = url
        yield recorder


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve requests with a handler in threads of this process; give the URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
