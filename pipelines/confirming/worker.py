"""The process in which a pair is decoded whole and compared: one request after another, one answer each.

Started as `python -m mirrorfold.pipelines.confirming.worker BYTES`, like a sandbox for decoders and under the same
limits: whatever a hostile file does, it does to this process. A request's kind is `pair:N`, N being the first file's
bytes; both files follow.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from mirrorfold.transforms.confirm.compare import Comparison, Shown, compare
from mirrorfold.transforms.fingerprint import sniff
from mirrorfold.transforms.fingerprint.canonical import FULL, open_whole
from mirrorfold.transforms.fingerprint.decode import ODD_JPEG, read
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.jpeg import read_header
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.read_jpeg import is_odd
from mirrorfold.transforms.fingerprint.sandbox_worker import guarded, main


def answer(kind: str, data: bytes, limits: Limits) -> tuple[bytes, bytes]:
    """Compare two files; the answer is a JSON object as `Comparison`, or a code and a message."""
    return guarded(lambda: _compared(data, int(kind.removeprefix("pair:")), limits))


def _compared(data: bytes, first: int, limits: Limits) -> bytes:
    whole = replace(limits, side=FULL, max_pages=1)
    try:
        found = compare(_shown(data[:first], whole), _shown(data[first:], whole))
    except _ApartError as apart:
        found = Comparison(False, str(apart), 0, 0, 0.0)
    return json.dumps(asdict(found) | {"place": list(found.place)}).encode()


class _ApartError(Exception):
    """The pair can't be compared whole; the message is the kind."""


def _shown(data: bytes, limits: Limits) -> Shown:
    kind, steps = sniff.sniff(data, whole=True).name, None
    if kind == "jpeg":
        header = read_header(data)
        table = header.luma_table
        steps = table[1] if table and len(table[1]) == 64 else None
        kind = ODD_JPEG if is_odd(header) else kind
    picture = read(kind, data, limits)
    if picture.frames > 1:
        raise _ApartError("pages")
    if picture.preview:
        raise _ApartError("preview")
    if not picture.luma:
        raise DecodeError("corrupt", "no picture")
    return Shown(open_whole(picture.luma), steps)


if __name__ == "__main__":
    main(answer)
