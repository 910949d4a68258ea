"""Review pages: static files that open from a folder or a bucket, in shards small enough for any number of clusters."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import duckdb

from mirrorfold.transforms.blocks.tables import rows_of
from mirrorfold.transforms.publish.details import describe, describe_beside, describe_record, read_items
from mirrorfold.transforms.publish.environment import environment
from mirrorfold.transforms.publish.languages import LANGUAGES, NAMES, words
from mirrorfold.transforms.publish.queue import PAIRS_PER_ITEM, Work
from mirrorfold.transforms.publish.reason_words import parts_of
from mirrorfold.transforms.publish.team import TEAM
from mirrorfold.transforms.stores.output import OutputStore

ITEMS_PER_SHARD = 50
IDS_PER_SHARD = 5_000
SCRIPTS = (
    "text.js", "data.js", "progress.js", "filters.js", "rules.js", "compare.js", "grid.js",
    "facts.js", "exchange.js", "app.js",
)  # fmt: skip
FLAGS = {"conflict": 1, "sample": 2, "sample_only": 4, "kept_is_b": 8, "drawn": 16, "below": 32, "similar": 64}
"""Bits of an index row: records conflict; in the quality sample; asked for that alone; which side is kept; its answer
decides on a stratum; below the cut-off, or a near miss: nobody has to look."""

NOT_SERVED = b'"use strict";\n// Pages from a folder or a bucket: `mirrorfold review serve` says something here.\n'

PARTS = ("review.", "reasons.", "kinds.", "tiers.", "fields.", "actions.", "merged.")

FOLDERS = """
create or replace temp table folders as
select cluster_id, content_id, min(regexp_extract(uri, '^(.*/)', 1)) folder,
    min(coalesce(jurisdiction, '')) jurisdiction,
    concat_ws(' ', min(catalogue_no), arg_min(regexp_extract(uri, '([^/]*)$', 1), uri)) said
from decisions where content_id in (select other from queue) group by all
"""

FAMILIES = "select cluster_id, min(family_id) family from clusters group by cluster_id"
LICENCE = 80
"""Characters of a licence that a filter shows."""


class Shown(NamedTuple):
    """A content's picture for a page: a path below review/ or a data URI, and what `looks` says of it; or nothing."""

    source: str | None = None
    looks: dict | None = None


PictureOf = Callable[[str], Shown]


def write_pages(
    connection: duckdb.DuckDBPyConnection,
    store: OutputStore,
    pictures: PictureOf,
    language: str,
    pairs: int,
    work: Work,
    team: Mapping,
    drawn: frozenset[tuple[str, str]] = frozenset(),
) -> list[str]:
    """Write the review pages for the clusters in `shown`; give the paths written.

    `pairs` are all questions of the queue, `work` what of it waits, shown or not.

    Data are scripts, not JSON: a page opened from a folder may run a script beside it, but not fetch a file.
    """
    written = _write_static(store, language)
    shown = _write_items(connection, store, pictures, written)
    ids = _write_ids(connection, store, shown, written)
    # The plan comes first: a server asks for it at every answer, and reads no more than that.
    index = {"plan": ids, **_index(connection, shown, drawn)}
    index |= {
        "work": {"pairs": work.pairs, "clusters": work.clusters, "bytes": work.bytes_freed},
        "beyond": pairs - index["count"],
        "itemsPerShard": ITEMS_PER_SHARD,
        "idsPerShard": IDS_PER_SHARD,
    }
    # As a string: browsers read a hundred thousand pairs three times as fast by JSON.parse as when they compile them.
    _put(store, "review/data/index.js", "index", [json.dumps(index, separators=(",", ":"))], written)
    store.put(TEAM, team_script(team))
    written.append(TEAM)
    for stale in set(store.list("review/data/")) - set(written):
        store.delete(stale)
    return written


def _write_static(store: OutputStore, language: str) -> list[str]:
    static = importlib.resources.files("mirrorfold.transforms.publish") / "static"
    texts = {lang: {key: text for key, text in words(lang).items() if key.startswith(PARTS)} for lang in LANGUAGES}
    files = {f"review/{name}": (static / "review" / name).read_bytes() for name in (*SCRIPTS, "review.css")}
    page = (
        environment()
        .get_template("review.html.j2")
        .render(language=language, languages=NAMES, scripts=SCRIPTS, words=words(language))
    )
    files["review/index.html"] = page.encode()
    files["review/words.js"] = _script("words", [texts])
    files["review/served.js"] = NOT_SERVED
    for path, data in files.items():
        store.put(path, data)
    return list(files)


def _write_items(
    connection: duckdb.DuckDBPyConnection, store: OutputStore, pictures: PictureOf, written: list[str]
) -> int:
    shown = 0
    for number, items in enumerate(_batches(read_items(connection), ITEMS_PER_SHARD)):
        _put(
            store,
            f"review/data/items-{number:05d}.js",
            "items",
            [number, [page_item(item, pictures) for item in items]],
            written,
        )
        shown += len(items)
    return shown


def page_item(item: Mapping, pictures: PictureOf) -> dict:
    """Make one cluster as the page's script takes it; names are short because there may be 100,000."""
    places: dict[str, list[dict]] = {}
    for row in item["objects"]:
        places.setdefault(row["content_id"], []).append(row)
    contents = [_page_content(row, places.get(row["content_id"], []), pictures) for row in item["contents"]]
    position = {content["id"]: index for index, content in enumerate(contents)}
    first = item["pairs"][0]
    return {
        "id": first["cluster_id"],
        "part": first["place"] // PAIRS_PER_ITEM + 1,
        "contents": contents,
        "record": [[row[n] for n in ("field", "value", "state", "from_uri")] for row in item.get("proposals", ())],
        "pairs": [
            {
                "n": row["pair"], "kept": position.get(row["kept"]), "other": position.get(row["other"]),
                "text": row["kind_text"], "why": parts_of(row["reason"]),
                "rule": row["rule"], "conflicts": row["conflicts"],
                "objects": row["objects"], "same": row["bytes_if_same"], "d": row["d_phash64"],
                "corr": row["correlation"], "warp": _lies(row),
                "spot": _spot(row, item["contents"]),
            }
            for row in item["pairs"]
        ],
    }  # fmt: skip


def _lies(pair: Mapping) -> list[float] | None:
    """Give how the kept picture lies on the other, see `schemas.pairs`; None where it plainly does, or nobody knows."""
    if not pair["warp"]:
        return None
    p, q, r, s, t, u = pair["warp"]
    if pair["kept"] != pair["content_a"]:
        determinant = p * t - q * s
        if abs(determinant) < 1e-6:
            return None
        p, q, s, t = t / determinant, -q / determinant, -s / determinant, p / determinant
        r, u = -(p * r + q * u), -(s * r + t * u)
    warp = [round(value, 4) + 0.0 for value in (p, q, r, s, t, u)]
    return (
        None if max(abs(value - plain) for value, plain in zip(warp, (1, 0, 0, 0, 1, 0), strict=True)) < 0.001 else warp
    )


def _spot(pair: Mapping, contents: list[Mapping]) -> list | None:
    """Give where two files differ most at full detail: [contents it is drawn on, x, y, w, h], shares of the smaller.

    It is drawn on both where both show the same frame, else on the smaller alone.
    """
    if not pair["w"]:
        return None
    width, height = pair["seen_width"], pair["seen_height"]
    sides = {at: row for at, row in enumerate(contents) if row["content_id"] in (pair["kept"], pair["other"])}
    smaller = [at for at, row in sides.items() if (row["width"], row["height"]) == (width, height)]
    turned = pair["kind"].startswith(("rotated", "mirrored", "flipped"))
    same_frame = not turned and all(
        abs(row["width"] * height - row["height"] * width) <= 0.01 * row["height"] * width for row in sides.values()
    )
    where = sorted(sides) if same_frame and "crop" not in pair["kind"] else smaller[:1]
    shares = (pair["x"] / width, pair["y"] / height, pair["w"] / width, pair["h"] / height)
    return [where, *(round(share, 4) for share in shares)] if where else None


def _page_content(row: Mapping, places: list[dict], pictures: PictureOf) -> dict:
    shown = pictures(row["content_id"])
    return {
        "id": row["content_id"],
        "w": row["width"],
        "h": row["height"],
        "size": row["size"],
        "meta": describe(row),
        "record": describe_record(places),
        "beside": describe_beside(places),
        "at": [[place[name] for name in ("uri", "version", "library", "storage_class", "action")] for place in places],
        "places": places[0]["places"] if places else 0,
        "pic": shown.source,
        "looks": shown.looks,
    }


def _write_ids(connection: duckdb.DuckDBPyConnection, store: OutputStore, shown: int, written: list[str]) -> str:
    """Write the content ids of every pair, apart: only an export needs them. Gives the queue's digest."""
    digest = hashlib.sha256()
    cursor = connection.cursor()
    cursor.execute("select content_a, content_b, kept from queue where item < ? order by pair", [shown])
    number = 0
    while rows := cursor.fetchmany(IDS_PER_SHARD):
        ids = [[a, b, int(kept == b)] for a, b, kept in rows]
        digest.update(json.dumps(ids).encode())
        _put(store, f"review/data/ids-{number:05d}.js", "ids", [number, ids], written)
        number += 1
    return digest.hexdigest()[:16]


def _index(connection: duckdb.DuckDBPyConnection, shown: int, drawn: frozenset[tuple[str, str]]) -> dict:
    connection.execute(FOLDERS)
    rows = rows_of(
        connection,
        f"""select queue.item, queue.cluster_id, tier, kind, bytes_freed, libraries, len(conflicts) > 0 conflict,
            sample, sample_only, beside = 'below' below, beside = 'similar' "similar",
            content_a, content_b, kept = content_b kept_is_b, conflicts, correlation,
            coalesce(f.folder, '') folder, coalesce(f.jurisdiction, '') jurisdiction, coalesce(f.said, '') said,
            coalesce(g.family, queue.cluster_id) family, coalesce(left(c.licence, {LICENCE}), '') licence
        from queue left join folders f on f.cluster_id = queue.cluster_id and f.content_id = queue.other
        left join ({FAMILIES}) g on g.cluster_id = queue.cluster_id
        left join shown_contents c on c.item = queue.item and c.content_id = queue.other
        where queue.item < ? order by pair""",
        [shown],
    )
    for row in rows:
        row["drawn"] = (row["content_a"], row["content_b"]) in drawn
    clusters: dict[str, int] = {}
    cluster_of = {row["item"]: clusters.setdefault(row["cluster_id"], len(clusters)) for row in rows}
    families: dict[str, int] = {}
    family_of = {row["item"]: families.setdefault(row["family"], len(families)) for row in rows}
    names = {name: sorted({row[name] for row in rows}) for name in ("tier", "kind", "licence", "jurisdiction")}
    libraries = sorted({library for row in rows for library in row["libraries"]})
    groups = sorted({tuple(row["libraries"]) for row in rows})
    clashes = sorted({tuple(row["conflicts"]) for row in rows})
    clash_at = {clash: index for index, clash in enumerate(clashes)}
    folders = sorted({row["folder"] for row in rows})
    folder_at = {folder: index for index, folder in enumerate(folders)}
    at = {name: {value: index for index, value in enumerate(values)} for name, values in names.items()}
    group_at = {group: index for index, group in enumerate(groups)}
    return {
        "count": len(rows),
        "asked": sum(not row["sample_only"] and not row["below"] for row in rows),
        "sampled": sum(row["sample_only"] and not row["similar"] for row in rows),
        "archive": archive_id(connection),
        "keys": "".join(pair_key(row["content_a"], row["content_b"], row["sample_only"]) for row in rows),
        "items": shown,
        "families": [family_of[item] for item in range(shown)],
        "licences": names["licence"],
        "licence": [at["licence"][row["licence"]] for row in rows],
        "jurisdictions": names["jurisdiction"],
        "jurisdiction": [at["jurisdiction"][row["jurisdiction"]] for row in rows],
        "said": [row["said"] for row in rows],
        "clusters": [cluster_of[item] for item in range(shown)],
        "libraries": libraries,
        "groups": [[libraries.index(library) for library in group] for group in groups],
        "tiers": names["tier"],
        "kinds": names["kind"],
        "item": [row["item"] for row in rows],
        "tier": [at["tier"][row["tier"]] for row in rows],
        "kind": [at["kind"][row["kind"]] for row in rows],
        "group": [group_at[tuple(row["libraries"])] for row in rows],
        "bytes": [row["bytes_freed"] for row in rows],
        "clashes": clashes,
        "clash": [clash_at[tuple(row["conflicts"])] for row in rows],
        "folders": folders,
        "folder": [folder_at[row["folder"]] for row in rows],
        "doubt": [doubt(row["tier"], row["correlation"], bool(row["conflicts"])) for row in rows],
        "flags": [sum(flag * bool(row[name]) for name, flag in FLAGS.items()) for row in rows],
    }


def doubt(tier: str, correlation: float | None, conflict: bool) -> int:
    """Say how doubtful a pair is, 0 to 99: its tier first, then how far its pictures are from agreeing, conflicts."""
    apart = 0.5 if correlation is None or correlation != correlation else min(1.0, max(0.0, 1 - correlation))
    steps = {"probable": 2, "near-certain": 1}.get(tier, 0) + conflict
    return min(99, round(25 * steps + 24 * apart))


def pair_key(content_a: str, content_b: str, sample_only: bool) -> str:
    """Name a question for a browser's memory: 48 bits in base64url, the same in every later publication.

    A question of the quality sample is another than the decision on the same pair.
    """
    digest = hashlib.sha256(f"{content_a} {content_b}{' sample' * sample_only}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:6]).decode()


def archive_id(connection: duckdb.DuckDBPyConnection) -> str:
    """Name the archive by its libraries and where they lie: what people decide is kept beside it, run after run."""
    places = rows_of(connection, "select distinct library, store, bucket from objects order by all")
    return hashlib.sha256(json.dumps([list(row.values()) for row in places]).encode()).hexdigest()[:16]


def _batches(items: Iterable[dict], size: int) -> Iterator[list[dict]]:
    batch: list[dict] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _put(store: OutputStore, path: str, name: str, values: list, written: list[str]) -> None:
    store.put(path, _script(name, values))
    written.append(path)


def team_script(team: Mapping) -> bytes:
    """Write what the pages know of the team."""
    return _script("team", [team])


def _script(name: str, values: list) -> bytes:
    # ASCII alone: no byte of a key can end the string, the line or the script, whatever charset the server claims.
    arguments = ",".join(json.dumps(value, ensure_ascii=True, separators=(",", ":")) for value in values)
    return f"mirrorfold.receive({json.dumps(name)},{arguments});\n".encode("ascii")


def data_uri(webp: bytes) -> str:
    """Write a small picture as a data URI."""
    return "data:image/webp;base64," + base64.b64encode(webp).decode()
