"""A list of URIs as a source: text, CSV or Parquet; each object is looked up for what a listing would have said."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from mirrorfold.schemas.uri import escape_key, make_uri, unescape_key
from mirrorfold.transforms.listing.azure_rows import azure_rows
from mirrorfold.transforms.listing.encodings import extra_map
from mirrorfold.transforms.listing.folder import Entry, folder_rows
from mirrorfold.transforms.listing.gcs_rows import gcs_rows
from mirrorfold.transforms.listing.rows import RANK, block_of
from mirrorfold.transforms.listing.s3_rows import s3_rows
from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from mirrorfold.transforms.stores.check import bucket_rules
from mirrorfold.transforms.stores.describe import Described, describe
from mirrorfold.transforms.stores.lifecycle import apply_rules
from mirrorfold.transforms.stores.reports import ReportFiles

ROWS = 2_000
"""Objects looked up by one unit of work."""


class Named(NamedTuple):
    """An object as the list names it; `version` is '' for the current one."""

    store: str
    bucket: str
    key: str
    version: str = ""


def read_list(spec: SourceSpec) -> Iterator[list[Named]]:
    """Read a list in parts of ROWS objects, each object once.

    A CSV or Parquet file has a column `uri`, and may have `version`; text has a URI a line. URIs are written as in our
    tables: the key stands literally at the end.

    Raises:
      StoreError: it can't be read, or a line isn't the URI of an object; names the line.
    """
    place = spec.manifest or ""
    seen: dict[Named, None] = {}
    with ReportFiles(spec).on_disk(place, None) as path:
        try:
            for number, (uri, version) in enumerate(_lines(path, place), start=1):
                if uri:
                    seen[_parse(uri, version or "", f"{place}, entry {number}")] = None
        except (pa.ArrowException, UnicodeDecodeError, KeyError) as error:
            said = " ".join(str(error).split())
            raise StoreError("unreachable", f"{place} isn't a list of URIs, by column uri or line: {said}") from error
    names = sorted(seen)
    for start in range(0, len(names), ROWS):
        yield names[start : start + ROWS]


def _lines(path: str, place: str) -> Iterator[tuple[str | None, str | None]]:
    name = place.lower()
    if name.endswith((".csv", ".parquet")):
        strings = csv.ConvertOptions(column_types={"uri": pa.string(), "version": pa.string()})
        parse = csv.ParseOptions(newlines_in_values=True)
        table = pq.read_table(path) if name.endswith(".parquet") else csv.read_csv(path, None, parse, strings)
        uris = table.column("uri").cast(pa.string()).to_pylist()
        named = "version" in table.column_names
        versions = table.column("version").cast(pa.string()).to_pylist() if named else [None] * len(uris)
        yield from zip(uris, versions, strict=True)
        return
    with open(path, encoding="utf-8-sig", newline="\n") as lines:
        for line in lines:
            yield line.removesuffix("\n").removesuffix("\r"), None


def _parse(uri: str, version: str, where: str) -> Named:
    scheme, separator, rest = uri.partition("://")
    if (separator and scheme == "file") or uri.startswith("/"):
        folder, slash, name = (rest if separator else uri).rpartition("/")
        if slash and name:
            real = os.path.realpath(unescape_key(folder or "/"))
            return Named("file", escape_key(real), name, version)
    elif separator and scheme in ("s3", "gs", "az"):
        bucket, _, key = rest.partition("/")
        if bucket and key:
            return Named(scheme, bucket, key, version)
    said = f"{where}: {uri[:200]!r} isn't s3://BUCKET/KEY, gs://BUCKET/KEY, az://CONTAINER/KEY or an absolute path"
    raise StoreError("unreachable", said)


def list_named(spec: SourceSpec, rank: int, names: Sequence[Named]) -> Iterator[pa.Table]:
    """Look up objects and give blocks of RAW, one for each bucket or folder.

    An object that isn't there stays in the listing, with no bytes, and `extra` says why.

    Raises:
      StoreError: a store doesn't answer at all, or refuses.
    """
    now = datetime.datetime.now(datetime.UTC)
    with ThreadPoolExecutor(spec.concurrency, "look-up") as pool:
        for (store, bucket), group in groupby(sorted(names), key=lambda name: name[:2]):
            place = {"library": spec.library, "bucket": bucket, "rank": rank}
            found = list(pool.map(lambda name: describe(spec, *name), group))
            rules = bucket_rules(replace(spec, store=store, bucket=bucket))
            present = [one for one in found if one.entry is not None]
            if store == "s3":
                for versioned in (False, True):
                    some = [one for one in present if bool(one.version) is versioned]
                    if some:
                        yield apply_rules(_s3(some, versioned, place), rules)
            elif store == "gs" and present:
                yield apply_rules(gcs_rows([one.entry for one in present], now=now, **place), rules)
            elif store == "az" and present:
                blobs, facts = zip(*(one.entry for one in present), strict=True)
                yield apply_rules(azure_rows(blobs, facts, **place), rules)
            elif present:
                yield folder_rows([Entry(*one.entry) for one in present], **place)
            absent = [one for one in found if one.entry is None]
            if absent:
                yield _absent(store, absent, place)


def _s3(some: Sequence[Described], versioned: bool, place: dict[str, Any]) -> pa.Table:
    holds = [one.hold for one in some]
    return s3_rows([one.entry for one in some], versioned=versioned, plain_etags=True, holds=holds, **place)


def _absent(store: str, absent: Sequence[Described], place: dict[str, Any]) -> pa.Table:
    rows = len(absent)
    return block_of(
        rows,
        {
            RANK: place["rank"],
            "uri": [make_uri(store, place["bucket"], one.key) for one in absent],
            "library": place["library"],
            "store": store,
            "bucket": place["bucket"],
            "key": [one.key for one in absent],
            "version": [one.version for one in absent],
            "size": 0,
            "etag": "",
            "storage_class": "FILE" if store == "file" else "STANDARD",
            "hold": "unknown" if store != "file" else "no",
            "is_latest": True,
            "is_delete_marker": False,
            "archived": False,
            "extra": extra_map({"look-up": pa.repeat("vanished", rows)}, rows),
        },
    )
