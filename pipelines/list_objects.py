"""List every source: first as it comes, page by page, then as the `objects` table with each object once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import apache_beam as beam

from mirrorfold.pipelines.context import RunContext
from mirrorfold.transforms.listing import raw
from mirrorfold.transforms.listing.dedupe import rank_sources
from mirrorfold.transforms.listing.wiring import DedupeObjects, ListObjects, write_packages
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.same_bucket import door_libraries, physical_buckets
from mirrorfold.transforms.stores.sources import open_stores


def build_listing(root: beam.Pipeline, run: RunContext) -> None:
    """List the sources into raw blocks; what an earlier listing left is removed."""
    raw.clear(run.store)
    root | "ListObjects" >> ListObjects(run.sources, run.output, hints=run.previous)


def build_objects(root: beam.Pipeline, run: RunContext) -> None:
    """Write `objects`; needs the count of raw rows as `listed`."""
    stores = open_stores(tuple(run.sources))
    try:
        write_packages(run.store, stores, run.settings.listing.mets_files, run.sources)
    finally:
        stores.close()
    root | "WriteObjects" >> DedupeObjects(
        run.output,
        run.rows("listed"),
        physical_buckets(run.sources),
        run.settings.listing.passing,
        door_libraries(run.sources),
        run.spill,
    )


def listed_by_source(run: RunContext) -> dict[SourceSpec, int]:
    """Count the raw rows of each source; a source without objects has 0."""
    ranked = rank_sources(run.sources)
    rows = dict.fromkeys(ranked, 0)
    for listed in raw.read_commits(run.store):
        rows[ranked[int(listed.unit.split("-")[0])]] += listed.rows  # a unit's name begins with its source's rank
    return rows


def block_paths(run: RunContext, specs: Sequence[SourceSpec]) -> Iterator[str]:
    """Name the raw blocks of some of the sources."""
    ranked = rank_sources(run.sources)
    for listed in raw.read_commits(run.store):
        if ranked[int(listed.unit.split("-")[0])] in specs:
            yield from listed.paths()


def listed_rows(run: RunContext) -> dict[str, int]:
    """Count the raw rows of each library; a library without objects has 0."""
    rows = {spec.library: 0 for spec in run.sources}
    for listed in raw.read_commits(run.store):
        rows[listed.library] += listed.rows
    return rows
