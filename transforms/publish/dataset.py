"""What repeats in a corpus that models are trained on: between splits, within sources, and one file for each picture.

Objects that were read and are current; two show one picture where they have the same bytes or lie in one cluster, at
the weaker of their two tiers. Relatives of one family in other clusters and near misses are told apart: likely, not
sure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import duckdb

TABLES = ("objects", "clusters", "decisions", "contents", "pairs")
CLASSES = ("identical", "same-picture", "near-certain", "probable", "related", "near-miss")
"""From the surest on."""
SAME = CLASSES[:4]
"""Classes in which one shows the other's picture."""
LEAKS = ("split", "class", "kind", "uri", "library", "trained_uri", "trained_library", "content_id")
_RANK = f"list_position({list(CLASSES)!r}, {{}})"


def quoted(text: str) -> str:
    """Write text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def divide(connection: duckdb.DuckDBPyConnection, splits: Mapping[str, Sequence[str]]) -> None:
    """Make the table `members` of all current objects that were read, with the split that each is in; null for none.

    Args:
      splits: by name, SQL conditions on `uri` and `library`, any of which puts an object into it.

    Raises:
      ValueError: an object lies in two splits, or none in one.
    """
    whens = {name: " OR ".join(f"({condition})" for condition in conditions) for name, conditions in splits.items()}
    cases = " ".join(f"WHEN {condition} THEN {quoted(name)}" for name, condition in whens.items())
    count = " + ".join(f"({condition})::INT" for condition in whens.values())
    connection.execute(f"""
        CREATE TABLE members AS SELECT o.uri, o.version, o.library, o.size, o.content_id, c.cluster_id, c.family_id,
            coalesce(c.tier, 'identical') AS tier, coalesce(c.kind, 'copy') AS kind,
            coalesce(c.is_master, false) AS master, CASE {cases} END AS split, {count} AS splits
        FROM (SELECT uri, version, library, size, content_id FROM objects
            WHERE content_id IS NOT NULL AND is_latest AND NOT is_delete_marker) o
        LEFT JOIN clusters c USING (uri, version)""")
    twice = connection.execute("SELECT min(uri) FROM members WHERE splits > 1").fetchall()[0][0]
    if twice is not None:
        raise ValueError(f"{twice} lies in two splits: name splits that have nothing in common")
    there = {name for (name,) in connection.execute("SELECT DISTINCT split FROM members").fetchall()}
    for name in splits:
        if name not in there:
            raise ValueError(f"no picture lies in the split {name}: name a library, or a pattern over URIs")


def find_leaks(connection: duckdb.DuckDBPyConnection, trained: str) -> None:
    """Make the table `leaks`: of each object of another split the surest link to one of `trained`, if there is one."""
    rank = _RANK.format
    connection.execute(f"""
        CREATE TEMP TABLE held AS SELECT * FROM members WHERE split IS NOT NULL AND split <> {quoted(trained)};
        CREATE TEMP TABLE trained AS SELECT * FROM members WHERE split = {quoted(trained)};
        CREATE TEMP TABLE nearest AS SELECT cluster_id, min((list_position({list(CLASSES)!r}, tier), NOT master, uri,
            library, content_id, kind)) AS best FROM trained WHERE cluster_id IS NOT NULL GROUP BY ALL;
        CREATE TABLE links AS
        SELECT h.split, 'identical' AS class, 'copy' AS kind, h.uri, h.library, t.uri AS trained_uri,
            t.library AS trained_library, h.content_id
        FROM held h
            JOIN (SELECT content_id, min((uri, library)) AS first FROM trained GROUP BY ALL) f USING (content_id)
            JOIN trained t ON t.uri = f.first[1] AND t.content_id = h.content_id
        UNION ALL SELECT h.split, ({list(CLASSES)!r})[greatest(n.best[1], {rank("h.tier")})],
            CASE WHEN n.best[5] = h.cluster_id THEN h.kind WHEN h.content_id = h.cluster_id THEN n.best[6]
                ELSE h.kind || ' of a ' || n.best[6] END, h.uri, h.library, n.best[3], n.best[4], h.content_id
        FROM held h JOIN nearest n USING (cluster_id) WHERE n.best[5] <> h.content_id
        UNION ALL SELECT h.split, 'related', 'family', h.uri, h.library, f.first[1], f.first[2], h.content_id
        FROM held h JOIN (SELECT family_id, min((uri, library)) AS first FROM trained GROUP BY ALL) f USING (family_id)
        UNION ALL SELECT h.split, 'near-miss', p.kind, h.uri, h.library, min(t.uri), min_by(t.library, t.uri),
            h.content_id
        FROM held h JOIN (
            SELECT content_a AS one, content_b AS other, kind FROM pairs WHERE NOT in_cluster
            UNION ALL SELECT content_b, content_a, kind FROM pairs WHERE NOT in_cluster) p ON p.one = h.content_id
        JOIN trained t ON t.content_id = p.other GROUP BY ALL;
        CREATE TABLE leaks AS SELECT {", ".join(LEAKS)} FROM links
        QUALIFY row_number() OVER (PARTITION BY uri ORDER BY {rank("class")}, trained_uri) = 1""")


def leak_rows(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple]:
    """Give the leaks, the surest first."""
    yield from _all(connection, f"SELECT * FROM leaks ORDER BY split, {_RANK.format('class')}, uri")


def leak_figures(connection: duckdb.DuckDBPyConnection) -> list[dict]:
    """Count leaks by split, source and class, beside how many pictures the split has of that source."""
    return _dicts(
        connection,
        """SELECT l.split, l.library, l.class, count(*) AS leaks, any_value(o.objects) AS objects,
            count(*) / any_value(o.objects) AS share
        FROM leaks l
        JOIN (SELECT split, library, count(*) AS objects FROM members GROUP BY ALL) o USING (split, library)
        GROUP BY ALL""",
    )


def to_leave_out(connection: duckdb.DuckDBPyConnection, trained: str) -> Iterator[tuple]:
    """Give the objects of `trained` that show what another split shows: what to leave out of training."""
    yield from _all(
        connection,
        f"""SELECT DISTINCT uri, version, library FROM members t WHERE split = {quoted(trained)} AND (
            content_id IN (SELECT content_id FROM members WHERE split <> {quoted(trained)})
            OR cluster_id IN (SELECT cluster_id FROM members WHERE split <> {quoted(trained)}))
        ORDER BY uri, version""",
    )


def repeat_figures(connection: duckdb.DuckDBPyConnection) -> list[dict]:
    """Count what repeats an earlier file of its picture, by source and class, beside how many files the source has.

    `own` repeats a file of the same source. Of the files that show one picture the cluster's master is the first.
    """
    return _dicts(
        connection,
        """WITH placed AS (
            SELECT library, coalesce(cluster_id, content_id) AS picture,
                row_number() OVER (PARTITION BY coalesce(cluster_id, content_id)
                    ORDER BY master DESC, uri, version) AS n,
                row_number() OVER (PARTITION BY content_id ORDER BY master DESC, uri, version) AS copy, tier,
                first_value(library) OVER (PARTITION BY coalesce(cluster_id, content_id)
                    ORDER BY master DESC, uri, version) AS of_library
            FROM members),
        repeats AS (SELECT library, CASE WHEN copy > 1 THEN 'identical' ELSE tier END AS class, of_library
            FROM placed WHERE n > 1)
        SELECT r.library, r.class, count(*) AS repeats, count(*) FILTER (of_library = r.library) AS own,
            any_value(o.objects) AS objects, count(*) / any_value(o.objects) AS share
        FROM repeats r JOIN (SELECT library, count(*) AS objects FROM members GROUP BY ALL) o USING (library)
        GROUP BY ALL""",
    )


KEPT = (
    "uri", "version", "etag", "size", "content_id", "media_type", "width", "height", "library", "split", "files",
    "licence", "rights_uri", "data_mining", "creator", "caption",
)  # fmt: skip
"""What is said of each file that is kept; `files` is how many of the corpus show its picture."""
ONE_PER = {"picture": "coalesce(cluster_id, content_id)", "content": "content_id", "object": "uri || '?' || version"}


def kept_rows(connection: duckdb.DuckDBPyConnection, one_per: str) -> Iterator[dict]:
    """Give one file for each picture, content or object, in the order of contents, which is as good as shuffled.

    What the plan sets aside is given where nothing else of its picture is left, which no plan does.
    """
    columns = ", ".join(KEPT)
    cursor = connection.execute(f"""
        WITH chosen AS (
            SELECT m.*, d.etag, count(*) OVER (PARTITION BY coalesce(cluster_id, content_id)) AS files, goes
            FROM members m JOIN (
                SELECT uri, version, etag, action = 'quarantine' AS goes FROM decisions) d USING (uri, version)
            QUALIFY row_number() OVER (PARTITION BY {ONE_PER[one_per]} ORDER BY goes, NOT master, uri, version) = 1)
        SELECT {columns} FROM chosen JOIN (SELECT content_id, media_type, width, height, licence, rights_uri,
            data_mining, creator, caption FROM contents) USING (content_id)
        WHERE NOT goes ORDER BY content_id, uri, version""")
    while rows := cursor.fetchmany(10_000):
        yield from (dict(zip(KEPT, row, strict=True)) for row in rows)


def _all(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple]:
    cursor = connection.execute(sql)
    while rows := cursor.fetchmany(10_000):
        yield from rows


def _dicts(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return sorted(found, key=lambda row: (row.get("split", ""), row["library"], CLASSES.index(row["class"])))
