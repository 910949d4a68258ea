"""Record a sign-off on a finished run's plan."""

from __future__ import annotations

import datetime as dt

from mirrorfold.pipelines.errors import SafetyStop
from mirrorfold.pipelines.finished.signed import signing_of
from mirrorfold.pipelines.finished.verify import read_policy, refuse_broken
from mirrorfold.transforms.publish.signing import restamp
from mirrorfold.transforms.retain import approvals
from mirrorfold.transforms.stores.output import open_output


def approve(
    folder: str, role: str, name: str, side: str | None = None, *, withdraw: bool = False, although_acted: bool = False
) -> tuple[dict, list[str]]:
    """Sign the plan in DIR, or take a signature back; give the record and the roles that are still missing.

    Args:
      side: of a merged plan, the institution that is signed for.
      although_acted: take it back even where a reconciliation found that somebody acted on the plan.

    Raises:
      SafetyStop: somebody acted on the plan, and nobody said that it is to be withdrawn all the same.
      ValueError: no finished run, a role that the policy doesn't name, or no name; one line.
      BrokenPromiseError: the folder breaks a promise, or isn't what it was when the plan was made.
    """
    store = open_output(folder)
    policy = read_policy(store)
    if not store.exists("_SUCCESS"):
        raise ValueError(f"{store.url()}: the run is unfinished: there is no plan to sign yet")
    now = dt.datetime.now(dt.UTC)
    if withdraw:
        try:
            record = approvals.withdraw(store, role, name, now, side, although_acted=although_acted)
        except approvals.ActedError as error:
            raise SafetyStop(str(error)) from error
    else:
        refuse_broken(folder, "signed")
        record = approvals.approve(store, role, name, policy, now, side)
    signing = signing_of(store, policy)
    restamp(store, signing)
    return record, list(signing.missing)
