"""Whether a run's plan was taken back: a restore list undoes it, a later quarantine list puts it in force again."""

from __future__ import annotations

from mirrorfold.transforms.stores.output import OutputStore

MARK = "exports/withdrawn.txt"
TEXT = b"""A restore list was written for this run's plan: once it is carried out, what the plan named stays, and later
plans may keep it. A quarantine list that is written after it removes this file.
"""


def is_withdrawn(store: OutputStore) -> bool:
    """Tell whether a plan was taken back after it was last handed out."""
    return store.exists(MARK)


def note_export(store: OutputStore, what: str) -> None:
    """Remember that a plan was taken back, or handed out again."""
    if what == "restore":
        store.put(MARK, TEXT)
    elif what == "quarantine":
        store.delete(MARK)
