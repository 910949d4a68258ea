"""After the move: hold what a finished plan says should be there against what its targets list."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.finished import looking, reading, realised, targets
from mirrorfold.pipelines.finished.targets import Target
from mirrorfold.pipelines.finished.verify import read_policy, refuse_broken
from mirrorfold.pipelines.record.lock import lock_output
from mirrorfold.pipelines.record.request import REQUEST_PATH, Request, load_settings
from mirrorfold.schemas.reconciliation import FAULTS, RECONCILIATION
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.match.verify import Verifier
from mirrorfold.transforms.publish.after import PAGE, render_after
from mirrorfold.transforms.reconcile.bound import most_wrong, sample_size
from mirrorfold.transforms.reconcile.match import CHANGED, STEM, UNPROVED, match
from mirrorfold.transforms.reconcile.plan import EXPECTED_SQL
from mirrorfold.transforms.reconcile.realised import Days, sum_up
from mirrorfold.transforms.reconcile.states import NOTES, Asked, reconcile
from mirrorfold.transforms.retain.acted import RECORD
from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.stores.output import OutputStore, open_output
from mirrorfold.transforms.stores.sources import open_stores

CONFIDENCE = 0.95
EXAMPLES = 5


@dataclass(frozen=True)
class Reconciled:
    """What a reconciliation found.

    Attributes:
      counts: objects by state; bytes: the same in bytes.
      nowhere: contents that the plan keeps and no target has; examples: some of their URIs.
      faults: examples of each state that somebody has to look at: (uri, detail).
      doubtful: objects whose bytes only reading proves; read: how many were; wrong: of these, how many are other bytes.
      realised: rows of the table `realised`, of this month.
      bound: of those that nobody read at most this many are other bytes, at CONFIDENCE; None where all were read.
    """

    counts: dict[str, int]
    bytes: dict[str, int]
    nowhere: int
    examples: list[str]
    faults: dict[str, list[tuple[str, str | None]]]
    doubtful: int
    read: int
    wrong: int
    bound: int | None
    realised: list[dict] = field(default_factory=list)


@dataclass
class _Work:
    """What is known so far: the plan's objects, what was found, and who is asked for what."""

    expected: pa.Table
    found: pa.Table
    asked: Asked
    notes: reading.Notes = field(default_factory=dict)

    def rematch(self) -> None:
        """Pair everything anew by what is known now."""
        e, t = self.expected, self.found
        role = {name: t.filter(pc.equal(t.column("role"), name)) for name in ("home", "destination", "quarantine")}
        goes = pc.equal(e.column("action"), "quarantine")
        due = pc.and_(pc.is_in(e.column("e"), self.asked.destinations), e.column("is_latest"))
        destination = match(e.filter(pc.and_(due, pc.invert(goes))), role["destination"])
        free = pc.invert(pc.is_in(role["destination"].column("t"), destination.column("t").combine_chunks()))
        self.asked = replace(
            self.asked,
            home=match(e.filter(pc.is_in(e.column("e"), self.asked.homes)), role["home"], home=True),
            destination=destination,
            brought=match(e.filter(pc.and_(due, goes)), role["destination"].filter(free), only_place=True),
            aside=match(e.filter(goes), role["quarantine"]),
        )

    def pairs(self) -> list[pa.Table]:
        return [self.asked.home, self.asked.destination, self.asked.brought, self.asked.aside]


def reconcile_run(
    folder: str,
    named: Sequence[str],
    *,
    quarantines: Sequence[str] = (),
    sample: float | None = None,
    accept_recompressed: bool = False,
    as_of: dt.date | None = None,
    config: str | None = None,
    threads: int = 32,
    say: Callable[[str], None] = lambda _: None,
) -> Reconciled:
    """Hold a finished run's plan against what targets list, and write the table `reconciliation`.

    Args:
      named: `[LIBRARY=]URI` each; one that covers listed objects is asked for them in their own place.
      quarantines: where quarantined objects went.
      sample: read so many of the objects that only reading proves (below 1: that share), None for all.
      as_of: the day on which the quarantine's days are counted; today by default.

    Raises:
      ValueError, UsageError: DIR or a target can't be used; one line, before anything is written.
      BrokenPromiseError: the folder isn't what it was when the plan was made.
    """
    store = open_output(folder)
    policy = read_policy(store)
    if not store.exists("_SUCCESS"):
        raise ValueError(f"{store.url()}: the run is unfinished: there is no plan to hold anything against")
    refuse_broken(folder, "reconciled", undo=True)
    connection = connect(store, "objects", "decisions", "contents")
    expected = connection.sql(EXPECTED_SQL).to_arrow_table().combine_chunks()
    libraries = set(expected.column("library").unique().to_pylist())
    settings = _settings(store, config)
    places = targets.read_targets(named, quarantines, settings, libraries)
    prices = realised.prices_of(settings, policy)
    found = targets.list_targets(places, expected)
    say(f"{found.num_rows:,} objects listed; the plan has {expected.num_rows:,}")
    work = _Work(expected, found, _asked(store, policy, places, expected, found, as_of, accept_recompressed))
    work.rematch()
    if not any(pairs.num_rows for pairs in work.pairs()):
        raise UsageError(f"nothing in {', '.join(t.arg for t in places)} is of this plan: is it another plan's target?")
    stores = open_stores(tuple(target.spec for target in places))
    try:
        tried = _read(work, stores, sample, plan_hash(store), threads, say)
        if sample != 0:
            _look(work, connection, stores, looking.verifier_of(json.loads(store.get("run.json"))))
        live = _live(places, work.found)
        left, prices = realised.unfinished(stores, live), realised.with_tags(prices, stores, live)
    finally:
        stores.close()
    said = [{"t": t, "note": note} for t, note in sorted(work.notes.items())]
    work.asked = replace(work.asked, notes=pa.Table.from_pylist(said, schema=NOTES))
    rows = reconcile(work.expected, work.found, work.asked)
    saving = _saving(store, policy, work, rows, prices, left, as_of)
    made = replace(_sum_up(rows, tried), realised=saving.to_pylist())
    with lock_output(store):
        parquet.replace_table(store, RECONCILIATION, rows)
        record = _record(store, places, made, sample, as_of)
        store.put(RECORD, record)
        months = realised.keep(store, saving, as_of or _today())
        page = render_after(json.loads(record), made.faults, months.to_pylist(), settings.publish.language)
        store.put(PAGE, page.encode())
    return made


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _saving(
    store: OutputStore,
    policy: dict,
    work: _Work,
    rows: pa.Table,
    prices: realised.Priced,
    left: realised.Unfinished,
    as_of: dt.date | None,
) -> pa.Table:
    """Say what came true of the plan's saving, in money: rows of the table `realised`."""
    made = _made(store) or _today()
    days = Days(made, made + dt.timedelta(days=policy["quarantine"]["days"]))
    rules = realised.rules_of(prices.listed)
    sums = sum_up(work.expected, work.found, rows, work.asked.homes, rules, days)
    return realised.price(sums, left, prices, f"{as_of or _today():%Y-%m}")


def _made(store: OutputStore) -> dt.date | None:
    """Give the day on which the plan was made; None where that isn't on record."""
    made = json.loads(store.get("run.json")).get("finished_at")
    return None if made is None else dt.datetime.fromisoformat(made).date()


def _live(places: list[Target], found: pa.Table) -> set[tuple[str, str]]:
    """Name the buckets that were listed live, but for destinations: those that the plan's bytes lie in."""
    destinations = set(found.filter(pc.equal(found.column("role"), "destination")).column("target").to_pylist())
    return {
        (place.spec.store, place.spec.bucket)
        for number, place in enumerate(places)
        if place.spec.kind == "live" and number not in destinations
    }


def _settings(store: OutputStore, config: str | None) -> Settings:
    if config is not None:
        return load_settings(config)
    try:
        return Request.from_json(store.get(REQUEST_PATH)).settings
    except FileNotFoundError:
        return Settings()


def _asked(
    store: OutputStore, policy: dict, places: list[Target], expected: pa.Table, found: pa.Table, as_of: dt.date | None,
    accept: bool,
) -> Asked:  # fmt: skip
    numbers = expected.column("e")
    own = targets.homes(places, found, expected.column("uri"))
    roles = {
        row["target"]: row["role"]
        for row in found.select(["target", "role"]).group_by(["target", "role"]).aggregate([]).to_pylist()
    }
    there = [place for number, place in enumerate(places) if roles.get(number) == "destination"]
    serves = {place.serves for place in there}
    if None in serves:
        to = numbers
    else:
        to = numbers.filter(pc.is_in(expected.column("library"), pa.array(sorted(filter(None, serves)), pa.string())))
    return Asked(
        homes=numbers.filter(own).combine_chunks(),
        destinations=to.combine_chunks(),
        quarantine=any(place.aside for place in places),
        over=_over(store, policy, as_of or _today()),
        accept=accept,
    )


def _over(store: OutputStore, policy: dict, today: dt.date) -> bool:
    """Tell whether the quarantine's days can be over: nothing was set aside before its plan was made."""
    made = _made(store)
    return made is not None and today >= made + dt.timedelta(policy["quarantine"]["days"])


def _read(work: _Work, stores, sample: float | None, seed: str, threads: int, say) -> tuple[int, int, int]:
    """Read what only reading proves; give how many were doubtful, read, and other than the plan says."""
    unproved = _numbers(work, UNPROVED)
    chosen = sorted(random.Random(seed).sample(unproved, sample_size(len(unproved), sample)))
    more = [] if sample == 0 else sorted(_may_be_lost(work) - set(unproved))
    readable = work.found.column("archived").to_pylist()
    for t in (t for t in (*chosen, *more) if readable[t]):
        work.notes[t] = "in an archive class: restore it to have it read"
    wanted = [t for t in (*chosen, *more) if not readable[t]]
    if wanted:
        size = pc.sum(work.found.column("size").take(pa.array(wanted))).as_py()
        say(f"{len(wanted):,} objects ({size:,} bytes) to read: nothing else proves them")
        work.found, notes = reading.read_found(work.found, wanted, stores, threads, say)
        work.notes |= notes
        work.rematch()
    read = sum(1 for t in chosen if work.found.column("was_read")[t].as_py() or work.found.column("sha256")[t].as_py())
    right = {t for pairs in work.pairs() for t, how in _rows(pairs, "t", "how") if how not in (CHANGED, STEM, UNPROVED)}
    wrong = sum(1 for t in chosen if t not in right and work.found.column("sha256")[t].as_py())
    return len(unproved), read, wrong


def _numbers(work: _Work, how: str) -> list[int]:
    return sorted({t for pairs in work.pairs() for t, found in _rows(pairs, "t", "how") if found == how})


def _rows(table: pa.Table, *names: str):
    return zip(*(table.column(name).to_pylist() for name in names), strict=True)


def _may_be_lost(work: _Work) -> set[int]:
    """Name found objects that nothing explains and that are as large as something that is missing or changed."""
    lost = work.expected.filter(pa.array(~_settled(work)))
    sizes = pc.unique(lost.column("size"))
    open_t = _unexplained(work)
    as_large = pc.is_in(open_t.column("size"), sizes)
    return set(open_t.filter(pc.and_(as_large, pc.is_null(open_t.column("sha256")))).column("t").to_pylist())


def _settled(work: _Work) -> np.ndarray:
    """Tell of each expected object whether it was found where it should be now, or isn't looked for there.

    What is to be kept should be at its destination, whether or not its source still has it; what is set aside, in the
    quarantine, if one was named.
    """
    goes = work.expected.column("action").to_numpy(zero_copy_only=False) == "quarantine"
    due = np.zeros(work.expected.num_rows, bool)
    due[work.asked.destinations.to_numpy()] = True
    latest = work.expected.column("is_latest").to_numpy(zero_copy_only=False).astype(bool)
    looked = np.where(goes, work.asked.quarantine, due & latest)
    found = ~looked
    for pairs in (work.asked.destination, work.asked.aside):
        for e, how in _rows(pairs, "e", "how"):
            found[e] |= how not in (CHANGED, STEM)
    return found


def _unexplained(work: _Work) -> pa.Table:
    held = np.zeros(work.found.num_rows, bool)
    for pairs in work.pairs():
        for t, how in _rows(pairs, "t", "how"):
            held[t] |= how not in (CHANGED, STEM)
    return work.found.filter(pa.array(~held & (work.found.column("role").to_numpy(zero_copy_only=False) != "home")))


def _look(work: _Work, connection: duckdb.DuckDBPyConnection, stores, verifier: Verifier) -> None:
    """Tell recompressed pictures from lost ones: what lies unexplained is held against every content that is lost."""
    settled = _settled(work)
    own = work.asked.destination.filter(pc.is_in(work.asked.destination.column("how"), pa.array([CHANGED, STEM])))
    whose = dict(_rows(own, "t", "e"))
    e_rows = work.expected.select(["e", "content_id", "action", "is_latest"]).to_pylist()
    asked = set(work.asked.destinations.to_pylist())
    lost = {r["e"]: r["content_id"] for r in e_rows if not settled[r["e"]] and r["content_id"] and r["e"] in asked
            and r["action"] != "quarantine"}  # fmt: skip
    if not lost:
        return
    rows = looking.features_of(connection, sorted(set(lost.values())))
    open_t = _unexplained(work)
    wanted = open_t.filter(pc.equal(open_t.column("role"), "destination")).column("t").to_pylist()
    hits = reading.look(work.found, wanted, rows, {t: lost[e] for t, e in whose.items() if e in lost}, verifier, stores)
    left: dict[str, list[int]] = {}
    for e, content in sorted(lost.items()):
        left.setdefault(content, []).append(e)
    made = []
    for t, content, tier, kind in sorted(hits, key=lambda hit: lost.get(whose.get(hit[0], -1)) != hit[1]):
        free = left[content]
        e = whose.get(t, -1) if whose.get(t, -1) in free else (free[0] if free else None)
        if e is not None:
            free.remove(e)
            made.append((e, t, tier, kind))
    work.asked = replace(work.asked, otherwise=reading.otherwise_rows(made))


def _sum_up(rows: pa.Table, tried: tuple[int, int, int]) -> Reconciled:
    db = duckdb.connect()
    db.register("r", rows)
    states = db.execute("SELECT state, count(*), sum(size)::BIGINT FROM r GROUP BY 1 ORDER BY 1").fetchall()
    lost = "FROM r WHERE nowhere"
    (nowhere,) = db.execute(
        f"SELECT count(DISTINCT coalesce(content_id, uri || chr(10) || version)) {lost}"
    ).fetchone() or (0,)
    faults = {
        state: db.execute(
            "SELECT uri, detail FROM r WHERE state = ? ORDER BY uri, version LIMIT ?", [state, EXAMPLES]
        ).fetchall()
        for state in FAULTS
    }
    doubtful, read, wrong = tried
    return Reconciled(
        counts={state: count for state, count, _ in states},
        bytes={state: size for state, _, size in states},
        nowhere=nowhere,
        examples=[uri for (uri,) in db.execute(f"SELECT uri {lost} ORDER BY uri LIMIT ?", [EXAMPLES]).fetchall()],
        faults={state: found for state, found in faults.items() if found},
        doubtful=doubtful,
        read=read,
        wrong=wrong,
        bound=most_wrong(doubtful, read, wrong, CONFIDENCE) - wrong if read < doubtful else None,
    )


def _record(
    store: OutputStore, places: list[Target], made: Reconciled, sample: float | None, as_of: dt.date | None
) -> bytes:
    document = {
        "plan_hash": plan_hash(store),
        "targets": [target.arg for target in places if not target.aside],
        "quarantine": [target.arg for target in places if target.aside],
        "as_of": (as_of or _today()).isoformat(),
        "made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "sample": sample,
        "confidence": CONFIDENCE,
        **{name: getattr(made, name) for name in ("counts", "bytes", "nowhere", "doubtful", "read", "wrong", "bound")},
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode()
