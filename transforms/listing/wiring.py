"""Listing in Beam: sources -> raw blocks under DIR -> `objects`."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa

from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks.parked.wiring import FlattenBlocks
from mirrorfold.transforms.blocks.parquet import read_blocks, to_parquet
from mirrorfold.transforms.blocks.wiring import Shuffle, WriteShard
from mirrorfold.transforms.listing import mets, together
from mirrorfold.transforms.listing.around import packages_around
from mirrorfold.transforms.listing.dedupe import dedupe, rank_sources
from mirrorfold.transforms.listing.folder_parts import FolderPart
from mirrorfold.transforms.listing.hints import earlier_cuts
from mirrorfold.transforms.listing.inventory import list_report
from mirrorfold.transforms.listing.live import PIECES, list_live, plan_live
from mirrorfold.transforms.listing.manifest import ReportFile, read_manifest
from mirrorfold.transforms.listing.places import leave_out, mark_places, passing_regex
from mirrorfold.transforms.listing.ranges import KeyRange
from mirrorfold.transforms.listing.raw import Listed, read_commits, write_unit
from mirrorfold.transforms.listing.rows import RAW
from mirrorfold.transforms.listing.uri_list import Named, list_named, read_list
from mirrorfold.transforms.stores.api import SourceSpec, Stores
from mirrorfold.transforms.stores.check import bucket_has_lock, bucket_rules
from mirrorfold.transforms.stores.lifecycle import apply_rules
from mirrorfold.transforms.stores.output import OutputStore, open_output
from mirrorfold.transforms.stores.same_bucket import Bucket, name_physical

_log = logging.getLogger("mirrorfold.list")
REPORT = pa.schema([("unit", pa.string()), ("library", pa.string()), ("rows", pa.int64()), ("blocks", pa.int64())])
PACKAGES = "_work/packages.parquet"
"""Packages by folder, as many as were listed."""

Part = KeyRange | FolderPart | ReportFile | list[Named] | None


class Unit(NamedTuple):
    """One piece of a listing, listed by one worker.

    Attributes:
      part: a range of a bucket's keys, sub-folders of a folder, a data file of a report, objects of a list, or None for
        the whole of the source.
      locked: for reports, whether the bucket has object lock; None where that isn't known.
    """

    name: str
    rank: int
    spec: SourceSpec
    part: Part
    locked: bool | None = None


@dataclass(eq=False)
class ListObjects(beam.PTransform):
    """List all sources into raw blocks under DIR, without a shuffle; give (unit, library, rows, blocks) of each unit.

    Args:
      hints: DIR of an earlier run, whose objects tell where to cut large buckets.

    Raises:
      StoreError: from a worker, when a store refuses or doesn't answer.
    """

    specs: tuple[SourceSpec, ...]
    output: str
    hints: str | None = None

    def expand(self, root):
        output, hints = self.output, self.hints
        return (
            root
            | "NameSources" >> beam.Create(list(enumerate(rank_sources(self.specs))))
            | "PlanUnits" >> beam.FlatMap(lambda ranked: plan_units(ranked[0], ranked[1], hints))
            | "SpreadUnits" >> beam.Reshuffle()
            | "ListUnits" >> beam.Map(lambda unit: list_unit(unit, output)).with_output_types(pa.Table)
        )


def plan_units(rank: int, spec: SourceSpec, hints: str | None) -> Iterator[Unit]:
    """Cut a source into units: a report by its files, a bucket by its keys, a large folder by its sub-folders."""
    parts: Iterable[Part]
    locked = None
    if spec.kind == "live":
        known = earlier_cuts(open_output(hints), spec, PIECES) if hints and spec.store != "file" else []
        parts = plan_live(spec, known) or [None]
    elif spec.kind == "listing":
        parts = read_list(spec)
    else:
        parts = read_manifest(spec).files
        locked = bucket_has_lock(spec) if spec.kind in ("s3-inventory", "azure-inventory") else None
    for number, part in enumerate(parts):
        yield Unit(f"{rank:04d}-{number:05d}", rank, spec, part, locked)


def list_unit(unit: Unit, output: str) -> pa.Table:
    """List a unit and commit its blocks; give a report of one row."""
    if isinstance(unit.part, ReportFile):
        blocks = list_report(unit.spec, unit.rank, unit.part, unit.locked)
    elif isinstance(unit.part, list):
        blocks = list_named(unit.spec, unit.rank, unit.part)
    else:
        blocks = list_live(unit.spec, unit.rank, unit.part)
    if unit.spec.kind != "listing":
        rules = bucket_rules(unit.spec)
        blocks = (apply_rules(block, rules) for block in blocks)
    blocks = (leave_out(block, unit.spec.exclude) for block in blocks)
    listed = write_unit(open_output(output), unit.name, unit.spec.library, blocks)
    return pa.table({name: [getattr(listed, name)] for name in REPORT.names}, schema=REPORT)


@dataclass(eq=False)
class DedupeObjects(beam.PTransform):
    """Write `objects` from the raw blocks, each object once; give (rows, bytes) of each shard.

    Args:
      rows: raw rows, which set the number of shards.
      buckets: the true bucket of those that have several names.
      passing: names of folders that won't last.
      doors: libraries that show another library's very files.
    """

    output: str
    rows: int
    buckets: dict[Bucket, str]
    passing: tuple[str, ...] = ()
    doors: frozenset[str] = frozenset()
    spill: str | None = None

    def expand(self, root):
        output, shards = self.output, OBJECTS.shards(self.rows)
        blocks = (
            root
            | "FindCommits" >> beam.Create([None])
            | "NameBlocks" >> beam.FlatMap(lambda _: block_paths(read_commits(open_output(output))))
            | "SpreadBlocks" >> beam.Reshuffle()
        )
        rows = blocks | "ReadBlocks" >> beam.FlatMap(
            lambda path: read_blocks(open_output(output), path)
        ).with_output_types(pa.Table)
        return {
            "rows": rows,
            "marks": blocks | "MarkBelongings" >> MarkBelongings(output, shards, self.spill),
        } | "Dedupe" >> Shuffle(
            keys={"rows": OBJECTS.shard_key, "marks": OBJECTS.shard_key},
            schemas={"rows": RAW, "marks": together.MARKS},
            partitions=shards,
            reduce=WriteObjects(
                WriteShard(output, OBJECTS, shards, distinct=False),
                self.buckets,
                passing_regex(self.passing),
                self.doors,
            ),
            every_partition=True,
            spill=self.spill,
        )


@dataclass(eq=False)
class MarkBelongings(beam.PTransform):
    """Read the names of raw blocks again and say which belong together; takes paths, gives blocks of together.MARKS."""

    output: str
    partitions: int
    spill: str | None = None

    def expand(self, paths):
        output = self.output
        names = paths | "ReadNames" >> beam.FlatMap(
            lambda path: read_blocks(open_output(output), path, together.NAMES)
        ).with_output_types(pa.Table)
        packaged = names | "MarkPackages" >> beam.Map(
            lambda block: together.mark_packages(block, packages_of(output))
        ).with_output_types(pa.Table)
        grouped = {"names": names | "GroupNames" >> beam.Map(together.group_names)} | "MarkGroups" >> Shuffle(
            keys={"names": ("group",)},
            schemas={"names": together.GROUPED},
            partitions=self.partitions,
            reduce=together.mark_groups,
            spill=self.spill,
        )
        return (packaged, grouped) | "JoinMarks" >> FlattenBlocks(self.spill)


def write_packages(output: OutputStore, stores: Stores, xml_files: int, sources: Sequence[SourceSpec] = ()) -> None:
    """Find the packages among what was listed and leave them to the workers in DIR/_work.

    Args:
      xml_files: how many XML files are read at most, to find METS packages by what they say.
      sources: of the run; those that are folders may lie in a package.
    """
    paths = list(block_paths(read_commits(output)))
    found = packages_around(sources)
    found |= together.find_packages(block for path in paths for block in read_blocks(output, path, together.NAMES))
    named = mets.read_packages(
        (block for path in paths for block in read_blocks(output, path, mets.COLUMNS)) if xml_files else (),
        stores,
        xml_files,
        lambda uri: together.in_package(uri, found),
    )
    if named.left and xml_files:
        _log.warning("%d XML files weren't read: more than listing.mets_files may be METS packages", named.left)
    if named.full:
        _log.warning("METS files name more than %d files: the rest are known by their folders alone", mets.MAX_POINTERS)
    if named.pointed.num_rows:
        output.put(mets.POINTED_PATH, to_parquet(named.pointed))
    else:
        output.delete(mets.POINTED_PATH)
    found |= dict(zip(named.pointed["uri"].to_pylist(), named.pointed["package"].to_pylist(), strict=True))
    kinds = pa.table(
        {"folder": pa.array(list(found), pa.string()), "kind": pa.array(list(found.values()), pa.string())}
    )
    output.put(PACKAGES, to_parquet(kinds))


@lru_cache(maxsize=2)
def _packages(output: str, _: bytes) -> dict[str, str]:
    found = pa.concat_tables(read_blocks(open_output(output), PACKAGES))
    return dict(zip(found["folder"].to_pylist(), found["kind"].to_pylist(), strict=True))


def packages_of(output: str) -> dict[str, str]:
    """Read what `write_packages` found; once per process and listing."""
    with open_output(output).open(PACKAGES) as file:
        return _packages(output, hashlib.sha256(file.read()).digest())


def block_paths(commits: Iterable[Listed]) -> Iterator[str]:
    """Name the blocks that count."""
    for listed in commits:
        yield from listed.paths()


@dataclass
class WriteObjects:
    """Dedupe one shard's raw rows, then write it: the raw rows lie where the shard's rows belong already."""

    write: WriteShard
    buckets: dict[Bucket, str]
    passing: str | None
    doors: frozenset[str]

    def __call__(self, shard: int, blocks: dict[str, pa.Table]) -> Iterable[pa.Table]:
        rows = name_physical(together.add_marks(dedupe(blocks["rows"]), blocks["marks"]), self.buckets)
        return self.write(shard, {"rows": mark_places(rows, self.passing, self.doors)})
