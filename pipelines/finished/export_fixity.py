"""Export the fixity record of what a run read: manifests per library and prefix that other tools check."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import groupby
from typing import NamedTuple

import duckdb
import pyarrow as pa

from mirrorfold.pipelines.errors import BrokenPromiseError
from mirrorfold.pipelines.finished import package_checks
from mirrorfold.pipelines.finished.verify import open_whole
from mirrorfold.pipelines.record.request import saved_request
from mirrorfold.schemas.package_failures import PACKAGE_FAILURES
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.publish.fixity import formats
from mirrorfold.transforms.publish.fixity.formats import File, Group
from mirrorfold.transforms.publish.fixity.packages import digests_of
from mirrorfold.transforms.publish.manifests.csv import csv_line, guard
from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores
from mirrorfold.transforms.stores.output import OutputStore
from mirrorfold.transforms.stores.sources import open_stores

COLUMNS = (
    "uri", "version", "library", "size", "sha256", "evidence", "action", "carried", "is_latest", "package",
    "package_error", "why",
)  # fmt: skip
LEFT = ("uri", "version", "library", "size", "why")
INDEX = ("folder", "library", "place", "prefix", "files", "bytes")
READ_AT_ONCE = 1_000
ROWS = f"""
    SELECT {", ".join(f"o.{name}" for name in ObjectRef._fields)}, o.uri, o.library, o.archived, o.is_latest,
        o.package, d.action, d.action <> 'quarantine' AND o.is_latest AS carried,
        coalesce(o.content_id, f.sha256, o.sha256, d.read_sha256) AS sha256,
        CASE WHEN o.content_id IS NOT NULL THEN o.identity_evidence WHEN f.sha256 IS NOT NULL THEN 'read'
            WHEN o.sha256 IS NOT NULL THEN 'sha256' WHEN d.read_sha256 IS NOT NULL THEN 'previous' END AS evidence,
        f.error AS why, p.error AS package_error,
        array_to_string(string_split(o.key, '/')[1:least(?, len(string_split(o.key, '/')) - 1)], '/') AS prefix
    FROM objects o JOIN decisions d USING (uri, version) LEFT JOIN failures f USING (uri, version)
    LEFT JOIN (SELECT uri, min(error) AS error FROM package_failures GROUP BY uri) p ON p.uri = o.uri AND o.is_latest
    WHERE NOT o.is_delete_marker ORDER BY o.library, o.store, o.bucket, prefix, o.key, o.version"""
"""`?` is how many folders of a key make a prefix."""


class Fixity(NamedTuple):
    """What an export of fixity wrote.

    Attributes:
      folder: below DIR; files: paths in it.
      rows: files that manifests name; left: those that they don't, named with the reason in left-out.csv.
      packages, checked: bags and OCFL objects whose own manifests were checked, and their files.
      disagreements: rows of the table `package_failures`.
    """

    folder: str
    files: list[str]
    rows: int
    left: int
    packages: int
    checked: int
    disagreements: int


def export_fixity(
    folder: str,
    to: str,
    *,
    depth: int = 0,
    read_rest: bool = False,
    reread: bool = True,
    despite_packages: bool = False,
    threads: int = 32,
    say: Callable[[str], None] = lambda _: None,
) -> Fixity:
    """Write manifests of what a run read under DIR/exports/fixity-TO, and check packages' own manifests.

    Args:
      to: sha256sum, bagit, ocfl or csv.
      depth: folders of a key that make a prefix with manifests of its own; 0: one for each bucket or folder.
      read_rest: read what the run had no reason to read (texts, films), so that every file has a digest.
      reread: read files of packages whose manifests are by another algorithm than SHA-256.
      despite_packages: write manifests though packages disagree with their own.

    Raises:
      ValueError: a form that isn't one, or an unfinished run; before anything is written.
      BrokenPromiseError: the folder breaks a promise, or a package disagrees with its own manifest.
    """
    if to not in formats.FORMS:
        raise ValueError(f"fixity is a record, nothing that {to} carries out: --to {', '.join(formats.FORMS)}")
    store = open_whole(folder)
    stores = open_stores(tuple(saved_request(folder).sources))
    try:
        with connect(store, "objects", "failures", "decisions") as connection:
            found = package_checks.check_packages(connection, stores, reread)
            if found.rows and not despite_packages:
                raise BrokenPromiseError(
                    f"nothing was exported: {len(found.rows):,} files of packages aren't as their own manifests "
                    f"say, e.g. {package_checks.told(found.rows)}; --despite-packages exports all the same and lists "
                    "them in the table package_failures"
                )
            rows = pa.Table.from_pylist(found.rows, schema=PACKAGE_FAILURES.schema)
            parquet.replace_table(store, PACKAGE_FAILURES, rows)
            connection.register("package_failures", rows)
            out = _Out(store, to, _group(store))
            for batch in _batches(connection, depth):
                out.add(_read(batch, stores, threads, say) if read_rest else batch)
    finally:
        stores.close()
    out.close()
    return Fixity(out.folder.rstrip("/"), sorted(out.files), out.rows, out.left, found.packages, found.files,
                  len(found.rows))  # fmt: skip


def _group(store: OutputStore) -> Group:
    made = json.loads(store.get("run.json")).get("finished_at") or dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return Group("", "", f"mirrorfold {version('mirrorfold')}", made, plan_hash(store))


def _batches(connection: duckdb.DuckDBPyConnection, depth: int) -> Iterator[list[dict]]:
    cursor = connection.execute(ROWS, [depth])
    names = [column[0] for column in cursor.description]
    while rows := cursor.fetchmany(READ_AT_ONCE):
        yield [dict(zip(names, row, strict=True)) for row in rows]


def _read(rows: list[dict], stores: Stores, threads: int, say: Callable[[str], None]) -> list[dict]:
    """Read what has no digest yet and can be read."""

    def read(row: dict) -> dict:
        if row["sha256"] or row["archived"]:
            return row
        ref = ObjectRef(*(row[name] for name in ObjectRef._fields))
        try:
            return row | digests_of(package_checks.pieces(stores, ref), ["sha256"]) | {"evidence": "export"}
        except StoreError as error:
            return row | {"why": error.code}

    with ThreadPoolExecutor(threads) as pool:
        done = list(pool.map(read, rows))
    if count := sum(row["evidence"] == "export" for row in done):
        say(f"read {count:,} files that the run hadn't")
    return done


class _Out:
    """Writes manifests group by group, as rows come in their order."""

    def __init__(self, store: OutputStore, to: str, about: Group):
        self.store, self.to, self.about = store, to, about
        self.folder = f"exports/fixity-{to}/"
        for path in store.list(self.folder):
            store.delete(path)
        self.files: list[str] = []
        self.index: list[list[str]] = []
        self.left_out: list[list[str]] = []
        self.names: dict[tuple, str] = {}
        self.rows = self.left = 0
        self.open: tuple | None = None
        self.held: list[dict] = []

    def add(self, rows: list[dict]) -> None:
        for place, group in groupby(rows, key=lambda r: (r["library"], r["store"], r["bucket"], r["prefix"])):
            if place != self.open:
                self._flush()
                self.open = place
            self.held += group

    def close(self) -> None:
        self._flush()
        self._put("manifests.csv", [INDEX, *self.index])
        if self.left_out:
            self._put("left-out.csv", [LEFT, *self.left_out])
        self._write("README.txt", (formats.HOW[self.to] + "\nleft-out.csv names what no manifest here has, and why; "
                    "manifests.csv what each folder is of.\n").encode())  # fmt: skip

    def _flush(self) -> None:
        if self.open is None:
            return
        library, kind, bucket, prefix = self.open
        folder = self._folder(self.open)
        place = f"{'' if kind == 'file' else kind + '://'}{bucket}"
        written = self._as_csv(folder) if self.to == "csv" else self._as_manifest(folder, library, place)
        self.index.append([folder, library, place, prefix, str(len(written)), str(sum(r["size"] for r in written))])
        self.rows += len(written)
        self.held = []

    def _as_csv(self, folder: str) -> list[dict]:
        self._put(f"{folder}/fixity.csv", [COLUMNS, *([_cell(row[name]) for name in COLUMNS] for row in self.held)])
        self.left += sum(1 for row in self.held if not row["sha256"])
        return [row for row in self.held if row["sha256"]]

    def _as_manifest(self, folder: str, library: str, place: str) -> list[dict]:
        folders = formats.folders_of([row["key"] for row in self.held if row["is_latest"]])
        kept, files = [], []
        for row in self.held:
            file = File(row["key"], row["size"], row["sha256"] or "", row["carried"], row["uri"], row["version"])
            why = _why(row, self.to) or formats.refuse(self.to, file, folders)
            if why:
                self.left += 1
                self.left_out.append([_cell(row[name]) for name in LEFT[:-1]] + [why])
            else:
                kept.append(row)
                files.append(file)
        group = self.about._replace(name=f"urn:mirrorfold:{_urn(folder, place)}", library=library)
        for name, data in formats.WRITERS[self.to](files, group).items():
            self._write(f"{folder}/{name}", data)
        return kept

    def _folder(self, place: tuple) -> str:
        """Name a group's folder: two places never share one, however alike their names are."""
        below = "--".join(filter(None, [place[2].rpartition("/")[2], *place[3].split("/")]))
        name = "/".join(re.sub(r"[^\w.-]+", "-", part).strip("-.") or "_" for part in (place[0], below))
        taken = set(self.names.values())
        number = 2
        unique = name
        while unique in taken:
            unique, number = f"{name}-{number}", number + 1
        self.names[place] = unique
        return unique

    def _put(self, name: str, lines: list) -> None:
        self._write(name, b"".join(map(csv_line, lines)))

    def _write(self, name: str, data: bytes) -> None:
        self.store.put(self.folder + name, data)
        self.files.append(name)


def _why(row: dict, to: str) -> str:
    if not row["is_latest"]:
        return "an older version: no path names it (--to csv does)"
    if row["package_error"] in ("differs", "unreadable-manifest"):
        return "its package's own manifest disagrees: see the table package_failures"
    if not row["sha256"]:
        return f"nobody read it ({row['why'] or 'unknown'}); --read-rest does"
    return "set aside by the plan" if not row["carried"] and to in ("bagit", "ocfl") else ""


def _urn(folder: str, place: str) -> str:
    return re.sub(r"[^\w.:/-]+", "-", f"{folder}:{place}").strip("-")


def _cell(value: object) -> str:
    return guard("yes" if value is True else "no" if value is False else value)
