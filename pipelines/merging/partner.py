"""What a packed side may say: it speaks for its own sources, in files of a known form, and decides nothing of ours."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.uri import make_uri
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import OutputStore, open_output

if TYPE_CHECKING:
    from mirrorfold.pipelines.merging.sides import Brought

STATED = ("uri", "version", "library", "store", "bucket", "key", "etag", "content_id")
SEEN = ("store", "version", "etag", "size", "last_modified", "content_id")
"""What one object shows to two who list it, whatever they call it."""
BLOWN_UP = 400
"""Bytes in memory for one in the file, and SLACK more: zstd makes thumbnails and names nowhere near as small."""
SLACK = 256 << 20


def is_packed(record: dict) -> bool:
    """Tell a side that another institution packed from a run of our own."""
    return "travels" in record


def is_nameless(record: dict) -> bool:
    """Tell a side that packed its objects under keyed digests in place of their URIs."""
    return "uri" in (record.get("without") or ())


def without_ways(spec: SourceSpec) -> SourceSpec:
    """Forget how a packed side says its stores are reached: our signed requests go where our own settings say.

    That a source holds bytes of its own it said beside its other sources, not beside ours.
    """
    return replace(
        spec, endpoint=None, profile=None, project=None, region=None, requester_pays=False, anonymous=False,
        replica=False, concurrency=min(32, max(1, int(spec.concurrency))),
    )  # fmt: skip


def starts_of(specs: Sequence[SourceSpec]) -> tuple[str, ...]:
    """Give how the URIs of sources begin."""
    return tuple(
        make_uri(s.store, s.bucket, s.prefix) if s.store == "file" or s.prefix else f"{s.store}://{s.bucket}/"
        for s in specs
    )


def check_partners(sides: Sequence[Brought], names: Sequence[str]) -> None:
    """Refuse packed sides whose files are hostile, or that speak for what isn't theirs.

    Raises:
      UsageError: one line, naming the side and the row or file.
    """
    ours = [side for side in sides if not is_packed(side.record)]
    for side in sides:
        if is_packed(side.record):
            for name in names:
                check_files(open_output(side.folder), side.name, name, side.record["counts"].get(name))
            _check_stated(side)
            _check_contents(side, ours)


def check_files(store: OutputStore, side: str, name: str, rows: int | None) -> None:
    """Refuse shards that aren't our table: other columns, other rows than said, or bombs.

    Raises:
      UsageError: naming the file.
    """
    found = sum(check_file(store, side, path, TABLES[name].schema) for path in parquet.shards(store, f"{name}/"))
    if rows is not None and found != rows:
        raise UsageError(f"side {side}: {name} has {found:,} rows, its run.json says {rows:,}; ask for a new pack")


def check_file(store: OutputStore, side: str, path: str, schema: pa.Schema) -> int:
    """Refuse a file that holds no rows of this form, or is a bomb; give its rows.

    Raises:
      UsageError: naming the file.
    """
    wrong, rows, types = None, 0, {f.name: f.type for f in schema}
    try:
        with store.open(path) as file:
            size = file.seek(0, 2)
            file.seek(0)
            shard = pq.ParquetFile(file, thrift_string_size_limit=1 << 26, thrift_container_size_limit=1 << 20)
            groups = [shard.metadata.row_group(n) for n in range(shard.metadata.num_row_groups)]
            memory = sum(g.total_byte_size for g in groups)
            rows = shard.metadata.num_rows
            other = [f.name for f in shard.schema_arrow if types.get(f.name) != f.type]
            if other:
                wrong = f"the column {other[0]!r} is none of ours or has another type"
            elif rows > size or memory > size * BLOWN_UP + SLACK:
                wrong = f"{size:,} bytes that say they hold {rows:,} rows in {memory:,} bytes"
            elif sum(g.num_rows for g in groups) != rows:
                wrong = "its row groups hold other rows than it says"
    except (OSError, pa.ArrowException, ValueError) as error:
        wrong = f"it can't be read: {' '.join(str(error).split())[:120]}"
    if wrong:
        raise UsageError(f"side {side}: {store.url(path)}: {wrong}; ask for a new pack")
    return rows


def _stated(side: Brought, *, silence: bool = True) -> Iterator[pa.Table]:
    for block in parquet.table_blocks(open_output(side.folder), "objects", STATED):
        yield side.side.names.rename(block, 0, silence=silence)


def declared(side: Brought, rows: pa.Table) -> pa.Array:
    """Tell which rows are about objects in sources that a side declares."""
    inside = pa.array([False] * rows.num_rows)
    for start in starts_of(side.specs):
        inside = pc.or_(inside, pc.starts_with(rows["uri"], start))
    return inside


def _check_stated(side: Brought) -> None:
    """Refuse rows about what the side doesn't declare as a source."""
    declared = [(spec, start) for spec, start in zip(side.specs, starts_of(side.specs), strict=True)]
    for block in _stated(side, silence=False):
        inside = pa.array([False] * block.num_rows)
        for spec, start in declared:
            mine = pc.and_(pc.starts_with(block["uri"], start), pc.equal(block["library"], spec.library))
            inside = pc.or_(inside, mine)
        parts = (block[name].to_pylist() for name in ("store", "bucket", "key"))
        made = [make_uri(*part) for part in zip(*parts, strict=True)]
        inside = pc.and_(inside, pc.equal(block["uri"], pa.array(made, pa.string())))
        strange = block.filter(pc.invert(pc.fill_null(inside, False)))
        if strange.num_rows:
            raise UsageError(
                f"side {side.name} states {strange['uri'][0].as_py()!r}, which lies in none of the sources that it "
                f"declares ({', '.join(start for _, start in declared)}): a side speaks for its own objects alone"
            )


def _check_contents(side: Brought, ours: Sequence[Brought]) -> None:
    """Refuse a side that says of an object of ours, by its very etag, that it holds other bytes."""
    starts = tuple(start for other in ours for start in starts_of(other.specs))
    claimed: dict[tuple[str, str], tuple[str, str]] = {}
    for block in _stated(side, silence=False):
        for row in block.to_pylist():
            if row["content_id"] and row["uri"].startswith(starts):
                claimed[row["uri"], row["version"]] = row["etag"], row["content_id"]
    for other in ours if claimed else ():
        for block in _stated(other):
            for row in block.to_pylist():
                etag, content = claimed.get((row["uri"], row["version"]), (None, None))
                if etag == row["etag"] and row["content_id"] and content != row["content_id"]:
                    raise UsageError(
                        f"side {side.name} says that {row['uri']!r} holds other bytes than {other.name} read, under "
                        "the same etag: one of them is wrong, and nothing is decided on it"
                    )


def without_doubles(side: Brought, sides: Sequence[Brought]) -> Brought:
    """Leave out of a nameless side what has the very version, ETag, size, time and bytes of an object of another side.

    Where names can't be compared, it may be that object, listed by both: it never counts as its own copy.
    """
    if not is_nameless(side.record):
        return side
    theirs: set[int] = set()
    for other in sides:
        # Of two nameless sides that list one bucket, one speaks for it.
        if other is not side and (not is_nameless(other.record) or other.name < side.name):
            for block in parquet.table_blocks(open_output(other.folder), "objects", ["uri", *SEEN]):
                theirs.update(number for _, number in _seen(block))
    mine = parquet.table_blocks(open_output(side.folder), "objects", ["uri", *SEEN])
    doubles = tuple(sorted(uri for block in mine for uri, number in _seen(block) if number in theirs))
    return replace(side, side=replace(side.side, names=replace(side.side.names, doubles=doubles)))


def _seen(block: pa.Table) -> Iterator[tuple[str, int]]:
    """Give the URI of each object that was read, and a number that two share which look to be one."""
    for row in block.filter(pc.is_valid(block.column("content_id"))).to_pylist():
        said = "\0".join(str(row[name]) for name in SEEN).encode("utf-8", "surrogatepass")
        yield row["uri"], int.from_bytes(hashlib.blake2b(said, digest_size=8).digest())


def their_verdicts(side: Brought) -> list[dict]:
    """Give a packed side's verdicts that count: on pairs with a content of its own, under the side's name."""
    found = verdicts.read_verdicts(open_output(side.folder))
    wanted = pa.array(sorted({v[end] for v in found for end in ("content_a", "content_b")}), pa.string())
    own: set[str] = set()
    for block in _stated(side) if found else ():
        own.update(pc.unique(block["content_id"].filter(pc.is_in(block["content_id"], value_set=wanted))).to_pylist())
    counted = []
    for verdict in found:
        if verdict["content_a"] in own or verdict["content_b"] in own:
            said = verdicts.checked_verdict(
                verdict | {"reviewer": f"{verdict['reviewer']} ({side.name})"}, f"side {side.name}"
            )
            marker = hashlib.sha256(f"{side.name}\n{said['id']}".encode()).hexdigest()[:16]
            counted.append(said | {"id": marker})
    return counted
