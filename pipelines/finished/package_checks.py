"""Hold the manifests that bags and OCFL objects of an archive bring along against what was read of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import duckdb

from mirrorfold.schemas.package_failures import ERRORS
from mirrorfold.transforms.publish.fixity import packages
from mirrorfold.transforms.publish.fixity.packages import Disagreement, ManifestError, Part, Stated
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores

PIECE = 16 << 20
LARGEST = 256 << 20
"""Bytes of a manifest up to which it is read."""
MARKS = {"bagit": r"(?i)/bagit\.txt$", "ocfl": r"/0=ocfl_object_[0-9.]+$"}
ROWS = f"""
    SELECT {", ".join(f"o.{name}" for name in ObjectRef._fields)}, o.uri, o.library, o.archived, o.md5,
        coalesce(o.content_id, f.sha256, o.sha256) AS sha256
    FROM objects o LEFT JOIN failures f USING (uri, version)
    WHERE o.is_latest AND NOT o.is_delete_marker ORDER BY o.uri"""


@dataclass
class Checked:
    """What holding manifests against files came to.

    Attributes:
      packages, files: how many were looked at; read: files that were read for a digest of another kind.
      rows: rows of `package_failures`.
    """

    packages: int = 0
    files: int = 0
    read: int = 0
    rows: list[dict] = field(default_factory=list)


@dataclass
class _Package:
    name: str
    folder: str
    library: str
    parts: dict[str, dict] = field(default_factory=dict)


def check_packages(connection: duckdb.DuckDBPyConnection, stores: Stores, reread: bool) -> Checked:
    """Check every bag and OCFL object of a run; needs views of objects and failures.

    Args:
      reread: read files whose manifest is by another algorithm than those that are known; else these prove nothing.
    """
    done = Checked()
    marks = {
        folder: kind
        for kind, expression in MARKS.items()
        for (folder,) in connection.execute(
            "SELECT regexp_replace(uri, '[^/]*$', '') FROM objects WHERE is_latest AND NOT is_delete_marker "
            "AND regexp_matches(uri, ?)", [expression]
        ).fetchall()
    }  # fmt: skip
    for package in _packages(connection, marks) if marks else ():
        done.packages += 1
        done.files += len(package.parts)
        for found in _check(package, stores, reread, done):
            done.rows.append({**found._asdict(), "library": package.library})
    done.rows.sort(key=lambda row: (row["package"], row["uri"], row["error"]))
    return done


def _packages(connection: duckdb.DuckDBPyConnection, marks: dict[str, str]) -> Iterator[_Package]:
    """Give each package with its files; one in another is a package too, and its files are of both."""
    starts, open_ones = sorted(marks), list[_Package]()
    cursor = connection.cursor().execute(ROWS)
    names = [column[0] for column in cursor.description]
    while rows := cursor.fetchmany(10_000):
        for values in rows:
            row = dict(zip(names, values, strict=True))
            while open_ones and not row["uri"].startswith(open_ones[-1].folder):
                yield open_ones.pop()
            while starts and starts[0] <= row["uri"]:
                folder = starts.pop(0)
                if row["uri"].startswith(folder):
                    open_ones.append(_Package(f"{marks[folder]}:{folder}", folder, row["library"]))
            for package in open_ones:
                package.parts[row["uri"]] = row
    yield from reversed(open_ones)


def _check(package: _Package, stores: Stores, reread: bool, done: Checked) -> Iterator[Disagreement]:
    own = {uri.removeprefix(package.folder): row for uri, row in package.parts.items()}
    stated: list[Stated] = []
    known: dict[str, dict[str, str]] = {
        uri: {name: row[name] for name in ("sha256", "md5") if row[name]} for uri, row in package.parts.items()
    }
    bag = package.name.startswith("bagit:")
    manifests = [n for n in own if packages.MANIFEST.fullmatch(n)] if bag else [n for n in own if n == "inventory.json"]
    encoding = _encoding(own, stores) if bag else "utf-8"
    whole = True
    for name in sorted(manifests):
        try:
            data = _whole(stores, own[name])
            read = packages.of_bag(package.folder, name, data, encoding) if bag else (
                packages.of_inventory(package.folder, data)
            )  # fmt: skip
        except (ManifestError, StoreError) as error:
            why = error.code if isinstance(error, StoreError) else str(error)
            uri, whole = package.folder + name, False
            yield Disagreement(uri, package.name, uri, "unreadable-manifest", None, None, why)
            continue
        stated += read
        known[package.folder + name] |= {a: hashlib.new(a, data).hexdigest() for a in packages.ALGORITHMS}
    if not stated:
        return
    waits = packages.fetched(_whole(stores, own["fetch.txt"])) if bag and "fetch.txt" in own else set()
    stated = [s for s in stated if s.uri in package.parts or packages.plain(s.uri[len(package.folder) :]) not in waits]
    parts = {uri: Part(uri, known[uri]) for uri in package.parts}

    def digests(uri: str, wanted: set[str]) -> dict[str, str] | None:
        row = package.parts[uri]
        if not reread or row["archived"]:
            return None
        done.read += 1
        try:
            return packages.digests_of(pieces(stores, _ref(row)), wanted)
        except StoreError:
            return None

    for found in packages.disagreements(package.name, stated, parts, digests):
        if whole or found.error != "unnamed":  # else the manifest that can't be read may name it
            yield found


def _encoding(own: dict[str, dict], stores: Stores) -> str:
    """Read which encoding a bag's tag files have; UTF-8 unless they say so."""
    try:
        text = _whole(stores, own["bagit.txt"]).decode("ascii", "replace") if "bagit.txt" in own else ""
    except StoreError:
        return "utf-8"
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return lines.get("Tag-File-Character-Encoding", "utf-8").strip() or "utf-8"


def _whole(stores: Stores, row: dict) -> bytes:
    if row["size"] > LARGEST:
        raise StoreError("too-large", f"{row['size']:,} bytes")
    return b"".join(pieces(stores, _ref(row)))


def _ref(row: dict) -> ObjectRef:
    return ObjectRef(*(row[name] for name in ObjectRef._fields))


def pieces(stores: Stores, ref: ObjectRef) -> Iterator[bytes]:
    """Read an object in pieces of PIECE bytes."""
    for start in range(0, max(ref.size, 1), PIECE):
        yield stores.read(ref, start, min(start + PIECE, ref.size))


def told(rows: Sequence[dict]) -> str:
    """Say in a line what one of them is."""
    row = min(rows, key=lambda found: (tuple(ERRORS).index(found["error"]), found["uri"]))
    return f"{row['uri']}: {row['error']} ({row['manifest'] or row['package']})"
