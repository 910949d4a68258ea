"""Times that a store states, against this machine's clock."""

from __future__ import annotations

import datetime

APART = datetime.timedelta(hours=2)
"""How far a store's clock and ours may differ: what ended less than that ago may not have ended there."""


def in_force(until: datetime.datetime | None, now: datetime.datetime | None = None) -> bool:
    """Tell whether a retention may still be in force at its store; one without an end is."""
    return until is None or until > latest_over(now or datetime.datetime.now(datetime.UTC))


def latest_over(now: datetime.datetime) -> datetime.datetime:
    """Give the time up to which what has ended is surely over, whatever the store's clock says."""
    return now - APART
