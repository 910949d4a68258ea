"""Fingerprint files each in a process of its own under a memory limit: what a hostile file does stays there."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from mirrorfold.transforms.fingerprint import plan
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import unpack
from mirrorfold.transforms.fingerprint.sandbox_worker import PICTURE, answer
from mirrorfold.transforms.fingerprint.shard import fingerprint_shard
from tests.fingerprint.worlds import MemoryStores, listing

ROOT = Path(__file__).resolve().parents[2]
SPACE, SECONDS = 3_000 << 20, 120
OPTIONS = FingerprintOptions(threads=1, max_seconds=60)


class Outcome(NamedTuple):
    """How a file ended: "read" with its media type, or a failure's code and message; what its process took at most."""

    code: str
    message: str
    mebibytes: int


class Here:
    """A sandbox that is this very process."""

    def run(self, kind, data, limits):
        """Decode as a sandbox's process does."""
        status, body = answer(kind, data, replace(limits, isolated=True))
        if status == PICTURE:
            return unpack(body)
        raise DecodeError(*json.loads(body))


def fingerprint_one(data: bytes) -> tuple[str, str]:
    """Take one file through the stage's own steps, down to its rows."""
    if not data:
        return "empty", ""  # never read: the listing says so
    contents = {"mem://b/file": data}
    (shard,) = plan.cut_shards(plan.readable(listing(contents), OPTIONS), OPTIONS, 10)
    result = fingerprint_shard(shard, MemoryStores(contents), lambda one: decode(one, OPTIONS, Here()), OPTIONS)
    if result.failures.num_rows:
        row = result.failures.to_pylist()[0]
        return row["error"], row["message"]
    return "read", result.contents.column("media_type")[0].as_py()


def outcomes(files: Iterable[bytes]) -> Iterator[Outcome]:
    """Fingerprint each file apart; a process that is lost has the code "lost".

    They are forked from a process of their own: gRPC's threads, which a test's process may have, don't survive a fork.
    """
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number, data in enumerate(files):
            names.append(str(Path(folder, f"{number:06d}")))
            Path(names[-1]).write_bytes(data)
        command = [sys.executable, "-m", "tests.fingerprint.apart", "--json", folder]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    yield from (Outcome(*json.loads(line)) for line in done.stdout.splitlines())


def forked(files: Iterable[bytes]) -> Iterator[Outcome]:
    """Fingerprint each file in a fork of this process."""
    _load_codecs()
    for data in files:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            _end_with(writer, data)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read()
        _, status, usage = os.wait4(child, 0)
        code, message = json.loads(said) if said and not status else ("lost", f"its process ended with {status}")
        yield Outcome(code, message, usage.ru_maxrss >> 10)


def _load_codecs() -> None:
    """Load once what each child would load."""
    import imagecodecs
    import pi_heif

    from tests.fingerprint.worlds import encode, photo

    image = photo(size=(64, 64))
    for kind in ("JPEG", "PNG", "GIF", "TIFF", "JPEG2000", "WEBP"):
        fingerprint_one(encode(image, kind))
    assert imagecodecs.__version__
    assert pi_heif.__version__


def _end_with(writer: int, data: bytes) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.write(writer, json.dumps(fingerprint_one(data)).encode())
    except BaseException:  # noqa: BLE001 - a forked child never returns
        os._exit(1)
    os._exit(0)


def main() -> None:
    """Print how each file named on the command line ends."""
    if sys.argv[1] == "--json":
        for found in forked(path.read_bytes() for path in sorted(Path(sys.argv[2]).iterdir())):
            print(json.dumps(found), flush=True)
        return
    names = sys.argv[1:]
    for name, found in zip(names, forked(Path(name).read_bytes() for name in names), strict=True):
        print(f"{found.code}\t{found.mebibytes} MiB\t{name}\t{found.message}")


if __name__ == "__main__":
    main()
