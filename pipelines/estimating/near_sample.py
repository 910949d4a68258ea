"""The sample behind the interval of near duplicates: the mission's own fingerprint and match, on a few objects."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pyarrow as pa

from mirrorfold.pipelines.commands.progress import Progress
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.match_cost import density_of
from mirrorfold.pipelines.mission import MISSION
from mirrorfold.pipelines.record.request import Request
from mirrorfold.pipelines.record.steps import Step, count_rows
from mirrorfold.pipelines.run import run
from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import ipc, parquet
from mirrorfold.transforms.estimate import near
from mirrorfold.transforms.estimate.census import Listed
from mirrorfold.transforms.stores.output import OutputStore, open_output

SAMPLED = "near"
"""Folder of the sample's run."""


def sample(
    request: Request,
    blocks: Iterable[pa.Table],
    listed: Listed,
    whole: near.Whole,
    scratch: str,
    beam_args: tuple[str, ...],
    progress: Progress,
) -> near.Near | None:
    """Fingerprint and match a sample of the readable objects in `blocks`, whole rows of `objects`; None without one."""
    limits = request.settings.estimate
    if not listed.objects or not limits.near_objects:
        return None
    chance = min(1.0, limits.near_objects / listed.objects, limits.near_bytes / max(1, listed.bytes))
    chosen = [block.filter(pa.array(near.drawn(block["key"].to_pylist(), chance), pa.bool_())) for block in blocks]
    rows = ipc.sort_rows(ipc.concatenate(chosen, OBJECTS.schema).select(OBJECTS.schema.names), OBJECTS.order)
    if rows.num_rows < 2:
        return None

    def write(context: RunContext) -> None:
        parquet.write_shard(context.store, OBJECTS, rows, 0, 1)

    output = os.path.join(scratch, SAMPLED)
    steps = [step for step in MISSION if step.stage in ("fingerprint", "match")]
    first = Step("objects", stage="list", drive=write, writes=("objects",))
    run(_tolerant(request), output, steps=(first, *steps), until="match", beam_args=beam_args, progress=progress)
    store = open_output(output)
    clusters, tiers, pixels = _clusters(store)
    return near.estimate(clusters, _rows(store), chance, whole, tiers, pixels)


def chance(request: Request, scratch: str) -> tuple[float, float] | None:
    """Measure on the sampled contents the candidates by chance in a million pairs, and CPU seconds to verify one.

    None where the sample shows none.
    """
    output = os.path.join(scratch, SAMPLED)
    contents = count_rows(open_output(output), CONTENTS.name) if os.path.isdir(output) else 0
    if contents < 2:
        return None
    density = density_of(RunContext(output, request.settings, counts={"contents": contents}))
    found = density.million((request.settings.match.radius, request.settings.match.crops))
    return (found, density.verify_ms / 1e3) if found else None


def _tolerant(request: Request) -> Request:
    """A sample goes on without the objects that it can't read; a run's threshold is for runs."""
    fingerprint = request.settings.fingerprint.model_copy(
        update={"max_store_failures": 1.0, "max_decode_failures": 1.0}
    )
    return replace(request, settings=request.settings.model_copy(update={"fingerprint": fingerprint}), previous=None)


def _clusters(store: OutputStore) -> tuple[list[list[tuple[str, str, int]]], Counter[str], dict[str, float]]:
    """Give each cluster's distinct contents, the master first, the others by tier, and the contents' megapixels."""
    rows = list(_read(store, CONTENTS, ["content_id", "size", "width", "height"]))
    sizes = {row["content_id"]: row["size"] for row in rows}
    pixels = {row["content_id"]: (row["width"] or 0) * (row["height"] or 0) / 1e6 for row in rows}
    members: dict[str, dict[str, tuple]] = defaultdict(dict)
    for row in sorted(
        _read(store, CLUSTERS, ["cluster_id", "content_id", "uri", "tier"]),
        key=lambda row: (row["cluster_id"], row["uri"]),
    ):
        members[row["cluster_id"]].setdefault(row["content_id"], (row["uri"], row["tier"]))
    clusters, tiers = [], Counter[str]()
    for master, found in sorted(members.items()):
        order = sorted(found, key=lambda content: (content != master, content))
        clusters.append([(content, near.stem(found[content][0]), sizes[content]) for content in order])
        tiers.update(found[content][1] for content in order[1:])
    return clusters, tiers, pixels


def _read(store: OutputStore, table, columns: list[str]) -> Iterator[dict]:
    yield from parquet.read_table(store, table, columns).to_pylist()


def _rows(store: OutputStore) -> int:
    return parquet.read_table(store, CONTENTS, ["content_id"]).num_rows
