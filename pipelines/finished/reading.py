"""Read found objects whose bytes nothing else proves, and look at those that may be a known picture in other bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from mirrorfold.pipelines.public import fingerprint
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.match import find
from mirrorfold.transforms.match.verify import Verifier
from mirrorfold.transforms.reconcile.plan import FOUND
from mirrorfold.transforms.reconcile.states import OTHERWISE
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores

PIECE = 16 << 20
LARGEST = 1 << 30
"""Bytes of a file up to which it is looked at as a picture."""
SURE = ("same-picture", "near-certain")
TELL_EVERY = 1_000
Notes = dict[int, str]


def read_found(
    found: pa.Table, wanted: Sequence[int], stores: Stores, threads: int, say: Callable[[str], None]
) -> tuple[pa.Table, Notes]:
    """Take the SHA-256 of found objects: what the store states, where it states one of the whole, else of the bytes.

    Args:
      wanted: their numbers (`t`), which are their rows.

    Returns:
      The same rows with `sha256` and `was_read`, and what a store answered instead of giving bytes.
    """
    digests, read = found.column("sha256").to_pylist(), found.column("was_read").to_pylist()
    notes: Notes = {}
    with ThreadPoolExecutor(threads) as pool:
        rows = zip(wanted, pool.map(lambda row: _digest(stores, row), refs(found, wanted)), strict=True)
        for number, (t, (digest, was_read, note)) in enumerate(rows, start=1):
            digests[t], read[t] = digest, was_read
            if note:
                notes[t] = note
            if number % TELL_EVERY == 0:
                say(f"read {number:,} of {len(wanted):,} objects")
    for name, values in (("sha256", digests), ("was_read", read)):
        field = FOUND.field(name)
        found = found.set_column(FOUND.get_field_index(name), field, pa.array(values, field.type))
    return found, notes


def refs(found: pa.Table, wanted: Sequence[int]) -> list[tuple[ObjectRef, str | None]]:
    """Name found objects to the stores, each with the checksum that its listing says the store has."""
    names = (*ObjectRef._fields, "checksum_algorithm")
    rows = found.select(names).take(pa.array(wanted, pa.int64())).to_pylist()
    return [(ObjectRef(*[row[name] for name in ObjectRef._fields]), row["checksum_algorithm"]) for row in rows]


def _digest(stores: Stores, row: tuple[ObjectRef, str | None]) -> tuple[str | None, bool, str]:
    ref, checksum = row
    digest = hashlib.sha256()
    try:
        if checksum and checksum.startswith("SHA256"):
            stated = stores.head(ref).sha256
            if stated:
                return stated, False, ""
        for start in range(0, max(ref.size, 1), PIECE):
            digest.update(stores.read(ref, start, min(start + PIECE, ref.size)))
    except StoreError as error:
        return None, False, f"couldn't be read: {error.code}"
    return digest.hexdigest(), True, ""


def look(
    found: pa.Table, wanted: Iterable[int], lost: pa.Table, own: dict[int, str], verifier: Verifier, stores: Stores
) -> list[tuple[int, str, str, str]]:
    """Find, among found objects, pictures of contents that are lost.

    Args:
      wanted: numbers of found objects.
      lost: rows of contents (`features.SCHEMA`) that weren't found whole.
      own: the content that a found object's place belongs to, which is tried first.

    Returns:
      (t, content_id, tier, kind), at most one for each found object; sure tiers alone.
    """
    made = []
    names = lost.column("content_id").to_pylist()
    wanted = list(wanted)
    for t, (ref, _) in zip(wanted, refs(found, wanted), strict=True):
        if not 0 < ref.size <= LARGEST or not names:
            continue
        try:
            picture = fingerprint(stores.read(ref)).table
        except (StoreError, DecodeError):
            continue
        near = find.may_show(lost, picture, verifier.features(picture), verifier.rule.radius)
        if own.get(t) in names:
            near[names.index(own[t])] = True
        some = lost.filter(pa.array(near))
        judged = find.shown_in(verifier, picture.select(some.column_names), some).to_pylist() if some.num_rows else []
        hits = [(some.column("content_id")[row["pair"]].as_py(), row) for row in judged]
        hits = [(content, row) for content, row in hits if row["joins"] and row["tier"] in SURE]
        hits.sort(key=lambda hit: (hit[0] != own.get(t), SURE.index(hit[1]["tier"]), hit[0]))
        if hits:
            content, row = hits[0]
            made.append((t, content, row["tier"], row["kind"] or ""))
    return made


def otherwise_rows(rows: list[tuple[int, int, str, str]]) -> pa.Table:
    """Make OTHERWISE of (e, t, tier, kind)."""
    return pa.Table.from_pylist([dict(zip(OTHERWISE.names, row, strict=True)) for row in rows], schema=OTHERWISE)
