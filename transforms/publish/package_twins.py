"""Packages (BagIt, OCFL, METS, tiles) that the archive holds more than once, whole: a person may let one go as a whole.

A plan never takes a part of a package, and a package is more than its pictures: so no plan takes one. This list says
which could go, on what evidence; whoever moves one moves its folder.
"""

from __future__ import annotations

PACKAGE_TWINS = """
    WITH members AS (
        SELECT o.uri, o.library, o.size, o.package, o.md5, substr(o.package, instr(o.package, ':') + 1) AS folder,
               coalesce(o.content_id, o.sha256, f.sha256) AS digest, coalesce(d.action = 'blocked', false) AS held
        FROM objects o
        LEFT JOIN (SELECT uri, version, any_value(sha256) AS sha256 FROM failures GROUP BY ALL) f USING (uri, version)
        LEFT JOIN decisions d USING (uri, version)
        WHERE o.package IS NOT NULL AND NOT starts_with(o.package, 'pages:')
          AND o.is_latest AND NOT o.is_delete_marker
    ), placed AS (
        SELECT *, substr(uri, length(folder) + 1) AS name FROM members
        WHERE package IN (SELECT package FROM members GROUP BY ALL HAVING bool_and(starts_with(uri, folder)))
    ), packages AS (
        SELECT package, any_value(folder) AS folder, min(library) AS library, count(*) AS files,
               sum(size)::BIGINT AS bytes, count(*) FILTER (digest IS NULL) AS unread, count(*) FILTER (held) AS held,
               md5(string_agg(concat_ws(chr(0), name, size, coalesce(digest, '')), chr(1) ORDER BY name)) AS likeness
        FROM placed GROUP BY package
    ), torn AS (
        SELECT likeness FROM placed JOIN packages USING (package)
        GROUP BY likeness, name HAVING count(DISTINCT md5) > 1
    )
    SELECT dense_rank() OVER (ORDER BY first) AS twins, * EXCLUDE (likeness, first) FROM (
        SELECT *, min(package) OVER (PARTITION BY likeness) AS first FROM packages
        WHERE likeness NOT IN (FROM torn)
        QUALIFY count(*) OVER (PARTITION BY likeness) > 1 AND unread < files
    ) ORDER BY twins, package
"""
"""A query over `objects`, `failures` and `decisions`: a row for each package that has a whole twin.

Twins have the same names below their folders, each of the same size and the same bytes as far as they were read;
`unread` files are equal by name and size alone, and by the MD5 that stores state. `held`: files that a hold or the
policy protects.
"""
