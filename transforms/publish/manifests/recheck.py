"""The last look before a list is handed out: is every object, and every copy that counts for it, what it was."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mirrorfold.transforms.publish.manifests.kept import Copy, Kept, Minima, ref_of
from mirrorfold.transforms.publish.manifests.rows import PlanRow
from mirrorfold.transforms.stores.api import ObjectRef, StoreError, Stores


class Recheck:
    """Looks objects up at the stores, each once.

    Args:
      minima: how many copies must still be there.
    """

    def __init__(self, stores: Stores, threads: int = 32, minima: Minima | None = None):
        self.stores, self.threads, self.minima = stores, threads, minima or Minima()
        self._known: dict[ObjectRef, str] = {}

    def problems(self, rows: list[PlanRow], kept: Kept) -> list[str]:
        """Say for each row why it can't be acted on any more; '' when it can."""
        refs = {ref_of(row) for row in rows}
        for row in rows:
            named = kept.of(row) if row.action == "quarantine" else None
            if named is not None:
                refs |= {named.ref, *(copy.ref for copy in kept.counted.get(named.content_id, ()))}
        ordered = sorted(refs - self._known.keys())
        with ThreadPoolExecutor(self.threads) as pool:
            self._known.update(zip(ordered, pool.map(self._look, ordered), strict=True))
        return [self._problem(row, kept) for row in rows]

    def _problem(self, row: PlanRow, kept: Kept) -> str:
        own = self._known[ref_of(row)]
        if row.action != "quarantine":
            return _said("the object", own, holds=False)
        named = kept.of(row)
        if named is None:
            return "the kept copy isn't in this run"
        problem = _said("the object", own) or self._of_copy(named)
        return problem or self._too_few(row, kept.counted.get(named.content_id, []))

    def _of_copy(self, copy: Copy) -> str:
        return _said("its kept copy", self._known[copy.ref], holds=False)

    def _too_few(self, row: PlanRow, copies: list[Copy]) -> str:
        there = {copy.physical: copy.place for copy in copies if not self._of_copy(copy)}
        if len(there) < self.minima.copies:
            return f"only {len(there)} of the {self.minima.copies} copies that the policy asks for are still there"
        fewest, here = self.minima.by_place.get(row.place, 0), list(there.values()).count(row.place)
        if here < fewest:
            return f"only {here} of the {fewest} copies that the policy asks for in {row.place} are still there"
        return ""

    def _look(self, ref: ObjectRef) -> str:
        # Without a version the store answers for what is there now: a kept copy must still be the current one.
        try:
            head = self.stores.head(ref._replace(version=""))
        except StoreError as error:
            return error.code if error.code != "vanished" else "gone or changed since the run"
        if head.etag != ref.etag:
            return "gone or changed since the run"
        if head.passing:
            return head.passing
        return "" if head.hold == "no" else f"hold: {head.hold}"


def _said(what: str, problem: str, *, holds: bool = True) -> str:
    if not problem or (problem.startswith("hold") and not holds):
        return ""
    return f"{what} is {problem}" if not problem.startswith("hold") else f"{what} may be under {problem}"
