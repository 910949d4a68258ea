"""Hashes of the package imagehash beside ours, for people whose tables hold such: of whole pictures, in processes."""

from __future__ import annotations

import json
from importlib.util import find_spec

from mirrorfold.transforms.blocks.cores import cores
from mirrorfold.transforms.fingerprint.decode import BASE_BYTES
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool

WORKER = "mirrorfold.transforms.fingerprint.imagehash_worker"


class ImageHasher:
    """Makes the hashes that the options name; safe to call from many threads.

    A whole picture is a hundred times what our own hashes need of it, so each is decoded and hashed in a process of a
    pool, under the limits of the sandbox.

    Raises:
      ModuleNotFoundError: the package isn't installed on this machine.
    """

    def __init__(self, options: FingerprintOptions):
        if find_spec("imagehash") is None:
            raise ModuleNotFoundError("fingerprint.imagehash needs the package imagehash on every worker")
        self._names = ",".join(options.imagehash)
        self._limits = Limits(options.max_pixels, 1, options.sandbox_bytes - BASE_BYTES)
        processes = options.sandboxes or cores()
        self._pool = SandboxPool(processes, options.sandbox_bytes, options.max_seconds, WORKER)

    def __call__(self, data: bytes) -> dict[str, int]:
        """Give the hashes by name; none where the whole picture is past a budget."""
        try:
            return self._pool.ask(self._names, data, self._limits, json.loads)
        except DecodeError:
            return {}

    def close(self) -> None:
        """End the processes."""
        self._pool.close()
