"""Targets of a reconciliation: what they list, as columns, and which of a plan's objects each is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.sources import names_library, parse_sources
from mirrorfold.schemas.uri import make_uri
from mirrorfold.transforms.listing.inventory import list_report
from mirrorfold.transforms.listing.live import list_live, plan_live
from mirrorfold.transforms.listing.manifest import read_manifest
from mirrorfold.transforms.listing.uri_list import list_named, read_list
from mirrorfold.transforms.reconcile.plan import FOUND
from mirrorfold.transforms.stores.api import SourceSpec, StoreError

THREADS = 4
OURS = ("t", "target", "role", "rel", "serves", "was_read")
LISTED = [name for name in FOUND.names if name not in OURS]
NOTHING = pa.schema([FOUND.field(name) for name in LISTED] + [("is_delete_marker", pa.bool_())]).empty_table()


@dataclass(frozen=True)
class Target:
    """Where to look.

    Attributes:
      spec: as a source would be named; arg: as the user wrote it.
      serves: the only library that it is the destination of, None for all.
      aside: it is where quarantined objects went.
    """

    spec: SourceSpec
    arg: str
    serves: str | None
    aside: bool

    @property
    def start(self) -> str | None:
        """Give how URIs of the target begin; None for a list of URIs."""
        if self.spec.kind == "listing":
            return None
        prefix = self.spec.prefix if self.spec.kind == "live" else ""
        return make_uri(self.spec.store, self.spec.bucket, prefix)


def read_targets(
    targets: Sequence[str], quarantines: Sequence[str], settings: Settings, libraries: set[str]
) -> list[Target]:
    """Read TARGET arguments; `LIBRARY=URI` is the destination of that library alone.

    Raises:
      UsageError: one line naming the argument.
    """
    read = []
    for arg, aside in [(arg, False) for arg in targets] + [(arg, True) for arg in quarantines]:
        (spec,) = parse_sources([arg], settings, None)
        serves = spec.library if names_library(arg) and not aside else None
        if serves is not None and serves not in libraries:
            raise UsageError(f"{arg}: this plan has no library {serves}; it has {', '.join(sorted(libraries))}")
        read.append(Target(spec, arg, serves, aside))
    places = [target.start or target.spec.manifest for target in read]
    for place in places:
        if places.count(place) > 1:
            raise UsageError(f"{place} is named twice: name each target once")
    return read


def list_targets(targets: Sequence[Target], expected: pa.Table) -> pa.Table:
    """List every target, in the order given; give rows of `plan.FOUND`.

    Args:
      expected: the plan's objects: a target that covers some of them is their home, else a destination.

    Raises:
      UsageError: a target can't be listed, or lists nothing though the plan leaves something there.
    """
    tables, uris = [], expected.column("uri")
    starts = [target.start for target in targets]
    for number, target in enumerate(targets):
        try:
            blocks = list(_blocks(target.spec))
        except StoreError as error:
            raise UsageError(error.message) from error
        rows = pa.concat_tables(blocks) if blocks else NOTHING
        inner = [start for start in starts if start and target.start and len(start) > len(target.start)]
        for start in inner:  # a target within a target answers for itself
            rows = rows.filter(pc.invert(pc.starts_with(rows.column("uri"), start)))
        rows = rows.filter(pc.invert(rows.column("is_delete_marker"))).select(LISTED)
        if not rows.num_rows and not target.aside and not _emptied(target, expected):
            raise UsageError(f"{target.arg} lists nothing: check the name, the prefix and the permissions")
        tables.append(_mark(rows, number, target, uris))
    found = pa.concat_tables(tables)
    return found.set_column(0, FOUND.field("t"), pa.array(range(found.num_rows), pa.int64()))


def homes(targets: Sequence[Target], found: pa.Table, uris: pa.ChunkedArray) -> pa.ChunkedArray:
    """Tell which of the plan's objects lie where one of the targets looks: they are asked for in their own place."""
    asked = pa.chunked_array([pa.nulls(len(uris), pa.bool_()).fill_null(False)])
    for target in targets:
        if target.aside:
            continue
        if target.start is None:
            named = found.filter(pc.equal(found.column("role"), "home")).column("uri")
            asked = pc.or_(asked, pc.is_in(uris, named.combine_chunks()))
        else:
            asked = pc.or_(asked, pc.starts_with(uris, target.start))
    return asked


def _emptied(target: Target, expected: pa.Table) -> bool:
    """Tell whether the plan takes everything away that was listed where a target looks."""
    if target.start is None:
        return False
    there = expected.filter(pc.starts_with(expected.column("uri"), target.start)).column("action")
    return len(there) > 0 and pc.all(pc.equal(there, "quarantine")).as_py()


def _blocks(spec: SourceSpec) -> Iterator[pa.Table]:
    work: list[Callable[[], Iterator[pa.Table]]]
    if spec.kind == "live":
        whole: Sequence[None] = (None,)
        work = [partial(list_live, spec, 0, part) for part in plan_live(spec) or whole]
    elif spec.kind == "listing":
        work = [partial(list_named, spec, 0, part) for part in read_list(spec)]
    else:
        work = [partial(list_report, spec, 0, file, None) for file in read_manifest(spec).files]
    with ThreadPoolExecutor(THREADS) as pool:
        for blocks in pool.map(lambda part: [block.select([*LISTED, "is_delete_marker"]) for block in part()], work):
            yield from blocks


def _mark(rows: pa.Table, number: int, target: Target, uris: pa.ChunkedArray) -> pa.Table:
    role = "quarantine" if target.aside else "destination"
    if not target.aside:
        own = pc.is_in(rows.column("uri"), uris.combine_chunks()) if target.start is None else None
        covers = pc.any(own if own is not None else pc.starts_with(uris, target.start)).as_py()
        role = "home" if covers else role
    keys = rows.column("key")
    prefix = target.spec.prefix if target.spec.kind == "live" and target.spec.store != "file" else ""
    rel = pc.utf8_ltrim(pc.utf8_slice_codeunits(keys, len(prefix)), "/") if prefix else keys
    given = {
        "t": pa.nulls(rows.num_rows, pa.int64()),
        "target": pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows),
        "role": pa.repeat(role, rows.num_rows),
        "rel": rel,
        "serves": pa.repeat(pa.scalar(target.serves, pa.string()), rows.num_rows),
        "was_read": pa.repeat(False, rows.num_rows),
    }
    return pa.table([given.get(n, rows.column(n) if n in LISTED else None) for n in FOUND.names], schema=FOUND)
