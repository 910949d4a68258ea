"""A pool of processes for risky decoders: a crash, a hang or a flood of memory ends one of them, never the run."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from mirrorfold.transforms.fingerprint import sandbox_worker
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.picture import Picture, unpack
from mirrorfold.transforms.fingerprint.sandbox_worker import ANSWER, HEAD, PICTURE

T = TypeVar("T")
REUSES = 500
"""Files after which a process is replaced: codecs leak."""

MAX_ANSWER = 64 << 20
WALL_FACTOR, WALL_GRACE = 4.0, 10.0
"""Wall time allowed per second of processor time, and seconds more: a decoder that sleeps or waits hangs too."""


class SandboxPool:
    """Up to `size` reusable processes; `run` may be called from many threads and waits for a free one.

    Args:
      size: processes at most.
      space: address space of each, bytes.
      seconds: processor time of one decode.
      worker: the module that the processes run; tests give one that misbehaves.
    """

    def __init__(self, size: int, space: int, seconds: float, worker: str = sandbox_worker.__name__):
        self.space, self.seconds, self.worker = space, seconds, worker
        self._idle: deque[_Worker] = deque()
        self._slots = threading.Semaphore(size)
        self._lock = threading.Lock()

    def run(self, kind: str, data: bytes, limits: Limits) -> Picture:
        """Decode `data` in a process of the pool.

        Raises:
          DecodeError: the decoder's code; `too-slow`, `too-much-memory` or `crashed` where the process had to end.
        """
        return self.ask(kind, data, limits, unpack)

    def ask(self, kind: str, data: bytes, limits: Limits, read: Callable[[bytes], T]) -> T:
        """Have `data` worked on in a process of the pool; `read` makes sense of the answer, or raises ValueError.

        Raises:
          DecodeError: as `run`.
        """
        with self._slots:
            try:
                return self._once(kind, data, limits, read)
            except DecodeError as error:
                if error.code != "crashed":
                    raise
            # A fresh process decides: the first may have been damaged by an earlier file.
            self._discard_idle()
            return self._once(kind, data, limits, read)

    def close(self) -> None:
        """End the idle processes."""
        self._discard_idle()

    def _once(self, kind: str, data: bytes, limits: Limits, read: Callable[[bytes], T]) -> T:
        worker = self._take()
        try:
            status, body = worker.ask(kind, data, limits, self.seconds)
            found = read(body) if status == PICTURE else None
        except (DecodeError, ValueError, KeyError, TypeError, OSError) as error:
            worker.kill()
            if isinstance(error, DecodeError):
                raise
            raise DecodeError("crashed", "the decoder's process gave no sound answer") from error
        if worker.uses < REUSES:
            with self._lock:
                self._idle.append(worker)
        else:
            worker.kill()
        if found is None:
            raise DecodeError(*json.loads(body))
        return found

    def _take(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Worker(self.space, self.worker)

    def _discard_idle(self) -> None:
        with self._lock:
            workers = list(self._idle)
            self._idle.clear()
        for worker in workers:
            worker.kill()


class _Worker:
    """One process, asked one file at a time."""

    def __init__(self, space: int, module: str):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(space)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            close_fds=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._questions, self._answers = self.process.stdin, self.process.stdout
        self.uses = 0

    def ask(self, kind: str, data: bytes, limits: Limits, seconds: float) -> tuple[bytes, bytes]:
        """Send one file and wait for the answer.

        Raises:
          DecodeError: the process ended, or had to be ended.
        """
        self.uses += 1
        head = json.dumps(
            {
                "kind": kind,
                "seconds": seconds,
                "limits": [limits.max_pixels, limits.max_pages, limits.max_memory, limits.side, True],
            }
        ).encode()
        deadline = time.monotonic() + WALL_FACTOR * seconds + WALL_GRACE
        try:
            self._questions.write(HEAD.pack(len(head), len(data)) + head)
            self._questions.write(data)
            self._questions.flush()
        except BrokenPipeError:
            raise self._ended() from None
        status, length = ANSWER.unpack(self._read(ANSWER.size, deadline))
        if length > MAX_ANSWER:
            raise DecodeError("crashed", "the decoder's process gave no sound answer")
        return status, self._read(length, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        stream = self._answers.fileno()
        parts = bytearray()
        while len(parts) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                raise DecodeError("too-slow", "decoding took longer than the budget")
            part = os.read(stream, count - len(parts))
            if not part:
                raise self._ended()
            parts += part
        return bytes(parts)

    def _ended(self) -> DecodeError:
        code = self.process.wait()
        if code == -signal.SIGXCPU:
            return DecodeError("too-slow", "decoding took longer than the budget")
        if code == -9:
            return DecodeError("too-much-memory", "the system ended the decoder's process")
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return DecodeError("crashed", f"the decoder's process ended with {how}")

    def kill(self) -> None:
        """End the process and reap it."""
        self.process.kill()
        self._questions.close()
        self._answers.close()
        self.process.wait()
