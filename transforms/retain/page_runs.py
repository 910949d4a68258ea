"""Numbered pages go as a whole run, or not at all: judged once every page has its decision.

A page may be blank, and a blank page has twins everywhere. So a run goes only if each of its pages goes, and the pages
that are kept for them lie in one other run, in the same order.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.belongings import page_of
from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.transforms.retain.reasons import FIXED, PREMIS

COLUMNS = (
    "package", "uri", "version", "action", "kept_uri", "content_id", "jurisdiction", "scope", "counts_as_copy",
)  # fmt: skip
PAGES = pa.schema([DECISIONS.schema.field(name) for name in COLUMNS])
TORN = pa.schema([pa.field(name, pa.string()) for name in ("package", "content_id", "place")])
"""A page that was to go and stays with its run; `place` is null where it counts as no copy."""
GOING = ("quarantine", "review")
RULE = "page-run"


def pages_of(decisions: pa.Table) -> pa.Table:
    """Pick the pages of runs."""
    return decisions.filter(pc.fill_null(pc.starts_with(decisions.column("package"), "pages:"), False)).select(COLUMNS)


def judge_runs(_: int, blocks: dict[str, pa.Table]) -> Iterator[pa.Table]:
    """Name the pages that were to go of runs that stay; one partition of runs, each whole."""
    rows = blocks["pages"].sort_by([("package", "ascending"), ("uri", "ascending")]).to_pylist()
    torn = []
    for package, members in itertools.groupby(rows, key=lambda row: row["package"]):
        pages = list(members)
        if any(page["action"] == "quarantine" for page in pages) and not _goes_whole(pages):
            torn += [_torn(package, page) for page in pages if page["action"] in GOING]
    if torn:
        yield pa.Table.from_pylist(torn, schema=TORN)


def _goes_whole(pages: list[dict]) -> bool:
    if any(page["action"] != "quarantine" for page in pages):
        return False
    kept = [page_of(page["kept_uri"]) for page in sorted(pages, key=_place)]
    if any(page is None for page in kept) or len({page[0] for page in kept if page}) > 1:
        return False
    places = [page[1] for page in kept if page]
    return places == sorted(places)


def _place(page: dict) -> tuple:
    found = page_of(page["uri"])
    return found[1] if found else (0, page["uri"])


def _torn(package: str, page: dict) -> dict:
    # A page in review counted as kept already.
    new = page["counts_as_copy"] and page["action"] == "quarantine"
    return {"package": package, "content_id": page["content_id"], "place": place_of(page) if new else None}


def place_of(row: dict) -> str:
    """Name what copies are counted in, as `policy.Scope.place` does."""
    return row["jurisdiction"] or (f"scope {row['scope']}" if row["scope"] else "")


def keep_runs(decisions: pa.Table, torn: Sequence[pa.Table]) -> pa.Table:
    """Keep the pages of torn runs, and count the copies that stay with them."""
    packages = pa.chunked_array([block.column("package") for block in torn], pa.string())
    if not len(packages) or not decisions.num_rows:
        return decisions
    stays = pc.and_(
        pc.is_in(decisions.column("package"), value_set=packages.combine_chunks()),
        pc.is_in(decisions.column("action"), value_set=pa.array(GOING)),
    )
    decisions = with_copies(decisions, torn)
    return _kept(decisions, pc.fill_null(stays, False)) if pc.any(stays).as_py() else decisions


def with_copies(decisions: pa.Table, torn: Sequence[pa.Table]) -> pa.Table:
    """Count the copies that stay after all; `torn` has the columns of TORN."""
    more: dict[str, Counter[str]] = {}
    for block in torn:
        for row in block.filter(pc.is_valid(block.column("place"))).to_pylist():
            more.setdefault(row["content_id"], Counter())[row["place"]] += 1
    contents = decisions.column("content_id").to_pylist()
    if not more or not any(content in more for content in contents):
        return decisions
    places = map(place_of, decisions.select(["jurisdiction", "scope"]).to_pylist())
    found = [(more.get(content, Counter()), place) for content, place in zip(contents, places, strict=True)]
    added = {"copies_left": [c.total() for c, _ in found], "copies_left_here": [c[place] for c, place in found]}
    for name, counts in added.items():
        index = decisions.schema.get_field_index(name)
        values = pc.add(decisions.column(name), pa.array(np.array(counts, dtype=np.int32)))
        decisions = decisions.set_column(index, decisions.schema.field(index), values)
    return decisions


def _kept(rows: pa.Table, kept: pa.ChunkedArray) -> pa.Table:
    nothing = pa.scalar(None, pa.string())
    lost = [
        [*rules, f"{old}: {action}"] if turned else rules
        for rules, old, action, turned in zip(
            rows["rules_lost"].to_pylist(), rows["rule"].to_pylist(), rows["action"].to_pylist(), kept.to_pylist(),
            strict=True,
        )
    ]  # fmt: skip
    new = {
        "action": pc.if_else(kept, "keep", rows.column("action")),
        "rule": pc.if_else(kept, RULE, rows.column("rule")),
        "reason": pc.if_else(kept, FIXED[RULE], rows.column("reason")),
        "tier_to_kept": pc.if_else(kept, nothing, rows.column("tier_to_kept")),
        "kind": pc.if_else(kept, nothing, rows.column("kind")),
        "review_batch": pc.if_else(kept, nothing, rows.column("review_batch")),
        "bytes_freed": pc.if_else(kept, np.int64(0), rows.column("bytes_freed")),
        "bytes_if_same": pc.if_else(kept, np.int64(0), rows.column("bytes_if_same")),
        "rules_lost": pa.array(lost, rows.schema.field("rules_lost").type),
        "premis_event": pc.if_else(kept, PREMIS["keep"], rows.column("premis_event")),
    }
    new |= {n: pc.if_else(kept, nothing, rows.column(n)) for n in ("kept_uri", "kept_version", "kept_etag")}
    return pa.table([new.get(f.name, rows.column(f.name)) for f in DECISIONS.schema], schema=DECISIONS.schema)
