"""`mirrorfold estimate`: what a full run would free and cost, from a listing and a sample, before anyone starts it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pyarrow as pa

from mirrorfold.pipelines.commands.progress import Progress
from mirrorfold.pipelines.estimating import near_sample
from mirrorfold.pipelines.record.request import Request
from mirrorfold.pipelines.run import run
from mirrorfold.pipelines.savings import book, load_constants, money_settings
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.cores import cores
from mirrorfold.transforms.estimate import census, exact
from mirrorfold.transforms.estimate.bill import as_decimal, bill, bills, move
from mirrorfold.transforms.estimate.capacity import Load, Model, Workload
from mirrorfold.transforms.estimate.exact import Exact
from mirrorfold.transforms.estimate.interval import Interval
from mirrorfold.transforms.estimate.near import Near, Whole
from mirrorfold.transforms.estimate.price_list import PriceList
from mirrorfold.transforms.estimate.probe import Probed, probe
from mirrorfold.transforms.estimate.savings import Tally, Terms, price, to_float
from mirrorfold.transforms.estimate.stored import STORED_COLUMNS, freed, stored
from mirrorfold.transforms.estimate.summary import hour_price, scan_cost
from mirrorfold.transforms.fingerprint.beside.facts import WOULD_COLUMNS, would_read
from mirrorfold.transforms.fingerprint.plan import skip_reasons
from mirrorfold.transforms.retain.policy import compile_policy
from mirrorfold.transforms.retain.stand_ins import COMPARED
from mirrorfold.transforms.stores.api import ObjectRef
from mirrorfold.transforms.stores.output import OutputStore, open_output
from mirrorfold.transforms.stores.sources import open_stores

LEAST_READ = 64_000_000
"""Bytes that a sample may always read: below this a share of the archive says nothing."""

WORKERS = (1, 16, 256)
SKIP_COLUMNS = ("key", "content_type", "is_latest", "is_delete_marker", "archived", "passing")


@dataclass(frozen=True)
class Worth:
    """What bytes are worth a month.

    Attributes:
      low, mid, high: money, over the interval of the bytes and the range of the prices.
      currency: of these.
      unpriced: bytes, at the middle, for which no price is known and which the money leaves out.
    """

    low: float
    mid: float
    high: float
    currency: str
    unpriced: int


@dataclass(frozen=True)
class Review:
    """What deciding on near duplicates takes: a person's word on each, or a comparison at full detail.

    Attributes:
      hours: of people.
      cost: in the estimate's currency; None where an hour has no price.
      compared: which of them this policy compares before anybody acts: `all`, `unasked` (those that go without a
        person's word), or `none`: those alone that a batch or a person's word lets go.
      compare_gets, compare_bytes: GETs of comparing each at full detail, and what they read.
      compare_cpu_hours: what that takes of one core.
      compare_cost: of requests and CPU, in the estimate's currency; None without any price.
    """

    hours: Interval
    cost: Interval | None
    compared: str
    compare_gets: Interval
    compare_bytes: Interval
    compare_cpu_hours: Interval
    compare_cost: Interval | None


@dataclass(frozen=True)
class Estimate:
    """What a full run would free and cost.

    Attributes:
      libraries: (library, objects, bytes) of what would be read.
      left_out: objects by the reason they wouldn't be.
      unknown_holds: objects whose hold isn't known yet; each is kept until it is looked up.
      exact, exact_two: what exact copies free when one, or two, of each are kept.
      near: near duplicates, which wait for people; None where none were sampled.
      worth: of the bytes in `exact`.
      savings: rows of the table `savings` at the middle, one or two for each library, bucket and class: what exact
        copies would free (action quarantine) and what would stay (keep); near duplicates have no place yet.
      bill, bill_by, move: of these, as `bill.bill`, `bill.bills` and `bill.move` give them.
      review: what deciding on the near duplicates takes; None without them.
      work, load: what a full run does and takes.
      hours: (workers, what bounds them, wall hours); the first is this machine.
      cost: as `summary.scan_cost` gives it.
      sampled_requests, sampled_bytes, failures: what the sample read, and couldn't read, by code.
      sampled_sizes: sizes read of those that only reading settles.
    """

    libraries: tuple[tuple[str, int, int], ...]
    left_out: dict[str, int]
    unknown_holds: int
    exact: Exact
    exact_two: Exact
    near: Near | None
    worth: Worth
    savings: list[dict]
    bill: dict
    bill_by: dict[str, list[dict]]
    move: dict | None
    review: Review | None
    work: Workload
    load: Load
    hours: tuple[tuple[int, str, float], ...]
    cost: dict
    sampled_requests: int
    sampled_bytes: int
    failures: dict[str, int]

    @property
    def objects(self) -> int:
        """Objects that would be read."""
        return sum(count for _, count, _ in self.libraries)

    @property
    def bytes(self) -> int:
        """Their bytes."""
        return sum(size for _, _, size in self.libraries)


def estimate(
    request: Request, output: str | None = None, beam_args: tuple[str, ...] = (), progress: Progress | None = None
) -> Estimate:
    """Estimate a run over the request's sources: list them, read a sample, and project.

    Args:
      output: a folder to keep the listing in; by default a temporary one that is removed.

    Raises:
      UsageError, SafetyStop: a bad price book; else as a run's listing does.
    """
    progress = progress or Progress.silent()
    book(request.settings)  # a broken price book is found before any work starts
    with tempfile.TemporaryDirectory(prefix="mirrorfold-estimate-") as scratch:
        listing = output or os.path.join(scratch, "listing")
        run(request, listing, until="list", beam_args=beam_args, progress=progress)
        store = open_output(listing)
        listed = census.collect(_blocks(store, census.OBJECT_COLUMNS), _skip(request))
        plan, probed, identity = _probe(request, store, listed, progress)
        one, two = (exact.estimate(listed, plan, identity, keep) for keep in (1, 2))
        whole = Whole(listed.objects - one.copies.mid, listed.bytes - one.bytes.mid)
        near = near_sample.sample(
            request, _readable(request, store, OBJECTS.schema.names), listed, whole, scratch, beam_args, progress
        )
        chance = near_sample.chance(request, scratch)
        savings = _savings(request, store, listed, one)
        sidecars = _sidecars(store)
    return _project(request, listed, one, two, near, savings, probed, chance, sidecars)


def _sidecars(store: OutputStore) -> pa.Table:
    """Count the sidecars that a run reads, and their bytes, by place."""
    columns = list(dict.fromkeys((*WOULD_COLUMNS, *census.PLACE)))
    places = [
        would_read(block).group_by(census.PLACE).aggregate([("size", "count"), ("size", "sum")])
        for block in parquet.table_blocks(store, OBJECTS.name, columns)
    ]
    return pa.concat_tables(places)


def _savings(request: Request, store: OutputStore, listed: census.Listed, one: Exact) -> list[dict]:
    """Price what is stored and what exact copies free of it, as a run would."""
    settings = money_settings(request.settings, request.policy)
    prices, terms = PriceList.make(book(request.settings), settings), Terms.make(settings)
    blocks = census.readable(_blocks(store, STORED_COLUMNS), lambda block: [None] * block.num_rows, {})
    return price(freed(stored(blocks, Tally.make(prices, terms)), listed, one.by_place), prices, terms).to_pylist()


def _probe(
    request: Request, store: OutputStore, listed: census.Listed, progress: Progress
) -> tuple[exact.Plan, Probed, np.ndarray]:
    """Read the sample; give each object's identity, stated or read."""
    limits = request.settings.estimate
    allowed = min(max(int(listed.bytes * limits.read_share), LEAST_READ), limits.read_bytes)
    plan = exact.plan(listed, allowed, limits.read_requests)
    stores = open_stores(request.sources)
    with progress.stage("sample", plan.objects):
        probed = probe(
            _readable(request, store, ObjectRef._fields),
            listed.objects,
            plan.drawn_sizes,
            stores,
            request.settings.fingerprint.threads,
        )
    identity = np.where(probed.read, probed.identity, exact.stated_identity(listed, plan.sizes))
    return plan, probed, identity


def _skip(request: Request):
    noncurrent = request.settings.listing.noncurrent == "read"
    return lambda block: skip_reasons(block, noncurrent)


def _blocks(store: OutputStore, columns) -> Iterator[pa.Table]:
    wanted = list(dict.fromkeys((*columns, *census.OBJECT_COLUMNS, *SKIP_COLUMNS)))
    return parquet.table_blocks(store, OBJECTS.name, wanted)


def _readable(request: Request, store: OutputStore, columns) -> Iterator[pa.Table]:
    """The objects that would be read, in the census's order."""
    return census.readable(_blocks(store, columns), _skip(request), {})


def _project(
    request: Request,
    listed: census.Listed,
    one,
    two,
    near: Near | None,
    savings: list[dict],
    probed: Probed,
    chance: tuple[float, float] | None,
    sidecars: pa.Table,
) -> Estimate:
    settings = money_settings(request.settings, request.policy)
    prices = PriceList.make(book(request.settings), settings)
    accept_md5 = (request.policy or {}).get("identity", {}).get("md5") == "accept"
    reads = census.full_reads(listed, accept_md5)
    contents = max(0, listed.objects - round(one.copies.mid))
    work = Workload(
        listed.objects, reads.requests, reads.bytes, contents, request.settings.match.crops, *(chance or ())
    )
    model = Model(load_constants())
    load = model.load(work)
    beside = [sum(sidecars[name].to_pylist()) for name in ("size_count", "size_sum")]
    load = replace(load, get_requests=load.get_requests + beside[0], bytes_read=load.bytes_read + beside[1])
    places = _requests(listed, sidecars, settings["regions"])
    totals = {
        "requests": {"list": load.list_requests, "get": load.get_requests},
        "request_places": places,
        "bytes_read": load.bytes_read,
        "cpu_hours": load.cpu_hours,
    }
    workers = (cores(), *WORKERS[1:])
    return Estimate(
        _libraries(listed),
        listed.left_out,
        listed.unknown_holds,
        one,
        two,
        near,
        worth(one.bytes, savings, prices.currency),
        savings,
        bill(savings),
        bills(savings),
        move(savings, settings["migrate_to"]),
        review(near, request.policy, prices, settings, places),
        work,
        load,
        tuple((count, *model.slowest(load, count)) for count in workers),
        scan_cost(totals, prices, settings),
        probed.requests,
        probed.bytes,
        dict(probed.failures),
    )


def worth(freed: Interval, savings: list[dict], currency: str) -> Worth:
    """Sum what freed bytes are worth a month, over their interval and the range of the prices."""
    gone = [row for row in savings if row["bytes_freed"]]
    spread = freed.times(1 / freed.mid) if freed.mid else Interval(1, 1, 1)
    low, mid, high = (
        sum((as_decimal(row[name]) or Decimal(0) for row in gone), Decimal(0))
        for name in ("monthly_low", "monthly", "monthly_high")
    )
    unpriced = sum(row["bytes_freed"] for row in gone if row["monthly"] is None)
    ends = [to_float(low * Decimal(str(spread.low))) or 0.0, to_float(high * Decimal(str(spread.high))) or 0.0]
    return Worth(ends[0], to_float(mid) or 0.0, ends[1], currency, unpriced)


def review(near: Near | None, policy: dict | None, prices: PriceList, settings: dict, places: dict) -> Review | None:
    """Say what deciding on each near duplicate takes.

    Args:
      places: what a run reads by place: near duplicates are taken to lie as all the rest does.
    """
    if near is None:
        return None
    hours = near.contents.times(settings["review_seconds"] / 3600)
    hourly = hour_price("reviewer-hour", settings["reviewer_hour"], prices)
    cost = None if hourly is None else hours.times(float(hourly))
    volume, each = near.contents.times(near.pair_bytes), Model(load_constants()).comparing(1, near.small, near.large)
    gets, size = (max(1, sum(place[name] for place in places.values())) for name in ("get", "bytes"))
    pairs = 1_000_000  # what one pair costs is less than money is written with
    share = {
        place: {
            "get": round(2 * pairs * counts["get"] / gets),
            "bytes": round(pairs * near.pair_bytes * counts["bytes"] / size),
        }
        for place, counts in places.items()
    }
    money = scan_cost({"request_places": share, "cpu_hours": pairs * each}, prices, settings)["cost"]
    return Review(
        hours,
        cost,
        compared(policy, volume.mid),
        near.contents.times(2),
        volume,
        near.contents.times(each),
        None if money is None else near.contents.times(money / pairs),
    )


def compared(policy: dict | None, near_bytes: float) -> str:
    """Say which near duplicates a policy compares at full detail before anybody acts on them: all, unasked or none."""
    if policy is None:
        return "none"
    compiled = compile_policy(policy, near_bytes=int(near_bytes))
    goes = [rule for rule in map(compiled.tier, COMPARED) if rule.action == "quarantine" and rule.when != "accepted"]
    return "all" if compiled.review_compare else "unasked" if goes else "none"


def _libraries(listed: census.Listed) -> tuple[tuple[str, int, int], ...]:
    counts = np.bincount(listed.place, minlength=len(listed.places))
    volumes = np.bincount(listed.place, weights=listed.size, minlength=len(listed.places))
    found: dict[str, tuple[int, int]] = {}
    for (library, *_), count, volume in zip(listed.places, counts.tolist(), volumes.tolist(), strict=True):
        before = found.get(library, (0, 0))
        found[library] = (before[0] + count, before[1] + int(volume))
    return tuple((library, *found[library]) for library in sorted(found))


def _requests(listed: census.Listed, sidecars: pa.Table, regions: dict) -> dict[tuple, dict]:
    """GETs and bytes by place at most: what the listing proves to be copies is read once."""
    counts = np.bincount(listed.place, minlength=len(listed.places)).tolist()
    volumes = np.bincount(listed.place, weights=listed.size, minlength=len(listed.places)).tolist()
    places: dict[tuple, dict] = {}
    rows = [*zip(listed.places, counts, volumes, strict=True)]
    rows += [
        (tuple(row[name] for name in census.PLACE), row["size_count"], row["size_sum"]) for row in sidecars.to_pylist()
    ]
    for (library, store, bucket, storage_class), count, volume in rows:
        region = regions.get(bucket) or regions.get(library)
        place = places.setdefault((store, region, storage_class), {"list": 0, "get": 0, "bytes": 0})
        place["list"] += count
        place["get"] += count
        place["bytes"] += int(volume)
    return places
