"""Export a finished run's plan for another tool."""

from __future__ import annotations

from mirrorfold.pipelines.finished.verify import read_policy, refuse_broken
from mirrorfold.pipelines.record.request import saved_request
from mirrorfold.transforms.publish.manifests.export import Exported, check_request, export_plan
from mirrorfold.transforms.publish.manifests.formats import Job
from mirrorfold.transforms.publish.manifests.recheck import Recheck
from mirrorfold.transforms.retain.approvals import missing_roles
from mirrorfold.transforms.stores.output import open_output
from mirrorfold.transforms.stores.sources import open_stores


def export(
    folder: str, what: str, to: str, *, target: str | None = None, recheck: bool | None = None, threads: int = 32
) -> Exported:
    """Write the lists of a plan under DIR/exports.

    Args:
      what: quarantine, migrate, restore or crosswalk.
      to: s3-batch, storage-transfer, rclone, s5cmd or csv.
      target: where copies go, e.g. s3://quarantine; a policy that names a bucket is the default of a quarantine.
      recheck: look every object and its kept copy up at the stores; by default for quarantine alone.

    Raises:
      ValueError: what can't be exported, or a DIR without a finished run; one line saying what to do.
      BrokenPromiseError: the folder breaks a promise, or isn't what it was when the plan was made.
    """
    store = open_output(folder)
    policy = read_policy(store)
    if not store.exists("_SUCCESS"):
        raise ValueError(f"{store.url()}: the run is unfinished: run the same command again, then export")
    if target is None and what in ("quarantine", "restore") and policy["quarantine"]["bucket"]:
        target = f"s3://{policy['quarantine']['bucket']}"
    job = Job(what, target.rstrip("/") if target else None)
    check_request(what, to, job.target, policy["quarantine"]["method"])
    refuse_broken(folder, "exported", undo=what == "restore")
    missing = missing_roles(store, policy)
    if not (what == "quarantine" if recheck is None else recheck):
        return export_plan(store, job, to, policy, None, missing)
    stores = open_stores(tuple(saved_request(folder).sources))
    try:
        return export_plan(store, job, to, policy, Recheck(stores, threads), missing)
    finally:
        stores.close()
