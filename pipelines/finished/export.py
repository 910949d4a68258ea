"""Export a finished run's plan for another tool."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.finished.deciders import deciders
from mirrorfold.pipelines.finished.handing_out import hand_out, refuse_overtaken, take_back
from mirrorfold.pipelines.finished.package_checks import check_packages
from mirrorfold.pipelines.finished.verify import read_policy, refuse_broken
from mirrorfold.pipelines.finished.waves import Asked, next_wave, note_wave, refuse_whole
from mirrorfold.pipelines.record.lock import lock_output
from mirrorfold.pipelines.record.request import Request, saved_request
from mirrorfold.pipelines.savings import book, money_settings
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.estimate.price_list import PriceList
from mirrorfold.transforms.estimate.summary import scan_cost
from mirrorfold.transforms.publish.manifests.export import Exported, check_request, export_plan
from mirrorfold.transforms.publish.manifests.formats import Job
from mirrorfold.transforms.publish.manifests.kept import Kept, Minima, read_kept
from mirrorfold.transforms.publish.manifests.recheck import Recheck
from mirrorfold.transforms.publish.manifests.reread import cost_of, forget
from mirrorfold.transforms.publish.manifests.reread import reread as read_again
from mirrorfold.transforms.publish.manifests.waves import Wave
from mirrorfold.transforms.publish.manifests.withdrawn import plan_name
from mirrorfold.transforms.retain.approvals import missing_roles
from mirrorfold.transforms.retain.policy import compile_policy, policy_hash
from mirrorfold.transforms.stores.api import Stores
from mirrorfold.transforms.stores.output import OutputStore, open_output
from mirrorfold.transforms.stores.sources import open_stores


def _silent(_: str) -> None:
    """Say nothing."""


def export(
    folder: str,
    what: str,
    to: str,
    *,
    target: str | None = None,
    recheck: bool | None = None,
    reread: bool = True,
    threads: int = 32,
    waves: Asked | None = None,
    say: Callable[[str], None] = _silent,
) -> Exported:
    """Write the lists of a plan under DIR/exports.

    Args:
      what: quarantine, migrate, restore or crosswalk.
      to: s3-batch, storage-transfer, rclone, s5cmd, script or csv.
      target: where copies go, e.g. s3://quarantine; a policy that names a bucket is the default of a quarantine.
      recheck: look every object and the copies that count for it up at the stores; by default for quarantine alone.
      reread: read the kept copies that a quarantine names once more, unless nothing is rechecked.
      waves: of a quarantine, hand out the next wave alone.
      say: is told what reading again takes before it begins, and how far it is.

    Raises:
      UsageError, SafetyStop: no wave can be handed out now.
      ValueError: what can't be exported, or a DIR without a finished run; one line saying what to do.
      BrokenPromiseError: the folder breaks a promise, or isn't what it was when the plan was made.
      SafetyStop: another plan is in force that decides on the same objects.
    """
    store = open_output(folder)
    policy = read_policy(store)
    if not store.exists("_SUCCESS"):
        raise ValueError(f"{store.url()}: the run is unfinished: run the same command again, then export")
    if target is None and to != "script" and what in ("quarantine", "restore") and policy["quarantine"]["bucket"]:
        target = f"s3://{policy['quarantine']['bucket']}"
    job = Job(what, target.rstrip("/") if target else None)
    check_request(what, to, job.target, policy["quarantine"]["method"])
    refuse_broken(folder, "exported", undo=what == "restore")
    if waves is None:
        if what == "quarantine":
            refuse_whole(store)
        return _write_lists(store, job, to, policy, recheck, reread, threads, say)
    if what != "quarantine":
        raise UsageError(f"--wave hands out what a plan sets aside: --what quarantine, not {what}")
    with lock_output(store):
        wave, after = next_wave(store, waves)
        done = _write_lists(store, job, to, policy, recheck, reread, threads, say, wave)
        note_wave(store, waves, done, after)
    return done


def _write_lists(
    store: OutputStore,
    job: Job,
    to: str,
    policy: dict,
    recheck: bool | None,
    reread: bool,
    threads: int,
    say: Callable[[str], None],
    wave: Wave | None = None,
) -> Exported:
    missing = missing_roles(store, policy)
    if job.what == "quarantine":
        only = wave.keys if wave else None
        now = datetime.datetime.now(datetime.UTC)
        refuse_overtaken(store.url()) if missing else hand_out(store.url(), now, say, only)
    elif job.what == "restore":
        take_back(store.url(), datetime.datetime.now(datetime.UTC))
    who = deciders(store, policy_hash(policy)).of
    if not (job.what == "quarantine" if recheck is None else recheck):
        return export_plan(store, job, to, policy, None, missing, who=who, wave=wave)
    request = saved_request(store.url())
    stores = open_stores(tuple(request.sources))
    compiled = compile_policy(policy)
    look = Recheck(stores, threads, Minima(compiled.min_archival_copies, compiled.min_copies()))
    kept, rotten = read_kept(store, wave) if job.what == "quarantine" else Kept(), None
    try:
        if job.what == "quarantine" and reread:
            rotten = read_again(kept, stores, store, threads, _announce(kept, request, say), plan_name(store))
        denied = _denied(store, stores) if job.what == "quarantine" else frozenset[str]()
        done = export_plan(store, job, to, policy, look, missing, kept, rotten, who, wave, denied)
        forget(store)
        return done
    finally:
        stores.close()


def _denied(store: OutputStore, stores: Stores) -> frozenset[str]:
    """Name the files whose own bag or OCFL object states other bytes, as far as known digests tell."""
    with connect(store, "objects", "failures") as tables:
        rows = check_packages(tables, stores, reread=False).rows
    return frozenset(row["uri"] for row in rows if row["error"] == "differs")


def _announce(kept: Kept, request: Request, say: Callable[[str], None]) -> Callable[[int], None]:
    """Say what reading again takes, in bytes and money; give what tells how far it is."""
    cost = cost_of(kept)
    if not cost.copies:
        return lambda _: None
    prices = PriceList.make(book(request.settings), settings := money_settings(request.settings, request.policy))
    places: dict[tuple, dict[str, int]] = {}
    for (where, bucket, library, storage_class), (count, size) in cost.places.items():
        region = settings["regions"].get(bucket) or settings["regions"].get(library)
        found = places.setdefault((where, region, storage_class), {"get": 0, "bytes": 0})
        found["get"], found["bytes"] = found["get"] + count, found["bytes"] + size
    money = scan_cost({"request_places": places}, prices, settings)["cost_requests"]
    priced = f"about {money:,.2f} {prices.currency}" if money is not None else "unpriced: the price book has no price"
    say(f"kept copies to read once more: {cost.copies:,}, {cost.bytes:,} bytes, {priced} (--no-reread leaves it out)")
    read = [0]

    def done(size: int) -> None:
        read[0] += size
        say(f"read {read[0]:,} of {cost.bytes:,} bytes")

    return done
