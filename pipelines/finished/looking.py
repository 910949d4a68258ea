"""Look into a finished run: what it holds of a picture at hand, and why two files are or aren't one."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from mirrorfold.configs.settings import MatchSettings
from mirrorfold.pipelines.public import fingerprint
from mirrorfold.pipelines.record.state import states
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.rows import ALGORITHM
from mirrorfold.transforms.match import features, find
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier
from mirrorfold.transforms.match.why import Reasons, explain_pair
from mirrorfold.transforms.stores.output import OutputStore, open_output

CROPS_UP_TO = 50_000
"""Contents up to which the picture is looked for in all their windows unasked, not in the nine stored ones alone."""
CONTENT_ID = re.compile(r"[0-9a-f]{8,64}")
NAMED = 5
DECIDED = ("library", "action", "rule", "reason", "kept_uri", "cluster_id", "family_id", "content_id")
_TIERS = ("identical", "same-picture", "near-certain", "probable", "near-miss")


@dataclass(frozen=True)
class Hit:
    """A content of the archive that shows a picture.

    Attributes:
      tier: as in `pairs`, or identical, or near-miss: nearly, and held apart.
      files: (uri, library, action) of each object with that content.
    """

    content_id: str
    tier: str
    kind_text: str
    width: int
    height: int
    files: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Found:
    """What an archive holds of one file.

    Attributes:
      all_windows: whether crops were looked for in all windows.
    """

    file: str
    hits: tuple[Hit, ...]
    contents: int
    all_windows: bool


@dataclass(frozen=True)
class Subject:
    """One of the two files that are asked about.

    Attributes:
      uri: as the run lists it, or the path of a file at hand.
      content: its row of `contents`, None where it wasn't read: `failure` says why.
      decided: its row of `decisions` (library, action, rule, reason, cluster_id, family_id), None for a file at hand.
    """

    uri: str
    content: dict | None
    failure: str
    decided: dict | None


@dataclass(frozen=True)
class Why:
    """Why two files are or aren't one.

    Attributes:
      reasons: None where the bytes are the same, or one of the two wasn't read.
      recorded: the run's own row of `edges` for the pair, None where it has none.
      confirmed: its row of `confirmations`.
    """

    a: Subject
    b: Subject
    reasons: Reasons | None
    recorded: dict | None
    confirmed: dict | None

    @property
    def identical(self) -> bool:
        a, b = self.a.content, self.b.content
        return a is not None and b is not None and a["content_id"] == b["content_id"]


def find_files(folder: str, files: Sequence[str], crops: bool | None = None) -> list[Found]:
    """List what the archive of a finished run holds of the pictures in some files.

    Args:
      crops: look for each picture in all windows of every content (some 0.1 ms each); None: up to CROPS_UP_TO contents.

    Raises:
      ValueError: DIR holds no run with contents of this version, or a file is no picture; one line.
    """
    store, record = _open(folder)
    verifier = verifier_of(record)
    pictures = [_fingerprint(file) for file in files]
    made = [verifier.features(picture) for picture in pictures]
    count = record["counts"]["contents"]
    wide = count <= CROPS_UP_TO if crops is None else crops
    chosen: list[list[str]] = [[] for _ in files]
    for block in parquet.table_blocks(store, CONTENTS.name, find.CROP_COLUMNS if wide else find.COLUMNS):
        for ids, picture, features_of in zip(chosen, pictures, made, strict=True):
            near = find.may_show(block, picture, features_of, verifier.rule.radius)
            ids += block.column("content_id").filter(pa.array(near)).to_pylist()
    connection = connect(store, "contents", "objects", "decisions")
    return [
        Found(file, _hits(connection, verifier, picture, ids), count, wide)
        for file, picture, ids in zip(files, pictures, chosen, strict=True)
    ]


def _hits(connection, verifier: Verifier, picture: pa.Table, ids: list[str]) -> tuple[Hit, ...]:
    contents = features_of(connection, ids)
    own = picture.column("content_id")[0].as_py()
    names = contents.column("content_id").to_pylist()
    judged = [(row, "identical", "the same bytes") for row, name in enumerate(names) if name == own]
    for pair in find.shown_in(verifier, picture.select(contents.column_names), contents).to_pylist():
        if names[pair["pair"]] != own and (pair["joins"] or pair["near_miss"]):
            judged.append((pair["pair"], pair["tier"] if pair["joins"] else _TIERS[-1], pair["kind_text"]))
    files = _files(connection, [names[row] for row, *_ in judged])
    size = [contents.column(name).to_pylist() for name in ("width", "height")]
    hits = [
        Hit(names[row], tier, kind, size[0][row], size[1][row], tuple(files.get(names[row], ())))
        for row, tier, kind in judged
    ]
    return tuple(sorted(hits, key=lambda hit: (_TIERS.index(hit.tier), -hit.width * hit.height, hit.content_id)))


def why(folder: str, first: str, second: str) -> Why:
    """Say why two files are or aren't one picture.

    Args:
      first, second: a URI that the run lists, the end of one that no other ends with, a content_id or eight of its
        digits and more, or the path of a file.

    Raises:
      ValueError: nothing or too much goes by that name; no finished run; a file at hand is no picture.
    """
    store, record = _open(folder)
    connection = connect(store, "contents", "objects", "decisions", "failures", "edges", "confirmations")
    a, b = (_subject(connection, name) for name in (first, second))
    reasons = recorded = confirmed = None
    one, other = a.content, b.content
    if one is not None and other is not None and one["content_id"] != other["content_id"]:
        names = features.SCHEMA.names
        rows = pa.Table.from_pylist([{name: row[name] for name in names} for row in (one, other)], features.SCHEMA)
        reasons = explain_pair(verifier_of(record), rows)
        ids = sorted(row["content_id"] for row in (one, other))
        recorded, confirmed = (
            _one(connection, f"SELECT * FROM {table} WHERE content_a = ? AND content_b = ?", ids)
            for table in ("edges", "confirmations")
        )
    return Why(a, b, reasons, recorded, confirmed)


def verifier_of(record: dict) -> Verifier:
    """Make the verifier that a run matched with, from its run.json; with the default settings where it states none."""
    match = MatchSettings(**record.get("settings", {}).get("match", {}))
    return Verifier(Rule(match.radius, CHECK_LIMIT), match.crops)


def features_of(connection: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> pa.Table:
    """Read what matching needs of some contents: rows of `features.SCHEMA`, in the order of their ids."""
    if not ids:
        return features.SCHEMA.empty_table()
    columns = ", ".join(features.SCHEMA.names)
    query = f"SELECT {columns} FROM contents WHERE content_id IN (SELECT unnest(?)) ORDER BY content_id"
    return connection.sql(query, params=[ids]).to_arrow_table().cast(features.SCHEMA)


def _open(folder: str) -> tuple[OutputStore, dict]:
    """Open a finished run that this version's signatures can be held against; give its run.json too."""
    store = open_output(folder)
    if not store.exists("_SUCCESS"):
        raise ValueError(f"{store.url()} holds no finished run")
    if any(table.behind for table in states(folder)):
        raise ValueError(f"{store.url()}: an older version wrote it: mirrorfold state upgrade {folder}")
    record = json.loads(store.get("run.json"))
    other = sorted(set(record["algorithms"]) - {ALGORITHM})
    if other:
        raise ValueError(
            f"{store.url()}: its signatures are {', '.join(other)}, this version makes {ALGORITHM}: run it anew first"
        )
    return store, record


def _fingerprint(file: str) -> pa.Table:
    try:
        return fingerprint(file).table
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from error
    except DecodeError as error:
        raise ValueError(f"{file}: {error.code}: {error}") from error


def _subject(connection: duckdb.DuckDBPyConnection, name: str) -> Subject:
    uri = _listed(connection, name)
    if uri is None:
        rows = _fingerprint(name)
        return Subject(name, rows.to_pylist()[0], "", None)
    decided = _one(connection, f"SELECT {', '.join(DECIDED)} FROM decisions WHERE uri = ?", [uri])
    failed = _one(connection, "SELECT error, message FROM failures WHERE uri = ?", [uri])
    content = decided["content_id"] if decided else None
    rows = features_of(connection, [content] if content else []).to_pylist()
    failure = f"{failed['error']}: {failed['message']}" if failed else ""
    return Subject(uri, rows[0] if rows else None, failure, decided)


def _listed(connection: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """Give the URI that a name stands for, None for a file at hand."""
    path = "file://" + escape_key(os.fsencode(os.path.abspath(name)))
    for uri in (name, path):
        if _one(connection, "SELECT uri FROM objects WHERE uri = ?", [uri]):
            return uri
    if os.path.isfile(name):
        return None
    if CONTENT_ID.fullmatch(name):
        found = connection.execute(
            "SELECT content_id, min(uri) FROM objects WHERE content_id ^@ ? GROUP BY 1 ORDER BY 2", [name]
        ).fetchall()
        uris = [uri for _, uri in found]
    else:
        found = connection.execute(
            "SELECT DISTINCT uri FROM objects WHERE suffix(uri, ?) ORDER BY 1", ["/" + name.lstrip("/")]
        ).fetchall()
        uris = [uri for (uri,) in found]
    if len(uris) == 1:
        return uris[0]
    if not uris:
        raise ValueError(f"{name}: no object of the run goes by that name, and no such file is here")
    more = f" and {len(uris) - NAMED:,} more" if len(uris) > NAMED else ""
    raise ValueError(f"{name} may be any of {', '.join(uris[:NAMED])}{more}: say more of it")


def _files(connection: duckdb.DuckDBPyConnection, ids: list[str]) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    query = "SELECT content_id, uri, library, action FROM decisions WHERE content_id IN (SELECT unnest(?)) ORDER BY uri"
    for content, *file in connection.execute(query, [ids]).fetchall() if ids else ():
        found.setdefault(content, []).append(tuple(file))
    return found


def _one(connection: duckdb.DuckDBPyConnection, query: str, values: list) -> dict | None:
    found = connection.execute(query, values)
    row = found.fetchone()
    return None if row is None else dict(zip([column[0] for column in found.description], row, strict=True))
