"""What the lists that tools act on rest on, as queries like those of `checks`."""

from __future__ import annotations

from mirrorfold.transforms.verify.checks import Check

LIST_CHECKS: tuple[Check, ...] = (
    Check(5, "objects", "an object's uri isn't made of its store, bucket and key: a list would name another file", """
        SELECT uri, store, bucket, key FROM objects WHERE uri IS DISTINCT FROM
            CASE WHEN store = 'file' THEN 'file://' || rtrim(bucket, '/') || '/' || key
                 ELSE store || '://' || bucket || '/' || key END"""),
)  # fmt: skip
