"""The process in which risky decoders run: one request after another on stdin, one answer each on stdout.

Started as `python -m mirrorfold.transforms.fingerprint.sandbox_worker BYTES`, BYTES being its address space. A request
is a length-prefixed JSON head and the file's bytes; an answer a status byte, a length and a body (`picture.pack`, or
code and message). The process ends with its input.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable
from typing import BinaryIO

from mirrorfold.transforms.blocks.process_limits import limit_memory, limit_processor_time
from mirrorfold.transforms.fingerprint.decode import read
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.picture import pack

PICTURE, FAILURE = b"P", b"F"
HEAD = struct.Struct("<IQ")
ANSWER = struct.Struct("<cQ")


Answer = Callable[[str, bytes, Limits], tuple[bytes, bytes]]


def serve(requests: BinaryIO, answers: BinaryIO, give: Answer) -> None:
    """Answer requests until the input ends."""
    while True:
        prefix = requests.read(HEAD.size)
        if len(prefix) < HEAD.size:
            return
        head_length, data_length = HEAD.unpack(prefix)
        head = json.loads(requests.read(head_length))
        data = requests.read(data_length)
        if len(data) < data_length:
            return
        limit_processor_time(head["seconds"])
        status, body = give(head["kind"], data, Limits(*head["limits"]))
        del data
        answers.write(ANSWER.pack(status, len(body)) + body)
        answers.flush()


def answer(kind: str, data: bytes, limits: Limits) -> tuple[bytes, bytes]:
    """Decode one file into an answer."""
    return guarded(lambda: pack(read(kind, data, limits)))


def guarded(work: Callable[[], bytes]) -> tuple[bytes, bytes]:
    """Make an answer of what work gives, or of why it can't."""
    try:
        return PICTURE, work()
    except DecodeError as error:
        return FAILURE, json.dumps([error.code, error.message]).encode()
    except MemoryError:
        return FAILURE, json.dumps(["too-much-memory", "the decoder ran out of its memory budget"]).encode()
    except Exception as error:  # noqa: BLE001 - the process boundary: whatever a codec raises is this file's failure
        return FAILURE, json.dumps(["corrupt", f"the decoder failed: {type(error).__name__}"]).encode()


def main(give: Answer = answer) -> None:
    """Take the pipes away from the codecs (they print), set the limits, and serve."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit_memory(int(sys.argv[1]))
    serve(sys.stdin.buffer, answers, give)


if __name__ == "__main__":
    main()
