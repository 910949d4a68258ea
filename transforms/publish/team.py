"""What the pages know of a review by several people: whose part is what, who has answered, where people disagree."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict

import duckdb
import pyarrow as pa

from mirrorfold.transforms.blocks.tables import rows_of
from mirrorfold.transforms.publish.kappa import agreements
from mirrorfold.transforms.publish.parts import Split, Unit, assign
from mirrorfold.transforms.stores.output import OutputStore

SPLIT = "review/split.json"
TEAM = "review/data/team.js"

GROUPS = {
    "folder": """select q.cluster_id, min(regexp_extract(d.uri, '^(.*/)', 1)) from queue q
        join decisions d on d.content_id = q.other and d.cluster_id is not distinct from q.cluster_id group by 1""",
    "collection": "select cluster_id, min(array_to_string(libraries, ' ')) from queue group by 1",
    "tier": "select cluster_id, max(tier) from queue group by 1",
    "risk": "select cluster_id, '' from queue group by 1",
}

RISK = """
select q.cluster_id, count(*)::bigint pairs,
    max(case q.tier when 'probable' then 2 when 'near-certain' then 1 else 0 end
        + coalesce(greatest(0, 1 - p.correlation), 0.5) + (len(q.conflicts) > 0)::int) risk
from queue q left join pairs p on p.content_a = q.content_a and p.content_b = q.content_b
where not q.sample_only and q.beside = '' group by 1 order by 1
"""
"""How doubtful a cluster is: its least sure tier, how far its pictures are from agreeing, conflicts."""


def save_split(store: OutputStore, split: Split) -> None:
    """Keep a split under DIR, for pages that are published from now on."""
    store.put(SPLIT, json.dumps(asdict(split), indent=1, ensure_ascii=False).encode())


def read_split(store: OutputStore) -> Split | None:
    """Read the split of a run, if there is one.

    Raises:
      ValueError: the file can't be read.
    """
    if not store.exists(SPLIT):
        return None
    try:
        found = json.loads(store.get(SPLIT))
        return Split(**found | {"names": tuple(found["names"])})
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{store.url(SPLIT)} isn't a split: {error}; make it again with `review split`") from error


def read_units(connection: duckdb.DuckDBPyConnection, by: str) -> list[Unit]:
    """Read the queue's clusters; needs `queue`, `decisions` and `pairs`."""
    groups = dict(connection.execute(GROUPS[by]).fetchall())
    return [
        Unit(row["cluster_id"], groups.get(row["cluster_id"]) or "", row["pairs"], row["risk"])
        for row in rows_of(connection, RISK)
    ]


def team_of(
    connection: duckdb.DuckDBPyConnection,
    split: Split | None,
    said: Iterable[Mapping],
    disputed_pairs: Collection[tuple[str, str]],
    needed: int,
    items: int,
) -> dict:
    """Gather what the pages say of the team, for the first `items` clusters of the queue.

    What somebody answered is told only where people disagree: a second opinion is given without the first.

    Args:
      said: every verdict that decides, oldest first; disputed_pairs: those on which they disagree; needed: how many
        must agree.
    """
    masks = _masks(connection, split, items) if split else {}
    people: list[str] = []
    latest: dict[tuple[str, str], dict[str, Mapping]] = {}
    for verdict in said:
        latest.setdefault((verdict["content_a"], verdict["content_b"]), {})[verdict["reviewer"]] = verdict
    answered: dict[int, list[int]] = {}
    disputed: dict[int, list[list]] = {}
    for row in _asked(connection, latest, items):
        given = [v for v in latest.get((row["content_a"], row["content_b"]), {}).values() if v["verdict"] != "defer"]
        if not given:
            continue
        people += [v["reviewer"] for v in given if v["reviewer"] not in people]
        answered[row["pair"]] = [people.index(v["reviewer"]) for v in given]
        if (row["content_a"], row["content_b"]) in disputed_pairs:
            disputed[row["pair"]] = [[people.index(v["reviewer"]), v["verdict"], v["at"], v["reason"]] for v in given]
    return {
        "names": list(split.names) if split else [],
        "parts": [masks.get(item, 0) for item in range(items)],
        "needed": needed,
        "people": people,
        "answered": answered,
        "disputed": disputed,
    }


def _masks(connection: duckdb.DuckDBPyConnection, split: Split, items: int) -> dict[int, int]:
    """Give the parts that each shown cluster, or part of one, belongs to, a bit each."""
    parts = assign(read_units(connection, split.by), split)
    rows = rows_of(connection, "select distinct item, cluster_id from queue where item < ?", [items])
    return {row["item"]: sum(1 << part for part in set(parts.get(row["cluster_id"], ()))) for row in rows}


def _asked(connection: duckdb.DuckDBPyConnection, pairs: Collection[tuple[str, str]], items: int) -> list[dict]:
    """Give the shown questions that somebody said something of: few of a queue, which isn't read whole for them."""
    columns = list(zip(*pairs, strict=True)) or [(), ()]
    table = pa.table([pa.array(column, pa.string()) for column in columns], names=["content_a", "content_b"])
    connection.register("_answered", table)
    sql = "select pair, content_a, content_b from queue join _answered using (content_a, content_b) where item < ?"
    rows = rows_of(connection, f"{sql} order by pair", [items])
    connection.unregister("_answered")
    return rows


def people_of(said: Iterable[Mapping]) -> dict[str, list]:
    """Gather what the report says of the reviewers.

    Returns:
      answers: by reviewer: name, pairs seen, pairs accepted by a filter. agreement: of every two, see `kappa`.
      adjudications: by person: name, pairs, first and last day.
    """
    said = list(said)
    answers: dict[str, dict] = {}
    settled: dict[str, dict] = {}
    for verdict in said:
        if verdict["verdict"] == "defer":
            continue
        day = verdict["at"][:10]
        if verdict["purpose"] == "adjudication":
            row = settled.setdefault(verdict["reviewer"], {"name": verdict["reviewer"], "pairs": 0, "days": set()})
            row["pairs"] += 1
            row["days"].add(day)
            continue
        row = answers.setdefault(verdict["reviewer"], {"name": verdict["reviewer"], "seen": 0, "filtered": 0})
        row["seen" if verdict["seen"] else "filtered"] += 1
    return {
        "answers": [answers[name] for name in sorted(answers)],
        "agreement": agreements(said),
        "adjudications": [
            {"name": name, "pairs": settled[name]["pairs"], "first": min(settled[name]["days"]),
             "last": max(settled[name]["days"])}
            for name in sorted(settled)
        ],
    }  # fmt: skip
