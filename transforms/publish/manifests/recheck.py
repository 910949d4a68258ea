"""The last look before a list is handed out: is every object, and the copy that stands for it, what it was."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mirrorfold.transforms.publish.manifests.rows import PlanRow
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores


class Recheck:
    """Looks objects up at the stores, each once."""

    def __init__(self, stores: Stores, threads: int = 32):
        self.stores, self.threads = stores, threads
        self._known: dict[ObjectRef, str] = {}

    def problems(self, rows: list[PlanRow], kept: dict[tuple[str, str], ObjectRef]) -> list[str]:
        """Say for each row why it can't be acted on any more; '' when it can.

        Args:
          kept: the objects that rows name as kept, by (uri, version).
        """
        wanted = [(ref_of(row), kept.get((row.kept_uri or "", row.kept_version or ""))) for row in rows]
        refs = {ref for pair in wanted for ref in pair if ref is not None} - self._known.keys()
        ordered = sorted(refs)
        with ThreadPoolExecutor(self.threads) as pool:
            self._known.update(zip(ordered, pool.map(self._look, ordered), strict=True))
        return [self._problem(row, own, other) for row, (own, other) in zip(rows, wanted, strict=True)]

    def _problem(self, row: PlanRow, own: ObjectRef, other: ObjectRef | None) -> str:
        if row.action != "quarantine":
            return _said("the object", self._known[own], holds=False)
        if other is None:
            return "the kept copy isn't in this run"
        return _said("the object", self._known[own]) or _said("its kept copy", self._known[other], holds=False)

    def _look(self, ref: ObjectRef) -> str:
        # Without a version the store answers for what is there now: a kept copy must still be the current one.
        try:
            head = self.stores.head(ref._replace(version=""))
        except StoreError as error:
            return error.code if error.code != "vanished" else "gone or changed since the run"
        if head.etag != ref.etag:
            return "gone or changed since the run"
        return "" if head.hold == "no" else f"hold: {head.hold}"


def _said(what: str, problem: str, *, holds: bool = True) -> str:
    if not problem or (problem.startswith("hold") and not holds):
        return ""
    return f"{what} is {problem}" if not problem.startswith("hold") else f"{what} may be under {problem}"


def ref_of(row: PlanRow) -> ObjectRef:
    """Name a row's object to the stores."""
    return ObjectRef(row.library, row.store, row.bucket, row.key, row.version, row.etag, row.size)
