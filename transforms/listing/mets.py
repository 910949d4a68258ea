"""METS packages by content: a METS file names its package's files, wherever they lie and whatever it is called itself.

Read while listing, within a budget: small XML files alone, those first whose name speaks of METS. METS 1 points with
`FLocat xlink:href`, METS 2 with `FLocat LOCREF` (loc.gov/standards/mets): URIs, mostly relative to the file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import unquote_to_bytes
from xml.etree.ElementTree import ParseError

import pyarrow as pa
import pyarrow.compute as pc
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores

MAX_BYTES = 8 << 20
"""Larger XML files aren't read: METS of a thousand pages is some 2 MB."""
MAX_POINTERS = 500_000
"""Names that are remembered, some 100 MB in each process; what lies in a package by its folder needs none."""
HEAD = 2_048
"""Bytes in which the root's name or namespace stands; the rest of other XML is never parsed."""
SAYS_METS = re.compile(rb"<(?:[\w.-]+:)?mets\b|www\.loc\.gov/METS", re.IGNORECASE)
COLUMNS = (*ObjectRef._fields, "uri", "is_latest", "is_delete_marker", "archived")
POINTED_PATH = "inputs/mets.parquet"
POINTED = pa.schema([("uri", pa.string()), ("package", pa.string())])
"""An object that a METS file names, and its package; the file itself is a part too."""


class Found(NamedTuple):
    """What reading XML files came to.

    Attributes:
      pointed: rows of POINTED; left: files that weren't read for want of budget; full: more names than are remembered.
    """

    pointed: pa.Table
    left: int
    full: bool


def read_packages(
    blocks: Iterable[pa.Table], stores: Stores, budget: int, inside: Callable[[str], bool], threads: int = 16
) -> Found:
    """Read XML files among what was listed, and give what METS files among them name.

    A file that can't be read, or is no METS, names nothing.

    Args:
      blocks: rows with COLUMNS.
      budget: files that are read at most.
      inside: tells whether a URI lies in a package already.
    """
    wanted = sorted(_candidates(blocks), key=lambda found: ("mets" not in found[0].lower(), found[0]))
    chosen = wanted[:budget]
    named: dict[str, str] = {}
    full = False
    with ThreadPoolExecutor(threads) as pool:
        for (uri, _), names in zip(chosen, pool.map(lambda found: _read(stores, *found), chosen), strict=True):
            new = [name for name in (uri, *names) if not inside(name)] if names else []
            room = MAX_POINTERS - len(named)
            full = full or len(new) > room
            for name in new[:room]:
                named.setdefault(name, f"mets:{uri}")
    rows = sorted(named.items())
    pointed = pa.table({"uri": [uri for uri, _ in rows], "package": [package for _, package in rows]}, schema=POINTED)
    return Found(pointed, len(wanted) - len(chosen), full)


def _candidates(blocks: Iterable[pa.Table]) -> Iterator[tuple[str, ObjectRef]]:
    for block in blocks:
        small = pc.and_(pc.less_equal(block.column("size"), MAX_BYTES), pc.greater(block.column("size"), 0))
        current = pc.and_not(block.column("is_latest"), block.column("is_delete_marker"))
        readable = pc.and_not(pc.and_(small, current), block.column("archived"))
        xml = pc.match_substring_regex(block.column("uri"), r"(?i)[^/][.]xml$")
        for row in block.filter(pc.and_(readable, xml)).to_pylist():
            yield row["uri"], ObjectRef(*(row[name] for name in ObjectRef._fields))


def _read(stores: Stores, uri: str, ref: ObjectRef) -> list[str]:
    try:
        head = stores.read(ref, 0, min(HEAD, ref.size))
        if not SAYS_METS.search(head):
            return []
        return pointers(stores.read(ref) if ref.size > HEAD else head, uri)
    except StoreError:
        return []


def pointers(data: bytes, uri: str) -> list[str]:
    """Give the URIs of the files that a METS document names; none of what isn't one.

    Args:
      uri: of the document, which relative pointers start from.
    """
    try:
        root = fromstring(data)
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        return []
    if _local(root.tag) != "mets":
        return []
    found: list[str | None] = []
    for element in root.iter():
        if _local(element.tag) == "FLocat":
            for name, value in element.attrib.items():
                if _local(name) in ("href", "LOCREF"):
                    # A name may have a % in it that is no escape.
                    found += {resolve(value, uri), resolve(value.replace("%", "%25"), uri)}
    return sorted({target for target in found if target is not None})


def resolve(href: str, base: str) -> str | None:
    """Write a pointer as the tables write URIs; None for the web and for what names no file."""
    href = href.strip().partition("#")[0]
    scheme, _, rest = href.partition(":")
    relative = href
    if re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]*", scheme) and rest:
        if scheme.lower() not in ("file", "s3", "gs", "az"):
            return None
        if scheme.lower() != "file" or rest.startswith("///"):
            store, path = scheme.lower(), rest.removeprefix("//")
            return f"{store}://{_clean(path)}" if path else None
        relative = rest.removeprefix("//")  # file:page.tif, file://./page.tif: relative, as many write it
    store, _, place = base.partition("://")
    top = "" if store == "file" else place.partition("/")[0] + "/"
    folder = place.rpartition("/")[0]
    if not relative or relative.endswith("/"):
        return None
    if relative.startswith("/"):
        return f"{store}://{top}{_clean(relative).lstrip('/')}" if top else f"file://{_clean(relative)}"
    path = _normal(f"{folder}/{_decoded(relative)}")
    return f"{store}://{path}" if path.startswith(top) else None


def _clean(path: str) -> str:
    return _normal(_decoded(path))


def _decoded(path: str) -> str:
    # A name with a literal % that is no escape stays as it is.
    return escape_key(unquote_to_bytes(path.encode("utf-8", "surrogatepass"))) if "%" in path else path


def _normal(path: str) -> str:
    return posixpath.normpath(path)


def _local(name: object) -> str:
    return name.rpartition("}")[2] if isinstance(name, str) else ""
