"""A bag's or an OCFL object's own manifest, held against what was read of its files.

BagIt is RFC 8493, OCFL version 1.1 of its specification (ocfl.io/1.1/spec).
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from mirrorfold.schemas.uri import escape_key, unescape_key

KINDS = ("bagit", "ocfl")
ALGORITHMS = ("sha256", "sha512", "sha384", "sha224", "sha1", "md5")
"""Of a manifest with several, each is checked; one that isn't here proves nothing."""
MANIFEST = re.compile(r"(?:tag)?manifest-([A-Za-z0-9]+)\.txt$", re.IGNORECASE)


class Stated(NamedTuple):
    """What a manifest says of a file: its URI, the algorithm, the lowercase hex digest, and the manifest's URI."""

    uri: str
    algorithm: str
    digest: str
    manifest: str


class Disagreement(NamedTuple):
    """A row of `package_failures`, without the object's version and library."""

    uri: str
    package: str
    manifest: str
    error: str
    algorithm: str | None
    stated: str | None
    found: str | None


class ManifestError(Exception):
    """A manifest can't be read as what it should be."""


def of_bag(folder: str, name: str, data: bytes, encoding: str = "utf-8") -> list[Stated]:
    """Read a bag's manifest.

    Args:
      folder: the bag's URI with a final slash; name: the manifest's in it.

    Raises:
      ManifestError: it isn't one.
    """
    found = MANIFEST.search(name)
    if found is None:
        raise ManifestError(f"{name} is no manifest's name")
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except (UnicodeDecodeError, LookupError) as error:
        raise ManifestError(f"its encoding isn't {encoding}") from error
    stated = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if not line.strip():
            continue
        parts = line.strip().split(None, 1)
        if len(parts) != 2 or not re.fullmatch(r"[0-9A-Fa-f]+", parts[0]):
            raise ManifestError(f"line {number} isn't a digest and a path")
        path = re.sub(r"%0D", "\r", re.sub(r"%0A", "\n", parts[1].lstrip("*"), flags=re.I), flags=re.I)
        stated.append(_stated(folder, path, found[1], parts[0], f"{folder}{name}"))
    return stated


def of_inventory(folder: str, data: bytes) -> list[Stated]:
    """Read an OCFL object's inventory: its manifest, and its fixity block.

    Raises:
      ManifestError: it isn't one.
    """
    try:
        inventory = json.loads(data)
        blocks = [(inventory["digestAlgorithm"], inventory["manifest"]), *inventory.get("fixity", {}).items()]
        return [
            _stated(folder, path, algorithm, digest, f"{folder}inventory.json")
            for algorithm, block in blocks
            for digest, paths in block.items()
            for path in paths
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError("it isn't an inventory of OCFL") from error


def _stated(folder: str, path: str, algorithm: str, digest: str, manifest: str) -> Stated:
    path = re.sub(r"^(\./)+", "", path)
    if path.startswith("/") or ".." in path.split("/"):
        raise ManifestError("it names a file outside its package")
    return Stated(folder + escape_key(path.encode()), algorithm.lower().replace("-", ""), digest.lower(), manifest)


class Part(NamedTuple):
    """A listed object of a package: its digests by algorithm, as far as they are known."""

    uri: str
    digests: Mapping[str, str]


def disagreements(
    package: str, stated: Iterable[Stated], parts: Mapping[str, Part], digests: Callable[[str, set[str]], dict | None]
) -> Iterator[Disagreement]:
    """Hold what a package's manifests say against its listed files.

    Names are compared in one Unicode form where the very name isn't there, as copying between systems changes it.

    Args:
      package: KIND:FOLDER, as in `objects`.
      digests: takes further digests of a part by reading it, by algorithm; None where it can't be read.
    """
    folder = package.partition(":")[2]
    forms = {_form(uri): uri for uri in parts}
    wanted: dict[str, list[Stated]] = {}
    for one in stated:
        uri = one.uri if one.uri in parts else forms.get(_form(one.uri), _decoded(one.uri, parts))
        wanted.setdefault(uri, []).append(one)
    for uri, said in sorted(wanted.items()):
        if uri not in parts:
            yield Disagreement(uri, package, said[0].manifest, "missing", said[0].algorithm, said[0].digest, None)
            continue
        known = dict(parts[uri].digests)
        asked = {s.algorithm for s in said if s.algorithm in ALGORITHMS} - known.keys()
        known |= (digests(uri, asked) or {}) if asked else {}
        for one in said:
            found = known.get(one.algorithm)
            if found is not None and found != one.digest:
                yield Disagreement(uri, package, one.manifest, "differs", one.algorithm, one.digest, found)
                break
    payload = re.compile(r"data/" if package.startswith("bagit:") else r"v\d+/content/")
    for uri in sorted(parts.keys() - wanted.keys()):
        if payload.match(uri.removeprefix(folder)):
            yield Disagreement(uri, package, "", "unnamed", None, None, None)


def _decoded(uri: str, parts: Mapping[str, Part]) -> str:
    """Read `%25` as RFC 8493 means it where the name as it stands isn't there."""
    decoded = uri.replace("%25", "%")
    return decoded if decoded in parts else uri


def _form(uri: str) -> str:
    return unicodedata.normalize("NFC", uri)


def digests_of(pieces: Iterable[bytes], algorithms: Iterable[str]) -> dict[str, str]:
    """Take several digests of the same bytes in one go."""
    made = {name: hashlib.new(name) for name in algorithms}
    for piece in pieces:
        for digest in made.values():
            digest.update(piece)
    return {name: digest.hexdigest() for name, digest in made.items()}


def fetched(data: bytes) -> set[str]:
    """Name the paths that a bag's fetch.txt still has to bring: what isn't there is no fault of theirs."""
    lines = (line.split(None, 2) for line in data.decode("utf-8", "replace").splitlines() if line.strip())
    return {parts[2].strip() for parts in lines if len(parts) == 3}


def plain(path: str) -> str:
    """Write a path as people read it."""
    return unescape_key(path).decode("utf-8", "replace")
