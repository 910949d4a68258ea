"""Capture times of two files: whether they contradict each other, and whether they speak for two frames of a burst."""

from __future__ import annotations

from datetime import datetime, timedelta

QUARTER = timedelta(minutes=15)
WIDEST_ZONES = timedelta(hours=14)
BURST = timedelta(seconds=120)
"""Frames of one moment lie within this of each other."""


def captured_apart(one: str | None, other: str | None) -> bool:
    """Tell whether two capture times contradict each other, as far as both state one.

    A clock without an offset is compared with one that has it by local time only; sub-seconds count where both have
    them.
    """
    if not one or not other or one == other:
        return False
    a, b = _clock(one), _clock(other)
    digits = min(len(a), len(b))
    return a[:digits] != b[:digits]


def captured_in_burst(one: str | None, other: str | None) -> bool:
    """Tell whether two capture times speak for two frames of one moment: at most two minutes apart, but not the same.

    Clocks may be set to zones that differ by whole quarters of an hour, up to 14 hours. Another difference is a scan's
    date against a catalogue's, a rescan or a clock never set: it says nothing of two frames.
    """
    if not one or not other or not captured_apart(one, other):
        return False
    a, b = _clock(one), _clock(other)
    digits = min(len(a), len(b))
    try:
        apart = abs(datetime.fromisoformat(a[:digits]) - datetime.fromisoformat(b[:digits]))
    except ValueError:
        return True  # times that nobody can count with: held apart, as frames
    zones = min(round(apart / QUARTER) * QUARTER, WIDEST_ZONES)
    return timedelta(0) < abs(apart - zones) <= BURST


def _clock(text: str) -> str:
    """Cut the offset off an ISO 8601 time."""
    date, _, time = text.partition("T")
    for sign in "+-Z":
        time = time.partition(sign)[0]
    return f"{date}T{time}"
