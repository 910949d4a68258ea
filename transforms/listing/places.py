"""Places that are left out of a source, and places that won't last: bins, snapshots, servers' own folders."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.transforms.blocks.globs import any_match, to_regex
from mirrorfold.transforms.stores.same_bucket import mark_doors


def passing_regex(names: Sequence[str]) -> str | None:
    """Write names of places that won't last as one RE2 expression over URIs; None where there are none.

    Names are whole names of folders or files (Android's bin is `.trashed-1712345678-IMG_1.jpg`), or several folders
    with slashes between, in any letter case; `*` and `?` stand for anything within a name.
    """
    if not names:
        return None
    parts = [re.escape(name).replace(r"\*", "[^/]*").replace(r"\?", "[^/]") for name in names]
    return f"(?is)/(?:{'|'.join(parts)})(?:/|$)"


def mark_places(objects: pa.Table, passing: str | None, doors: Collection[str]) -> pa.Table:
    """Fill `passing` of objects that lie in a place that won't last, or in a library that is another's second door.

    Args:
      passing: of `passing_regex`.
      doors: libraries that show another library's very files.
    """
    if not objects.num_rows or (passing is None and not doors):
        return objects
    said = objects.column("passing")
    if passing is not None:
        found = pc.match_substring_regex(objects.column("uri"), passing)
        said = pc.coalesce(said, pc.if_else(found, pa.scalar("place"), pa.scalar(None, pa.string())))
    index = objects.schema.get_field_index("passing")
    return mark_doors(objects.set_column(index, objects.schema.field(index), said), doors)


def leave_out(block: pa.Table, exclude: Sequence[str]) -> pa.Table:
    """Drop the rows whose URI a pattern of `exclude` matches."""
    return block.filter(pc.invert(any_match(block.column("uri"), exclude))) if exclude else block


def pruned(exclude: Sequence[str]) -> re.Pattern[str] | None:
    """Write as one expression over folders' URIs which folders needn't be looked into: all below them is left out."""
    heads = [to_regex(pattern[:-3]) for pattern in exclude if pattern.endswith("/**") and pattern != "**/**"]
    # Python's re takes every expression that the patterns make but for RE2's way to write a code point.
    heads = [re.sub(r"\\x\{([0-9a-f]+)\}", lambda found: re.escape(chr(int(found[1], 16))), head) for head in heads]
    return re.compile("|".join(f"(?:{head.removeprefix('(?s)')})" for head in heads), re.DOTALL) if heads else None
