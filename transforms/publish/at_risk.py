"""Pictures that nothing in the archive keeps: every copy lies where it won't last, whatever this plan does."""

from __future__ import annotations

from mirrorfold.transforms.blocks.sql import quoted

ENDING = ("passing", "expiring", "quarantine-place", "planned-before", "kept-copy-rotted")
"""Rules of copies that a bin, a snapshot's rotation, a lifecycle rule, a quarantine or an earlier plan will end."""
NO_COPY = ("link", "door", "noncurrent", "delete-marker", "rotted", "denied", "same-copy")
"""Rules of objects that are no copy to count on beside those."""


def _among(rules: tuple[str, ...]) -> str:
    return f'"rule" IN ({", ".join(map(quoted, rules))})'


AT_RISK = f"""
    SELECT * FROM decisions WHERE {_among(ENDING)} AND content_id IN (
        SELECT content_id FROM decisions WHERE content_id IN (SELECT content_id FROM decisions WHERE {_among(ENDING)})
        GROUP BY content_id HAVING bool_and({_among(ENDING + NO_COPY)})
    )
"""
"""A query over `decisions`: the copies of contents that have no lasting one."""
