"""A sandbox process that misbehaves as the request's kind says: `python -m tests.fingerprint.bad_worker BYTES`."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from mirrorfold.transforms.blocks.process_limits import limit_processor_time
from mirrorfold.transforms.fingerprint.sandbox_worker import ANSWER, HEAD, PICTURE


def main() -> None:
    """Read one request and misbehave."""
    head_length, data_length = HEAD.unpack(sys.stdin.buffer.read(HEAD.size))
    head = json.loads(sys.stdin.buffer.read(head_length))
    sys.stdin.buffer.read(data_length)
    limit_processor_time(head["seconds"])
    if head["kind"] == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if head["kind"] == "sleep":
        time.sleep(600)
    if head["kind"] == "spin":
        while True:
            pass
    if head["kind"] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if head["kind"] == "nonsense":
        sys.stdout.buffer.write(ANSWER.pack(PICTURE, 5) + b"hello")
    if head["kind"] == "endless":
        sys.stdout.buffer.write(ANSWER.pack(PICTURE, 1 << 60))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
