"""Tables of an archive that was never there: objects, contents and no failures, as if listed and fingerprinted.

Pictures are sums of low cosines under random weights; a tenth are small changes of others, and every fifth object is a
copy of a content. Bits are less alike by chance than those of photographs: `bench_match` has signatures with theirs.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import apache_beam as beam
import numpy as np
import pyarrow as pa

from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.mission import MISSION
from mirrorfold.pipelines.record.request import Request
from mirrorfold.pipelines.record.steps import Step
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks.wiring import WriteTable
from mirrorfold.transforms.match.probes import window_hashes
from mirrorfold.transforms.stores.api import SourceSpec

BLOCK = 5_000
COPIES, CHANGED = 5, 10
SIZE = 200_000
LARGE = ("phash256", "dhash256", "pdq256")


TABLES = "tables"
"""The step's name that stands for listing and fingerprinting."""


def request() -> Request:
    """Give a run's request over the archive: without crops, whose search has its own bench."""
    source = (SourceSpec("archive", "live", "file", "/archive"),)  # no store to ask about holds
    return Request(source, Settings.model_validate({"match": {"crops": False}}), load_policy("default"))


def steps(objects: int, later: Collection[str]) -> tuple[Step, ...]:
    """Give the step that writes the tables for so many objects, and the mission's steps of these names."""
    made = Step(
        TABLES,
        stage="list",
        builds=(partial(build, objects=objects),),
        writes=("objects", "contents", "failures"),
        counts=lambda _: {"listed": objects},
    )
    return (made, *(step for step in MISSION if step.name in later))


def build(root: beam.Pipeline, run: RunContext, objects: int) -> None:
    """Write the tables for so many objects."""
    contents = objects - objects // COPIES
    for table, make, rows in ((CONTENTS, contents_block, contents), (OBJECTS, objects_block, objects)):
        blocks = (
            root
            | f"Name{table.name}" >> beam.Create(range(0, rows, BLOCK))
            | f"Make{table.name}" >> beam.Map(partial(_block, make, rows, contents)).with_output_types(pa.Table)
        )
        blocks | f"Write{table.name}" >> WriteTable(run.output, table, rows, spill=run.spill)
    none = root | "NameNone" >> beam.Create([FAILURES.schema.empty_table()])
    none | "WriteFailures" >> WriteTable(run.output, FAILURES, objects, spill=run.spill)


def _block(make, rows: int, contents: int, start: int) -> pa.Table:
    return make(np.arange(start, min(start + BLOCK, rows)), contents)


def objects_block(numbers: np.ndarray, contents: int) -> pa.Table:
    """Make objects: one for each content, then the copies."""
    shown = np.where(numbers < contents, numbers, numbers - contents)
    keys = [f"{n // 1000:05d}/{n:09d}.jpg" for n in numbers.tolist()]
    return filled(
        OBJECTS.schema,
        len(numbers),
        uri=[f"file:///archive/{key}" for key in keys],
        library=["archive" if n < contents else "mirror" for n in numbers.tolist()],
        store=["file"] * len(keys),
        bucket=["/archive"] * len(keys),
        key=keys,
        size=np.full(len(keys), SIZE),
        etag=[_content_id(n)[:32] for n in shown.tolist()],
        storage_class=["FILE"] * len(keys),
        hold=["no"] * len(keys),
        is_latest=np.ones(len(keys), bool),
        content_id=[_content_id(n) for n in shown.tolist()],
        identity_evidence=["read"] * len(keys),
    )


def contents_block(numbers: np.ndarray, _: int) -> pa.Table:
    """Make contents with lumas, and hashes that agree with them."""
    random = np.random.default_rng(int(numbers[0]))
    weights = _weights(random, len(numbers))
    near = np.flatnonzero(numbers % CHANGED == 1)
    weights[near] = weights[near - 1] + 0.03 * _weights(random, len(near))
    lumas = _lumas(weights)
    symmetries = np.stack([_bits(turned) for turned in _symmetries(weights)], axis=1)
    windows = window_hashes(lumas)[:, : CONTENTS.schema.field("windows64").type.list_size]
    large = random.integers(0, 256, (len(numbers), len(LARGE), 32), dtype=np.uint8)
    large[near] = large[near - 1]
    return filled(
        CONTENTS.schema,
        len(numbers),
        content_id=[_content_id(n) for n in numbers.tolist()],
        size=np.full(len(numbers), SIZE),
        media_type=["image/jpeg"] * len(numbers),
        width=np.where(numbers % CHANGED == 1, 1200, 2400),
        height=np.where(numbers % CHANGED == 1, 800, 1600),
        frames=np.ones(len(numbers)),
        algorithm=["synthetic"] * len(numbers),
        phash64=symmetries[:, 0],
        pdq_quality=np.full(len(numbers), 100),
        orientation=np.ones(len(numbers)),
        mode=["RGB"] * len(numbers),
        bit_depth=np.full(len(numbers), 8),
        windows64=list(windows) if windows.shape[1] == 9 else None,
        dihedral64=list(symmetries),
        luma=[luma.tobytes() for luma in lumas],
        picture_digest=[_content_id(n) for n in numbers.tolist()],
        **{name: [row.tobytes() for row in large[:, place]] for place, name in enumerate(LARGE)},
    )


def filled(schema: pa.Schema, rows: int, **given) -> pa.Table:
    """Fill what isn't given: null where it may be, else zeros and empty strings."""
    columns = []
    for field in schema:
        values = given.get(field.name)
        if values is not None:
            columns.append(pa.array(values).cast(field.type))
        elif field.nullable:
            columns.append(pa.nulls(rows, field.type))
        else:
            columns.append(pa.array([""] * rows if field.type == pa.string() else [0] * rows).cast(field.type))
    return pa.table(columns, schema=schema)


def _content_id(number: int) -> str:
    # Scattered as a digest's first bytes are.
    return f"{(number * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF:016x}{number:048x}"


def _weights(random: np.random.Generator, count: int) -> np.ndarray:
    found = random.standard_normal((count, 8, 8), dtype=np.float32)
    found /= 1 + np.add.outer(np.arange(8), np.arange(8), dtype=np.float32)
    found[:, 0, 0] = 0
    return found


def _lumas(weights: np.ndarray) -> np.ndarray:
    cosines = np.cos(np.pi * np.outer(np.arange(64) + 0.5, np.arange(8)) / 64).astype(np.float32)
    return np.clip(cosines @ weights @ cosines.T * 40 + 128, 0, 255).astype(np.uint8)


def _symmetries(weights: np.ndarray) -> list[np.ndarray]:
    signs = np.where(np.arange(8) % 2, -1, 1).astype(np.float32)
    flipped = weights * signs
    turns = []
    for start in (weights, flipped):
        turned = start
        for _ in range(4):
            turns.append(turned)
            turned = turned.transpose(0, 2, 1) * signs
    return turns


def _bits(weights: np.ndarray) -> np.ndarray:
    flat = weights.reshape(len(weights), 64)
    set_bits = flat > np.median(flat, axis=1)[:, None]
    return np.packbits(set_bits, axis=1).view(">u8")[:, 0].astype(np.uint64)
