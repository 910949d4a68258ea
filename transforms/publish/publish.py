"""Put the pages together: tables in, files below DIR out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import duckdb
import pyarrow as pa

from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.cores import cores
from mirrorfold.transforms.blocks.tables import open_tables, rows_of
from mirrorfold.transforms.publish import facts, queue
from mirrorfold.transforms.publish.details import (
    CONTENT_COLUMNS,
    gather_details,
    gather_proposals,
    gather_records,
    wanted_pictures,
)
from mirrorfold.transforms.publish.looks import looks, sketched
from mirrorfold.transforms.publish.pages import Shown, data_uri, write_pages
from mirrorfold.transforms.publish.part_clusters import Picture
from mirrorfold.transforms.publish.pictures import SIDE, Decode, Maker, Read, sketch, thumb_path
from mirrorfold.transforms.publish.report import Report, render
from mirrorfold.transforms.publish.signing import Signing
from mirrorfold.transforms.publish.team import people_of, read_split, team_of
from mirrorfold.transforms.stores.output import OutputStore

PROOF_SIDE = 1024

COLUMNS = {
    "objects": (
        "content_id", "library", "store", "bucket", "key", "uri", "version", "etag", "size", "archived", "is_latest",
        "is_delete_marker", "stated",
    ),
    "contents": (*CONTENT_COLUMNS, "luma"),
    "decisions": (
        "uri", "version", "library", "storage_class", "size", "content_id", "cluster_id", "action", "rule", "reason",
        "tier_to_kept", "kept_uri", "kept_version", "bytes_freed", "bytes_if_same", "bytes_below_cutoff", "conflicts",
        "jurisdiction", "package", "catalogue_no",
    ),
    "hold_checks": ("uri", "version", "hold", "kind"),
    "clusters": (
        "cluster_id", "uri", "version", "library", "content_id", "tier", "kind", "kind_text", "is_master", "d_phash64",
        "family_id",
    ),
    "pairs": (
        "content_a", "content_b", "reason", "tier", "kind", "kind_text", "d_phash64", "d_phash256", "correlation",
        "residual", "warp",
    ),
    "confirmations": ("content_a", "content_b", "confirmed", "width", "height", "x", "y", "w", "h"),
    "changes": (
        "uri", "version", "library", "change", "bytes_duplicate", "bytes_realised", "bytes_waiting", "relied_on",
        "sha256_before", "sha256",
    ),
    "failures": ("uri", "stage", "error", "library", "message"),
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """How much is shown; see `configs.settings.PublishSettings`."""

    language: str = "en"
    thumbnails: int = 500
    proofs: int = 100
    sketches: int = 5_000
    clusters: int = 100_000
    sample: int = 100
    seed: str = "mirrorfold"


@dataclass(frozen=True)
class Story:
    """What the report says beside the tables: see `report.Report`."""

    policy: Mapping
    policy_hash: str
    policy_source: str
    settings_source: str = ""
    summary: Mapping | None = None
    provenance: tuple[tuple[str, str], ...] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    rulings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    looked: Mapping[tuple[str, str], tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    said: tuple[Mapping, ...] = ()
    samples: tuple[Mapping, ...] = ()
    drawn: frozenset[tuple[str, str]] = frozenset()
    reviewers: int = 1
    signing: Signing = field(default_factory=Signing)
    made: str = ""


def publish_pages(
    store: OutputStore,
    story: Story,
    options: Options,
    read: Read,
    decode: Decode,
    records: Iterable[pa.Table] = (),
    proposals: pa.Table | None = None,
) -> None:
    """Write report.html, the review pages, their queue and their thumbnails.

    Args:
      read: fetches an object's bytes from its source; decode: makes a small picture of them.
      records: the catalogue's own word on objects, as blocks with a column uri and any of `details.RECORD`.
      proposals: rows of `merged_record` about clusters that people are asked about, copies that may go included.
    """
    with open_tables(store, {TABLES[name]: columns for name, columns in COLUMNS.items()}) as connection:
        register_verdicts(connection, story.rulings, story.looked)
        items, pairs = queue.build_queue(connection, options.sample, options.seed)
        _replace(store, "review/queue/", queue.write_queue(connection, store, pairs))
        gather_details(connection, min(items, options.clusters))
        gather_records(connection, records)
        gather_proposals(connection, proposals)
        found = facts.gather(connection)
        pictures = Pictures(connection, store, read, decode, options)
        disputed = {pair for pair, outcome in story.rulings.items() if outcome == "conflict"}
        team = team_of(
            connection, read_split(store), story.said, disputed, story.reviewers, min(items, options.clusters)
        )
        work = queue.count_work(connection)
        write_pages(connection, store, pictures.for_page, options.language, pairs, work, team, story.drawn)
        report = Report(
            facts=found,
            work=work,
            policy=story.policy,
            policy_hash=story.policy_hash,
            policy_source=story.policy_source,
            settings_source=story.settings_source,
            pictures=pictures.embedded(list(dict.fromkeys(row["content_id"] for row in found.members))),
            summary=story.summary,
            verdicts=queue.sample_verdicts(connection),
            people=people_of(story.said),
            samples=story.samples,
            provenance=story.provenance,
            commands=story.commands,
            language=options.language,
            signing=story.signing,
            made=story.made,
        )
        store.put("report.html", render(report).encode())


class Sketch(NamedTuple):
    """What a content's luma draws, and the luma."""

    webp: bytes
    luma: bytes


class Pictures:
    """Makes the pictures for the pages: proofs and thumbnails first, sketches for what can't be had.

    Fetches for the largest clusters, for the quality sample and for the report; the same file is fetched once.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, store: OutputStore, read: Read, decode: Decode, options: Options
    ):
        self._connection, self._store, self._maker = connection, store, Maker(store, read, decode, max(8, 2 * cores()))
        self._made: dict[str, bool] = {}
        self._proofs: set[str] = set()
        proofs = self._ranked("item < ?", options.proofs)
        self._make(proofs, (SIDE, PROOF_SIDE))
        self._proofs = {content_id for content_id in proofs if self._made.get(content_id)}
        self._make(self._ranked("item < ? or sample", options.thumbnails))
        self._looks = self._measure(self._ranked("item < ? or sample", options.thumbnails))
        self._sketches = self._draw(self._ranked("item < ? or sample", options.thumbnails + options.sketches))

    def for_page(self, content_id: str) -> Shown:
        """Give a content's picture on the review pages: a file below review/, or a sketch itself."""
        if self._made.get(content_id):
            path = thumb_path(content_id, self._sides(content_id)[-1])
            return Shown(path.removeprefix("review/"), self._looks.get(content_id))
        drawn = self._sketches.get(content_id)
        return Shown(data_uri(drawn.webp), sketched(drawn.luma)) if drawn else Shown()

    def embedded(self, content_ids: list[str]) -> dict[str, Picture]:
        """Give pictures to embed in the report, thumbnails where they can be had."""
        self._make(content_ids)
        drawn = self._draw(content_ids)
        found = {}
        for content_id in content_ids:
            if self._made.get(content_id):
                found[content_id] = Picture(self._store.get(thumb_path(content_id)))
            elif content_id in drawn:
                found[content_id] = Picture(drawn[content_id].webp, sketch=True)
        return found

    def _ranked(self, where: str, limit: int) -> list[str]:
        sql = f"""select content_id from (select unnest([kept, other]) content_id, pair from queue where {where})
            group by content_id order by min(pair), content_id"""
        return [row["content_id"] for row in rows_of(self._connection, sql, [limit])]

    def _make(self, content_ids: list[str], sides: tuple[int, ...] = (SIDE,)) -> None:
        new = [content_id for content_id in content_ids if content_id not in self._made]
        wanted = wanted_pictures(self._connection, new, luma=False)
        self._made |= dict(self._maker.make(wanted, sides))

    def _sides(self, content_id: str) -> tuple[int, ...]:
        return (SIDE, PROOF_SIDE) if content_id in self._proofs else (SIDE,)

    def _measure(self, content_ids: list[str]) -> dict[str, dict]:
        made = [content_id for content_id in content_ids if self._made.get(content_id)]
        with ThreadPoolExecutor(cores()) as pool:
            return dict(zip(made, pool.map(self._looks_of, made), strict=True))

    def _looks_of(self, content_id: str) -> dict:
        return looks({side: self._store.get(thumb_path(content_id, side)) for side in self._sides(content_id)})

    def _draw(self, content_ids: list[str]) -> dict[str, Sketch]:
        missing = [content_id for content_id in content_ids if not self._made.get(content_id)]
        wanted = wanted_pictures(self._connection, missing, luma=True)
        return {row.content_id: Sketch(sketch(row.luma, row.width, row.height), row.luma) for row in wanted if row.luma}


def register_verdicts(
    connection: duckdb.DuckDBPyConnection,
    rulings: Mapping[tuple[str, str], str],
    looked: Mapping[tuple[str, str], tuple[str, tuple[str, ...]]],
) -> None:
    """Make the tables `rulings` (what people's verdicts decide) and `looked` (what those found who looked)."""
    text, texts = pa.string(), pa.list_(pa.string())
    rulings_table = [(*pair, outcome) for pair, outcome in sorted(rulings.items())]
    looked_table = [(*pair, outcome, list(people)) for pair, (outcome, people) in sorted(looked.items())]
    for name, rows, kinds in (("rulings", rulings_table, [text] * 3), ("looked", looked_table, [text] * 3 + [texts])):
        columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
        arrays = [pa.array(values, kind) for values, kind in zip(columns, kinds, strict=True)]
        table = pa.table(arrays, names=["content_a", "content_b", "outcome", "people"][: len(kinds)])
        connection.register(f"_{name}", table)
        connection.execute(f"create table {name} as select * from _{name}")


def _replace(store: OutputStore, folder: str, written: list[str]) -> None:
    for stale in {f"{folder}{name.removeprefix(folder)}" for name in store.list(folder)} - set(written):
        store.delete(stale)
