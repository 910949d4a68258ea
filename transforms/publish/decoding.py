"""Pictures for pages, decoded apart: a crash, a hang or a flood of memory ends a child process, never the run.

The files have been decoded before, by fingerprinting; they are still strangers'.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections import deque

from PIL import Image

from mirrorfold.transforms.publish.decoder_worker import ANSWER, REQUEST, SECONDS
from mirrorfold.transforms.publish.pictures import UndecodableError

WALL_SECONDS = 4 * SECONDS
"""A decoder that sleeps or waits hangs too: wall time allowed for one picture."""


class DecoderPool:
    """Child processes that decode; `decode` may be called from many threads and waits for a free one.

    Args:
      workers: processes at most.
      max_pixels: largest picture that is decoded, by its header.
    """

    def __init__(self, workers: int, max_pixels: int):
        self._max_pixels, self._workers = max_pixels, workers
        self._slots = threading.Semaphore(workers)
        self._idle: deque[_Worker] = deque()

    def __enter__(self) -> DecoderPool:
        return self

    def __exit__(self, *_) -> None:
        while self._idle:
            self._idle.pop().end()

    def start(self) -> None:
        """Start the processes now, not with the first pictures."""
        self._idle.extend(_Worker() for _ in range(self._workers - len(self._idle)))

    def decode(self, data: bytes, media_type: str, side: int) -> Image.Image:
        """Decode to an upright sRGB picture whose longer side is at most `side` pixels.

        Raises:
          UndecodableError: no decoder, over a budget, damaged, or the process had to end.
        """
        head = json.dumps({"media_type": media_type, "side": side, "max_pixels": self._max_pixels}).encode()
        with self._slots:
            try:
                worker = self._idle.pop()
            except IndexError:
                worker = _Worker()
            try:
                width, height, body = worker.ask(head, data)
            except (OSError, EOFError, TimeoutError) as error:
                worker.end()
                raise UndecodableError(f"the decoder's process ended: {error}") from error
            self._idle.append(worker)
        if not width or len(body) != 3 * width * height:
            raise UndecodableError(body[:200].decode(errors="replace"))
        return Image.frombytes("RGB", (width, height), body)


class _Worker:
    """One process, asked one picture at a time."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mirrorfold.transforms.publish.decoder_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            close_fds=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._questions, self._answers = self.process.stdin, self.process.stdout

    def ask(self, head: bytes, data: bytes) -> tuple[int, int, bytes]:
        """Send one file and wait for the answer.

        Raises:
          OSError, EOFError, TimeoutError: the process ended or hangs.
        """
        self._questions.write(REQUEST.pack(len(head), len(data)) + head)
        self._questions.write(data)
        self._questions.flush()
        deadline = time.monotonic() + WALL_SECONDS
        width, height, length = ANSWER.unpack(self._read(ANSWER.size, deadline))
        return width, height, self._read(length, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        stream, parts = self._answers.fileno(), bytearray()
        while len(parts) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                raise TimeoutError("no answer in time")
            part = os.read(stream, count - len(parts))
            if not part:
                raise EOFError(f"exit {self.process.wait()}")
            parts += part
        return bytes(parts)

    def end(self) -> None:
        """End the process and reap it."""
        self.process.kill()
        self.process.communicate()
