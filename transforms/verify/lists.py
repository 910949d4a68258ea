"""What the lists that tools act on rest on, as queries like those of `checks`."""

from __future__ import annotations

from mirrorfold.transforms.verify.checks import Check

LIST_CHECKS: tuple[Check, ...] = (
    Check(5, "objects", "an object's uri isn't made of its store, bucket and key: a list would name another file", """
        SELECT uri, store, bucket, key FROM objects WHERE uri IS DISTINCT FROM
            CASE WHEN store = 'file' THEN 'file://' || rtrim(bucket, '/') || '/' || key
                 ELSE store || '://' || bucket || '/' || key END"""),
    Check(3, "decisions", "an object that a line of the hold list means is quarantined or reviewed", """
        SELECT uri, version, line FROM spelled JOIN hold_lines ON plain(of_line(line)) = name WHERE regex IS NULL
        UNION ALL SELECT uri, version, line FROM spelled JOIN hold_lines ON regexp_matches(name, regex)
        WHERE regex IS NOT NULL"""),
)  # fmt: skip
