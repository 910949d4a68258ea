"""Hand a plan out in waves: which wave is next, and whether the last one has arrived."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.pipelines.errors import SafetyStop, UsageError
from mirrorfold.pipelines.finished.verify import read_policy, refuse_broken
from mirrorfold.schemas.reconciliation import RECONCILIATION
from mirrorfold.schemas.waves import WAVES
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.tables import add_views, connect
from mirrorfold.transforms.publish.manifests.export import Exported
from mirrorfold.transforms.publish.manifests.stop import stops
from mirrorfold.transforms.publish.manifests.waves import ROWS_SQL, Wave, check_share, part
from mirrorfold.transforms.publish.manifests.withdrawn import is_withdrawn, plan_name
from mirrorfold.transforms.retain.acted import RECORD as RECONCILED
from mirrorfold.transforms.retain.approvals import check_signer
from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.stores.output import OutputStore, open_output

RECORD = "exports/waves.json"


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
      share: of the canary; by: how the rest is parted, one of WAYS of the lists' waves.
      after: the folder that was reconciled after the last wave; None for the run's own.
      again: the last wave once more, e.g. for another tool.
    """

    share: float
    by: str = "library"
    after: str | None = None
    again: bool = False


@dataclass
class Record:
    """What was handed out of a plan so far, as exports/waves.json keeps it.

    Attributes:
      plan: as `plan_name` names it; share, by: as they were asked for.
      handed: of each wave its number, when it was last handed out, rows, and by whose word it followed the one before.
      waived: by a wave's number, who signed that the next need not wait for it.
    """

    plan: str
    share: float = 0.0
    by: str = ""
    handed: list[dict] = field(default_factory=list)
    waived: dict[str, dict] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """Give the number of the last wave that was handed out; 0 for none."""
        return self.handed[-1]["wave"] if self.handed else 0


def read_record(store: OutputStore) -> Record:
    """Read what was handed out of this very plan, if anything was and it wasn't taken back as a whole."""
    plan = plan_name(store)
    try:
        found = Record(**json.loads(store.get(RECORD)))
    except FileNotFoundError:
        return Record(plan)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{store.url(RECORD)} isn't a record of waves: {error}") from error
    return found if found.plan == plan and not is_withdrawn(store) else Record(plan)


def refuse_whole(store: OutputStore) -> None:
    """Refuse to hand a plan out as a whole where waves of it went already.

    Raises:
      UsageError: one line saying how to go on.
    """
    record = read_record(store)
    if record.handed:
        raise UsageError(
            f"{store.url()}: this plan goes in waves, {record.last} so far: --wave hands out the next, and "
            "`--what restore` takes all of them back"
        )


def next_wave(store: OutputStore, asked: Asked) -> tuple[Wave, str]:
    """Give the wave that is next, and by whose word it may go; its plan is parted into waves if it wasn't yet.

    Raises:
      UsageError: it was asked for otherwise than before, there is none left, or `after` is of no use; one line.
      SafetyStop: the last wave hasn't arrived; one line saying what to do.
    """
    check_share(asked.share)
    record = read_record(store)
    if not record.handed:
        if asked.again or asked.after:
            raise UsageError(f"{store.url()}: no wave of this plan was handed out yet: leave out --again and --after")
        with connect(store, "objects", "decisions") as tables:
            rows = part(tables.sql(ROWS_SQL).to_arrow_table().combine_chunks(), asked.share, asked.by, record.plan)
        if not rows.num_rows:
            raise UsageError(f"{store.url()}: the plan sets nothing aside: there is nothing to hand out")
        parquet.replace_table(store, WAVES, rows)
        return _wave(rows, 1), "first"
    if (asked.share, asked.by) != (record.share, record.by):
        said = f"--wave {record.share * 100:.4g}% --by {record.by}"
        raise UsageError(f"{store.url()}: this plan goes in waves by {said}: ask for the next in the same words")
    rows = parquet.read_table(store, WAVES)
    if asked.again:
        return _wave(rows, record.last), record.handed[-1]["after"]
    if record.last == pc.max(rows.column("wave")).as_py():
        raise UsageError(
            f"{store.url()}: all {record.last} waves of this plan were handed out; --again repeats the last"
        )
    return _wave(rows, record.last + 1), _passed(store, record, asked.after)


def note_wave(store: OutputStore, asked: Asked, done: Exported, after: str) -> None:
    """Remember that a wave was handed out, and which of its rows no list of it has; a draft hands nothing out.

    A wave whose rows were all refused is over, too: the next isn't held up by what nobody can act on.
    """
    wave = done.wave
    if wave is None or done.draft:
        return
    record = read_record(store)
    earlier = record.last == wave.number
    rows = parquet.read_table(store, WAVES)
    columns = (rows.column(name).to_pylist() for name in ("uri", "version", "wave", "refused"))
    # What another tool's list of this wave has stays handed out.
    refused = [
        old if number != wave.number or (earlier and old is None) else wave.refused.get((uri, version))
        for uri, version, number, old in zip(*columns, strict=True)
    ]
    index = WAVES.schema.get_field_index("refused")
    rows = rows.set_column(index, WAVES.schema.field(index), pa.array(refused, pa.string()))
    parquet.replace_table(store, WAVES, rows)
    at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    entry = {
        "wave": wave.number,
        "named": wave.named,
        "at": at,
        "rows": done.rows,
        "lists": done.folder,
        "after": after,
    }
    record.share, record.by = asked.share, asked.by
    record.handed = [*(found for found in record.handed if found["wave"] != wave.number), entry]
    _write(store, record)


def waive(folder: str, wave: int, role: str, name: str) -> dict:
    """Sign that the next wave needn't wait until this one arrived; give the record.

    Raises:
      ValueError: no such wave was handed out last, or somebody who may not sign.
      BrokenPromiseError: the folder breaks a promise.
    """
    store = open_output(folder)
    check_signer(read_policy(store), role, name)
    if not store.exists("_SUCCESS"):
        raise ValueError(f"{store.url()}: the run is unfinished: there is no plan to sign yet")
    record = read_record(store)
    if wave != record.last or not wave:
        last = f"the last one was {record.last}" if record.last else "none was handed out yet"
        raise ValueError(f"{store.url()}: wave {wave} isn't the last that was handed out: {last}")
    refuse_broken(folder, "signed")
    said = {"role": role, "name": name.strip(), "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}
    record.waived[str(wave)] = said
    _write(store, record)
    return said | {"plan_hash": plan_hash(store)}


def _write(store: OutputStore, record: Record) -> None:
    store.put(RECORD, json.dumps(asdict(record), indent=1, sort_keys=True, ensure_ascii=False).encode())


def _wave(rows: pa.Table, number: int) -> Wave:
    mine = rows.filter(pc.equal(rows.column("wave"), number))
    keys = zip(mine.column("uri").to_pylist(), mine.column("version").to_pylist(), strict=True)
    return Wave(number, pc.max(rows.column("wave")).as_py(), mine.column("named")[0].as_py(), frozenset(keys))


def _passed(store: OutputStore, record: Record, after: str | None) -> str:
    """Say by what the next wave may go.

    Raises:
      SafetyStop, UsageError: see `next_wave`.
    """
    wave, handed = record.last, record.handed[-1]["at"]
    signed = record.waived.get(str(wave))
    if signed:
        return f"signed by {signed['name']} ({signed['role']}) at {signed['at']}"
    reconciled = open_output(after) if after else store
    way = (
        f"`mirrorfold reconcile {store.url()} TARGET... --quarantine URI`, or sign that it needn't arrive first: "
        f"`mirrorfold approve {store.url()} --wave {wave} --role ROLE --by NAME`"
    )
    made = _reconciled_at(reconciled, plan_hash(store), named=after is not None)
    if made is None or dt.datetime.fromisoformat(made) < dt.datetime.fromisoformat(handed):
        raise SafetyStop(
            f"wave {wave + 1} isn't handed out: nobody has reconciled since wave {wave} was ({handed}): {way}"
        )
    with connect(store, "waves", "decisions") as tables:
        add_views(tables, reconciled, {RECONCILIATION: None})
        found = stops(tables, wave)
    if found:
        more = f"; {len(found) - 1} more" if len(found) > 1 else ""
        raise SafetyStop(f"wave {wave + 1} isn't handed out: {found[0]}{more}: mend it and go on with {way}")
    return f"reconciled at {made}"


def _reconciled_at(store: OutputStore, plan: str, *, named: bool) -> str | None:
    """Give when this plan was last reconciled in a folder, ISO 8601; None where it wasn't.

    Raises:
      UsageError: the folder was named, and holds no reconciliation of this plan.
    """
    try:
        record = json.loads(store.get(RECONCILED))
        made = record["made_at"] if record["plan_hash"] == plan else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        made = None
    if made is None and named:
        raise UsageError(
            f"--after {store.url()}: it holds no reconciliation of this plan: name the folder that has one"
        )
    return made
