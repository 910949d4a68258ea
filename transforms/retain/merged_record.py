"""What only copies that go state: gathered beside the kept copy, so that no licence or credit line goes with a file.

What XMP sidecars state of a file counts as its own.
"""

from __future__ import annotations

import contextlib

import duckdb
import pyarrow as pa

from mirrorfold.schemas.merged_record import LIST_FIELDS, MERGED_RECORD, TEXT_FIELDS, WHOLE_FIELDS
from mirrorfold.schemas.rights import FIELDS, rights_form

INPUTS = ("decisions", "contents", "objects")
"""Tables that it is made of."""


GOES = "d.action = 'quarantine'"
ASKED = """d.action IN ('quarantine', 'review') AND d.cluster_id IN (
    SELECT cluster_id FROM decisions WHERE action = 'review' OR rule = 'identical-first')"""
"""Of clusters that people are asked about: what goes, and what may."""


def merged_record(connection: duckdb.DuckDBPyConnection, rows: str = GOES) -> pa.Table:
    """Give the rows of `merged_record` for a plan; needs views of INPUTS.

    Args:
      rows: a condition on decisions `d`: whose values are gathered.

    "Fuller" is a value that has all words of the other one; of two that have words of their own neither is. Rights are
    compared in one form: two ways to write a licence are one, and no licence is part of another.
    """
    with contextlib.suppress(duckdb.CatalogException):
        connection.create_function("rights_form", rights_form, ["VARCHAR"], "VARCHAR")
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE going AS
        SELECT d.uri AS from_uri, d.version AS from_version, d.library AS from_library, d.content_id,
            trim(d.catalogue_no) AS own_no, k.uri, k.version, k.library, k.content_id AS kept_content,
            trim(k.catalogue_no) AS kept_no, o.stated AS beside, b.stated AS kept_beside
        FROM decisions d JOIN decisions k ON k.uri = d.kept_uri AND k.version = d.kept_version
        JOIN objects o ON o.uri = d.uri AND o.version = d.version
        JOIN objects b ON b.uri = k.uri AND b.version = k.version
        WHERE {rows} AND (d.content_id <> k.content_id
            OR d.catalogue_no IS DISTINCT FROM k.catalogue_no OR o.stated IS NOT NULL);
        CREATE OR REPLACE TEMP TABLE named AS SELECT content_id, {", ".join((*TEXT_FIELDS, *LIST_FIELDS))}
        FROM contents SEMI JOIN (SELECT content_id FROM going UNION SELECT kept_content FROM going) USING (content_id);
        CREATE OR REPLACE TEMP TABLE stated AS SELECT * FROM ({" UNION ALL ".join(_stated())}) WHERE value <> '';
        CREATE OR REPLACE TEMP MACRO words(t) AS
            list_filter(string_split_regex(lower(t), '[^\\p{{L}}\\p{{N}}]+'), lambda w: w <> '');
        CREATE OR REPLACE TEMP MACRO holds(t, part) AS
            contains(lower(t), lower(part)) OR list_has_all(words(t), words(part))""")
    return connection.sql(_ROWS).to_arrow_table().cast(MERGED_RECORD.schema)


def _stated() -> list[str]:
    """Write a query for each field: the values that each content states in it."""
    texts = [f"SELECT content_id, '{n}' AS field, trim({n}) AS value FROM named" for n in TEXT_FIELDS]
    lists = [f"SELECT DISTINCT content_id, '{n}', trim(unnest({n})) FROM named" for n in LIST_FIELDS]
    return texts + lists


_NAMES = ", ".join(f"'{name}'" for name in (*TEXT_FIELDS, *LIST_FIELDS))
_NAMED = f"e.word.key IN ({_NAMES}) AND trim(e.word.value) <> ''"
_ROWS = f"""
    WITH gone AS (
        SELECT g.* EXCLUDE (beside, kept_beside), s.field, s.value FROM going g JOIN stated s USING (content_id)
        UNION SELECT g.* EXCLUDE (beside, kept_beside), 'catalogue_no', own_no FROM going g WHERE own_no <> ''
        UNION SELECT g.* EXCLUDE (beside, kept_beside), e.word.key, trim(e.word.value)
        FROM going g, unnest(map_entries(g.beside)) AS e(word) WHERE {_NAMED}),
    kept AS (
        SELECT DISTINCT g.uri, g.version, s.field, s.value FROM going g JOIN stated s ON s.content_id = g.kept_content
        UNION SELECT uri, version, 'catalogue_no', kept_no FROM going WHERE kept_no <> ''
        UNION SELECT uri, version, e.word.key, trim(e.word.value)
        FROM going g, unnest(map_entries(g.kept_beside)) AS e(word) WHERE {_NAMED}),
    lost AS (
        SELECT uri, version, library, field, value, min((from_uri, from_version, from_library)) AS source
        FROM gone ANTI JOIN kept USING (uri, version, field, value) GROUP BY ALL),
    beside AS (
        SELECT uri, version, field, string_agg(value, '; ' ORDER BY value) AS kept_value FROM kept GROUP BY ALL)
    SELECT uri, version, library, field, value, kept_value,
        CASE WHEN field IN ({", ".join(f"'{n}'" for n in LIST_FIELDS)}) THEN 'more'
            WHEN kept_value IS NULL THEN if(count(*) OVER (PARTITION BY uri, version, field) = 1, 'alone', 'conflict')
            WHEN field IN ({", ".join(f"'{n}'" for n in WHOLE_FIELDS)}) THEN 'conflict'
            WHEN field IN ({", ".join(f"'{n}'" for n in FIELDS)}) THEN
                if(rights_form(kept_value) = rights_form(value), 'contained', 'conflict')
            WHEN holds(kept_value, value) THEN 'contained'
            WHEN holds(value, kept_value) THEN 'fuller' ELSE 'conflict' END AS state,
        source[1] AS from_uri, source[2] AS from_version, source[3] AS from_library
    FROM lost LEFT JOIN beside USING (uri, version, field) ORDER BY uri, version, field, value
"""
