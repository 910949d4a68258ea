"""What XMP sidecars state, and what follows from it, as queries like those of `checks`."""

from __future__ import annotations

from mirrorfold.schemas.belongings import PICTURES, UNREAD, UNREAD_SIDECAR
from mirrorfold.transforms.verify.checks import Check

_CURRENT = "is_latest AND NOT is_delete_marker"
_PLACES = f"""
    sidecars AS (
        SELECT uri, regexp_extract(uri, '(?s)^(.*/)', 1) AS folder,
            lower(regexp_extract(uri, '(?s)([^/]*)[.][^.]*$', 1)) AS base
        FROM objects WHERE {_CURRENT} AND ends_with(lower(uri), '.xmp')),
    pictures AS (
        SELECT uri, version, coalesce(beside, []) AS beside, regexp_extract(uri, '(?s)^(.*/)', 1) AS folder,
            lower(regexp_extract(uri, '(?s)([^/]*)$', 1)) AS name
        FROM objects WHERE {_CURRENT} AND regexp_matches(lower(uri), '[.]({"|".join(sorted(PICTURES))})$')),
    expected_beside AS (
        SELECT p.uri, p.version, p.beside, s.uri AS sidecar FROM pictures p JOIN sidecars s USING (folder)
        WHERE s.base = p.name OR s.base = regexp_replace(p.name, '[.][^.]*$', ''))"""
_SAID = """
    lying AS (SELECT uri, version, stated, unnest(beside) AS sidecar FROM objects WHERE beside IS NOT NULL),
    said AS (
        SELECT l.uri, l.version, e.entry.key AS name,
            string_agg(DISTINCT e.entry.value, ' | ' ORDER BY e.entry.value) AS word
        FROM lying l JOIN objects s ON s.uri = l.sidecar AND s.is_latest, unnest(map_entries(s.stated)) AS e(entry)
        GROUP BY ALL),
    own AS (
        SELECT uri, version, e.entry.key AS name, e.entry.value AS word
        FROM objects, unnest(map_entries(stated)) AS e(entry) WHERE beside IS NOT NULL)"""

BESIDE_CHECKS: tuple[Check, ...] = (
    Check(7, "objects", "an XMP file lies beside a picture that doesn't name it", f"""
        WITH {_PLACES} SELECT uri, version, sidecar FROM expected_beside WHERE NOT list_contains(beside, sidecar)"""),
    Check(7, "objects", "a picture names an XMP file that doesn't lie beside it", f"""
        WITH {_PLACES} SELECT p.uri, p.version, p.named FROM (
            SELECT uri, version, unnest(beside) AS named FROM objects WHERE beside IS NOT NULL) p
        ANTI JOIN expected_beside e ON e.uri = p.uri AND e.version = p.version AND e.sidecar = p.named"""),
    Check(7, "objects", "an XMP file beside a picture was neither read nor said to be unread", f"""
        WITH {_PLACES} SELECT DISTINCT s.uri, s.version FROM objects s JOIN expected_beside e ON e.sidecar = s.uri
        WHERE s.is_latest AND s.stated IS NULL"""),
    Check(7, "objects", "a picture doesn't state what the XMP files beside it do", f"""
        WITH {_SAID} (FROM said EXCEPT FROM own) UNION ALL (FROM own EXCEPT FROM said)"""),
    Check(4, "decisions", "XMP beside two equal files disagrees, or wasn't read, and nobody was asked", f"""
        SELECT d.uri, d.version, f.field FROM decisions d JOIN objects o USING (uri, version)
        JOIN objects k ON k.uri = d.kept_uri AND k.version = d.kept_version AND k.content_id = d.content_id, expected,
        unnest(list_append(expected.conflict_review, '{UNREAD_SIDECAR}')) AS f(field)
        WHERE d.action = 'quarantine' AND NOT starts_with(d.rule, 'verdict-') AND len(expected.conflict_review) > 0
        AND CASE f.field WHEN '{UNREAD_SIDECAR}'
            THEN o.stated['{UNREAD}'] IS NOT NULL OR k.stated['{UNREAD}'] IS NOT NULL
            WHEN 'capture_time' THEN left(o.stated[f.field], 19) <> left(k.stated[f.field], 19)
            WHEN 'gps' THEN false  -- places are compared to 100 metres
            ELSE lower(trim(o.stated[f.field])) <> lower(trim(k.stated[f.field])) END"""),
)  # fmt: skip
