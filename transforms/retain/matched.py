"""Which lines of the hold lists and the catalogue mean a listed object, and which mean nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.transforms.retain import sidecar
from mirrorfold.transforms.retain.spelling import is_pattern, join_keys, line_keys, shown

SHOWN = 10_000
"""Lines without an object that are named."""
HOLD_LINES = pa.schema([("line", pa.string()), ("pattern", pa.bool_())])
"""The lines that hold something, of all lists and of the catalogue, for whoever checks the plan."""


class Matched(NamedTuple):
    """How the lines of one kind fared.

    Attributes:
      unmatched: lines that mean no listed object, as they stand in their file; SHOWN at most.
    """

    lines: int
    matched: int
    unmatched: list[str]


def hold_lines(files: list[tuple[str, str]]) -> pa.Table:
    """Read the lines that hold something: of hold lists, and of catalogues where they say so.

    Args:
      files: (kind, path) of the sidecar files.
    """
    lines: dict[str, bool] = {}
    for kind, path in files:
        for block in sidecar.read_hold_list(path) if kind == "hold_list" else sidecar.read_sidecar(path):
            held = block.filter(pc.is_in(block.column("hold"), value_set=pa.array(["yes", "unknown"])))
            said = map(shown, held.column("uri").to_pylist())
            lines |= {line: kind == "hold_list" and is_pattern(line) for line in said}
    return pa.table([list(lines), list(lines.values())], schema=HOLD_LINES)


def match_holds(lines: pa.Table, uris: Callable[[], Iterator[pa.Table]]) -> Matched:
    """Say which hold lines mean a listed object.

    Args:
      lines: rows of HOLD_LINES.
      uris: gives blocks with the column uri.
    """
    names, patterns = lines.column("line").to_pylist(), lines.column("pattern").to_pylist()
    keys = line_keys(names)
    plain = pa.array([key for key, pattern in zip(keys, patterns, strict=True) if not pattern], pa.string())
    wide = dict(zip(names, sidecar.pattern_regexes(names), strict=True)) if any(patterns) else {}
    open_ = {name for name, pattern in zip(names, patterns, strict=True) if pattern}
    found: set[str] = set()
    for block in uris() if names else ():
        listed = join_keys(block.column("uri"))
        found.update(pc.unique(listed.filter(pc.is_in(listed, value_set=plain))).to_pylist())
        open_ -= {name for name in open_ if pc.any(pc.match_substring_regex(listed, wide[name])).as_py()}
    missing = [
        name
        for name, key, pattern in zip(names, keys, patterns, strict=True)
        if (name in open_ if pattern else key not in found)
    ]
    return Matched(len(names), len(names) - len(missing), missing[:SHOWN])


def match_catalogue(blocks: Callable[[], Iterator[pa.Table]], uris: Callable[[], Iterator[pa.Table]]) -> Matched:
    """Say which rows of a catalogue mean a listed object; 8 bytes of memory a row.

    Args:
      blocks: gives blocks of SIDECAR.
      uris: gives blocks with the column uri.
    """
    hashes = np.sort(np.concatenate([np.zeros(0, np.uint64), *map(_line_hashes, blocks())]))
    met = np.zeros(len(hashes), dtype=bool)
    for block in uris() if len(hashes) else ():
        listed = _hashes(join_keys(block.column("uri")).to_pylist())
        place = np.minimum(np.searchsorted(hashes, listed), len(hashes) - 1)
        met[place[hashes[place] == listed]] = True
    left = np.unique(hashes[~met & ~np.isin(hashes, hashes[met])])
    lines = matched = 0
    missing: list[str] = []
    for block in blocks():
        lost = np.isin(_line_hashes(block), left)
        lines, matched = lines + len(lost), matched + int((~lost).sum())
        missing += map(shown, block.column("uri").filter(pa.array(lost)).to_pylist()[: SHOWN - len(missing)])
    return Matched(lines, matched, missing)


def _line_hashes(block: pa.Table) -> np.ndarray:
    return _hashes(line_keys(block.column("uri").to_pylist()))


def _hashes(keys: Iterable[str]) -> np.ndarray:
    digests = (hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest() for key in keys)
    return np.frombuffer(b"".join(digests), dtype=np.uint64)
