"""The process in which a pair is decoded whole and compared: one request after another, one answer each.

Started as `python -m mirrorfold.pipelines.confirming.worker BYTES`, like a sandbox for decoders and under the same
limits: whatever a hostile file does, it does to this process. A request's kind is `pair:N`, N being the first file's
bytes; both files follow. What was seen of each file alone goes with the answer: whether its decoder spoke of damage.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np

from mirrorfold.transforms.confirm.compare import Comparison, Shown, compare
from mirrorfold.transforms.confirm.few_bytes import differ_in_few
from mirrorfold.transforms.confirm.kinds import DAMAGED
from mirrorfold.transforms.confirm.seams import damaged_side
from mirrorfold.transforms.fingerprint import sniff
from mirrorfold.transforms.fingerprint.canonical import FULL, open_whole
from mirrorfold.transforms.fingerprint.coded import coded
from mirrorfold.transforms.fingerprint.decode import ODD_JPEG, plain_jpeg
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.heard import read_aloud
from mirrorfold.transforms.fingerprint.jpeg import read_header
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.pillow_codec import open_with
from mirrorfold.transforms.fingerprint.read_jpeg import is_odd
from mirrorfold.transforms.fingerprint.sandbox_worker import guarded, main
from mirrorfold.transforms.stores.encoding import unpacked

FEW_COLOURS = frozenset({"P", "1"})
"""Modes whose finest detail is dither."""


SEAMS = "its blocks don't meet where a few bytes differ"


def answer(kind: str, data: bytes, limits: Limits) -> tuple[bytes, bytes]:
    """Compare two files; the answer is a JSON object, `Comparison` and what was seen of each, or code and message."""
    return guarded(lambda: _compared(data, int(kind.removeprefix("pair:")), limits))


def _compared(data: bytes, first: int, limits: Limits) -> bytes:
    whole = replace(limits, side=FULL, max_pages=1)
    files = unpacked(data[:first]), unpacked(data[first:])
    damaged: tuple[str | None, str | None] = None, None
    try:
        (one, of_one), (other, of_other) = (_shown(file, whole) for file in files)
        found, damaged = _with_damage(compare(one, other), files, (of_one, of_other))
    except _ApartError as apart:
        found = Comparison(False, str(apart), 0, 0, 0.0)
    return json.dumps(asdict(found) | {"place": list(found.place), "damaged": damaged}).encode()


def _with_damage(
    found: Comparison, files: tuple[bytes, bytes], damaged: tuple[str, str]
) -> tuple[Comparison, tuple[str, str]]:
    """Call a difference damage where a decoder spoke of it, or where a few bytes of one coding are all that differs.

    Which of such two is sound a decoder that speaks of one alone tells, or the seams of the other, which are a sign
    that people look at.
    """
    told = bool(damaged[0]) != bool(damaged[1])
    alike = not (told and found.confirmed) and _alike(files)
    if alike and not told:
        damaged = _by_seams(files) or damaged
    rotten = alike or (any(damaged) and not found.confirmed)
    return (replace(found, confirmed=False, kind=DAMAGED) if rotten else found), damaged


def _by_seams(files: tuple[bytes, bytes]) -> tuple[str, str] | None:
    """Say of a JPEG that its blocks don't meet, where those of its twin do; None where that doesn't tell."""
    if sniff.sniff(files[0], whole=True).name != "jpeg":
        return None
    one, other = (np.asarray(open_with(plain_jpeg(file)[0], ("JPEG",)).convert("L")) for file in files)
    side = damaged_side(one, other)
    return None if side is None else (SEAMS, "") if side == 0 else ("", SEAMS)


def _alike(files: tuple[bytes, bytes]) -> bool:
    kinds = [sniff.sniff(file, whole=True).name for file in files]
    return kinds[0] == kinds[1] and differ_in_few(*(coded(kinds[0], file) for file in files))


class _ApartError(Exception):
    """The pair can't be compared whole; the message is the kind."""


def _shown(data: bytes, limits: Limits) -> tuple[Shown, str]:
    kind, steps = sniff.sniff(data, whole=True).name, None
    if kind == "jpeg":
        header = read_header(data)
        table = header.luma_table
        steps = table[1] if table and len(table[1]) == 64 else None
        kind = ODD_JPEG if is_odd(header) else kind
    picture, damage = read_aloud(kind, data, limits)
    if picture.frames > 1:
        raise _ApartError("pages")
    if picture.preview:
        raise _ApartError("preview")
    if not picture.luma:
        raise DecodeError("corrupt", "no picture")
    few = picture.mode in FEW_COLOURS or picture.media_type == "image/gif"
    return Shown(open_whole(picture.luma), steps, few, picture.orientation != 1), damage


if __name__ == "__main__":
    main(answer)
