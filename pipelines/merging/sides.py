"""The sides of a merge: what each brings, what fits together, and how equal names are told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.merging import partner
from mirrorfold.pipelines.record.previous import check_tables, read_record
from mirrorfold.pipelines.record.request import Request, saved_request
from mirrorfold.schemas.uri import library_name, make_uri
from mirrorfold.transforms.merge.join import Names
from mirrorfold.transforms.merge.wiring import Side
from mirrorfold.transforms.retain.policy import compile_policy, policy_hash
from mirrorfold.transforms.stores.api import SourceSpec

MERGED = ("objects", "contents", "failures")
"""The tables that the stages after fingerprinting start from."""


@dataclass(frozen=True)
class Brought:
    """One side: its name, its DIR, its run's record and request, and its sources under the merge's names."""

    name: str
    folder: str
    record: dict
    request: Request
    specs: tuple[SourceSpec, ...]
    side: Side

    @property
    def libraries(self) -> list[str]:
        """Name its libraries as the merge does."""
        return sorted({spec.library for spec in self.specs})


def bring(arguments: Sequence[str]) -> tuple[Brought, ...]:
    """Read `[SIDE=]DIR` arguments, check that their runs fit together, and tell equal names apart.

    Raises:
      UsageError: one line, saying what doesn't fit and what to do.
    """
    named = [_split(argument) for argument in arguments]
    if len(named) < 2:
        raise UsageError("merge needs the folders of two finished runs: mirrorfold merge DIR_A DIR_B --output DIR")
    folders = [folder for _, folder in named]
    if len(set(folders)) < len(folders):
        raise UsageError("merge was given one folder twice: name the two runs")
    records = [read_record(folder) for folder in folders]
    for folder, record in zip(folders, records, strict=True):
        check_tables(folder, record, MERGED)
    _check_algorithms(folders, records)
    requests = [_request(folder, record) for folder, record in zip(folders, records, strict=True)]
    libraries = _new_libraries(named, requests)
    shared = _shared_folders(requests)
    if shared and not all(name for name, _ in named):
        raise UsageError(
            f"both sides list the folder {shared[0]}: if these are two machines, name the sides, as in "
            f"`mirrorfold merge hk={folders[0]} gz={folders[1]}`; if it is one machine, run over all sources at once"
        )
    sides = []
    for (name, folder), record, request, renamed in zip(named, records, requests, libraries, strict=True):
        mine = {spec.bucket for spec in request.sources if spec.store == "file"}
        moved = {path: f"{name}{path}" for path in shared if path in mine}
        specs = tuple(
            replace(
                spec,
                library=renamed.get(spec.library, spec.library),
                bucket=moved.get(spec.bucket, spec.bucket) if spec.store == "file" else spec.bucket,
            )
            for spec in request.sources
        )
        label = name or _last_part(folder)
        sides.append(Brought(label, folder, record, request, specs, Side(folder, Names(renamed, moved))))
    sides = [_silenced(side, sides) for side in sides]
    labels = Counter(side.name for side in sides)
    if max(labels.values()) > 1:
        raise UsageError(f"two sides would be called {labels.most_common(1)[0][0]}: name them, as in hk=DIR gz=DIR")
    return tuple(sides)


def _request(folder: str, record: dict) -> Request:
    """Read a side's request; a packed one says what its sources are, never how they are reached."""
    if not partner.is_packed(record):
        return saved_request(folder)
    try:
        request = saved_request(folder)
        compile_policy(request.policy)
        return replace(request, sources=tuple(map(partner.without_ways, request.sources)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{folder}: its request isn't one of ours: {' '.join(str(error).split())[:120]}") from error


def _silenced(side: Brought, sides: Sequence[Brought]) -> Brought:
    """Let a packed side say nothing of what lies in the sources of a run of our own."""
    if not partner.is_packed(side.record):
        return side
    ours = [other for other in sides if not partner.is_packed(other.record)]
    silent = tuple(sorted({start for other in ours for start in partner.starts_of(other.specs)}))
    return replace(side, side=replace(side.side, names=replace(side.side.names, silent=silent)))


def check_decided_alike(sides: Sequence[Brought]) -> None:
    """Refuse to choose silently between the sides' policies and hold lists.

    Raises:
      UsageError: they differ, and neither --policy nor --config says which holds.
    """
    first, *others = sides
    for other in others:
        if _policy_hash(other) != _policy_hash(first):
            raise UsageError(
                f"{first.name} was decided under the policy {first.request.policy.get('name')!r}, {other.name} under "
                f"{other.request.policy.get('name')!r}, which isn't the same: say with --policy which holds for both"
            )
        nameless = partner.is_nameless(first.record) or partner.is_nameless(other.record)
        if not nameless and _lists(other) != _lists(first):
            raise UsageError(
                f"{first.name} and {other.name} have other hold lists or catalogues: join them, and name them in "
                "--config (listing: {hold_list: FILE}, catalogue: FILE), so that no hold is forgotten"
            )


def _policy_hash(side: Brought) -> str:
    """Give the hash of a side's policy; one that left names at home says the hash of the policy that had them."""
    return str(side.record["policy_hash"]) if side.record.get("without") else policy_hash(side.request.policy)


def _lists(side: Brought) -> tuple:
    settings = side.request.settings
    return settings.listing.hold_list, settings.catalogue


def _split(argument: str) -> tuple[str | None, str]:
    before, equals, after = argument.partition("=")
    name = library_name(before)
    return (name, after) if equals and name else (None, argument)


def _last_part(folder: str) -> str:
    last = folder.rstrip("/").rpartition("/")[2]
    return "".join(letter if library_name(letter) else "-" for letter in last) or "side"


def _check_algorithms(folders: Sequence[str], records: Sequence[dict]) -> None:
    used = [(folder, tuple(record["algorithms"])) for folder, record in zip(folders, records, strict=True)]
    versions = {name for _, names in used for name in names}
    if len(versions) > 1:
        told = "; ".join(f"{folder}: {', '.join(names) or 'none'}" for folder, names in used)
        raise UsageError(
            f"these runs were fingerprinted by different versions, whose hashes can't be compared ({told}): run the "
            "older side again with the newer mirrorfold, then merge"
        )


def _new_libraries(named: Sequence[tuple[str | None, str]], requests: Sequence[Request]) -> list[dict[str, str]]:
    """Tell libraries of one name apart that aren't the same sources."""
    found = [_by_library(request) for request in requests]
    clashing = {
        library
        for one, mine in enumerate(found)
        for other in found[one + 1 :]
        for library in mine.keys() & other.keys()
        if mine[library] != other[library]
    }
    if clashing and not all(name for name, _ in named):
        example = min(clashing)
        raise UsageError(
            f"both sides have a library {example!r} of other sources: name the sides, as in `mirrorfold merge "
            f"hk={named[0][1]} gz={named[1][1]}`; the libraries are then called hk.{example} and gz.{example}"
        )
    return [
        {library: f"{name}.{library}" for library in sorted(clashing & mine.keys())}
        for (name, _), mine in zip(named, found, strict=True)
    ]


def _by_library(request: Request) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for spec in request.sources:
        found.setdefault(spec.library, set()).add(make_uri(spec.store, spec.bucket, spec.prefix))
    return found


def _shared_folders(requests: Sequence[Request]) -> list[str]:
    """Name folders that two sides list, or that lie in one another: their paths don't say whose disk it is."""
    folders = [{spec.bucket for spec in request.sources if spec.store == "file"} for request in requests]
    shared = {
        path
        for one, mine in enumerate(folders)
        for other in (found for number, found in enumerate(folders) if number != one)
        for path in mine
        for their in other
        if f"{path}/".startswith(f"{their}/") or f"{their}/".startswith(f"{path}/")
    }
    return sorted(shared)
