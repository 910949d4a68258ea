"""What went wrong in a move is found, all of it, and nothing else: faults of every kind at random places."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import shutil
from collections import Counter

import pytest

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.finished.reconcile import reconcile_run
from tests.reconcile.moved import Moved, name, text

SEED = int(os.environ.get("MIRRORFOLD_SEED", "7"))


def missing(moved: Moved, n: int):
    (moved.to / "hk" / name(n)).unlink()
    return {f"hk/{name(n)}": "missing"}


def truncated(moved: Moved, n: int):
    moved.write(moved.to / "hk" / name(n), text(n)[:-1])
    return {f"hk/{name(n)}": "changed"}


def emptied(moved: Moved, n: int):
    moved.write(moved.to / "hk" / name(n), b"")
    return {f"hk/{name(n)}": "changed"}


def flipped(moved: Moved, n: int):
    data = bytearray(text(n))
    data[3] ^= 4
    moved.write(moved.to / "hk" / name(n), bytes(data))
    return {f"hk/{name(n)}": "changed"}


def renamed(moved: Moved, n: int):
    (moved.to / "hk" / name(n)).rename(moved.to / f"asset-{n}.bin")
    return {f"hk/{name(n)}": "arrived elsewhere"}


def extra(moved: Moved, n: int):
    moved.write(moved.to / f"Thumbs-{n}.db", b"nobody asked for this " * 9)
    return {f"to/Thumbs-{n}.db": "unexpected"}


def brought_along(moved: Moved, n: int):
    moved.write(moved.to / "gz" / name(n), text(n))
    return {f"gz/{name(n)}": "unexpected"}


def deleted_early(moved: Moved, n: int):
    (moved.aside / "gz" / name(n)).unlink()
    return {f"gz/{name(n)}": "deleted-early"}


def deleted_though_kept(moved: Moved, n: int):
    (moved.to / "hk" / name(n)).unlink()
    (moved.root / "hk" / name(n)).unlink()
    return {f"hk/{name(n)}": "deleted-though-kept"}


def restored(moved: Moved, n: int):
    moved.write(moved.root / "gz" / name(n), text(n))
    return {f"gz/{name(n)}": "restored"}


def not_acted_on(moved: Moved, n: int):
    moved.write(moved.root / "gz" / name(n), text(n))
    (moved.aside / "gz" / name(n)).unlink()
    return {f"gz/{name(n)}": "restored"}  # its inode is another: it was written back


FAULTS = (
    missing, truncated, emptied, flipped, renamed, extra, brought_along, deleted_early, deleted_though_kept, restored,
    not_acted_on,
)  # fmt: skip


def ask(moved: Moved, **options):
    return reconcile_run(
        str(moved.out), [str(moved.to), str(moved.root / "hk"), f"{moved.root}/gz"], quarantines=[str(moved.aside)],
        **options,
    )  # fmt: skip


@pytest.mark.parametrize("seed", sorted({SEED, 2}))
def test_a_thousand_faults_are_found_and_none_is_invented(tmp_path, seed: int) -> None:
    draw, moved = random.Random(seed), Moved(tmp_path, 1500, 1200)
    injected: dict[str, str] = {}
    for n in draw.sample(range(moved.twins), 1000):
        injected |= draw.choice(FAULTS)(moved, n)
    found = ask(moved, as_of=dt.date(2026, 1, 1))
    rows = moved.rows()
    told = {uri: row["state"] + (" elsewhere" if row["state"] == "arrived" and row["place"] == "elsewhere" else "")
            for uri, row in rows.items()}  # fmt: skip
    fine = {"arrived", "quarantined"}
    assert {uri: state for uri, state in told.items() if state not in fine} == injected
    assert {row["evidence"] for row in rows.values() if row["state"] == "arrived"} == {"read"}
    lost = Counter(row["state"] for row in rows.values() if row["nowhere"])
    assert found.nowhere == sum(lost.values())
    # A kept content is nowhere only where no copy of it is left in its place, at the destination or in quarantine.
    assert set(lost) <= {"deleted-though-kept"}


def test_all_well(tmp_path) -> None:
    moved = Moved(tmp_path, 40, 30)
    found = ask(moved)
    assert found.counts == {"arrived": 40, "quarantined": 30}
    assert (found.nowhere, found.bound) == (0, None)
    assert ask(moved) == found  # and again, over what it wrote itself


@pytest.mark.parametrize(
    ("named", "states"),
    [
        (["to"], {"arrived": 40, "left-behind": 30}),
        (["hk", "gz"], {"in-place": 40, "gone": 30}),
        (["hk=to/hk", "hk"], {"arrived": 40, "not-asked": 30}),
    ],
    ids=["destination alone", "own places alone", "one library's destination"],
)
def test_only_what_is_asked_is_answered(tmp_path, named: list[str], states: dict[str, int]) -> None:
    moved = Moved(tmp_path, 40, 30)
    args = [
        f"{one.partition('=')[0]}={tmp_path}/{one.partition('=')[2]}" if "=" in one else f"{tmp_path}/{one}"
        for one in named
    ]
    assert reconcile_run(str(moved.out), args).counts == states


def test_what_is_nowhere_is_counted_by_content(tmp_path) -> None:
    moved = Moved(tmp_path, 40, 30)
    for n in (3, 35):
        (moved.to / "hk" / name(n)).unlink()
    found = reconcile_run(str(moved.out), [str(moved.to)])
    assert (found.counts["missing"], found.nowhere) == (2, 2)
    assert reconcile_run(str(moved.out), [str(moved.to)], quarantines=[str(moved.aside)]).nowhere == 1  # a twin is left


def test_days_that_are_over(tmp_path) -> None:
    moved = Moved(tmp_path, 4, 4)
    record = json.loads((moved.out / "run.json").read_text())
    (moved.out / "run.json").write_text(json.dumps(record | {"finished_at": "2026-01-01T00:00:00+00:00"}))
    shutil.rmtree(moved.aside / "gz")
    for day, state in ((dt.date(2026, 3, 31), "deleted-early"), (dt.date(2026, 4, 1), "deleted")):
        assert ask(moved, as_of=day).counts == {"arrived": 4, state: 4}


def test_a_sample_states_what_it_leaves_open(tmp_path) -> None:
    moved = Moved(tmp_path, 400, 0)
    found = reconcile_run(str(moved.out), [str(moved.to)], sample=59.0)
    assert found.counts == {"arrived": 59, "unproved": 341}
    assert (found.doubtful, found.read, found.wrong) == (400, 59, 0)
    assert 0 < found.bound <= 20  # with none of 59 wrong, 5 % may be, at 95 %
    assert reconcile_run(str(moved.out), [str(moved.to)], sample=0.0).counts == {"unproved": 400}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["empty"], "lists nothing"),
        (["other"], "is it another plan's target?"),
        (["nowhere"], "there is no folder"),
        (["xx=to"], "this plan has no library xx"),
        (["to", "to"], "named twice"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, arguments: list[str], said: str) -> None:
    moved = Moved(tmp_path, 4, 2)
    (tmp_path / "empty").mkdir()
    moved.write(tmp_path / "other" / "letter.txt", b"dear all")
    args = [
        f"{one.partition('=')[0]}={tmp_path}/{one.partition('=')[2]}" if "=" in one else f"{tmp_path}/{one}"
        for one in arguments
    ]
    with pytest.raises(UsageError, match=said.replace("?", "[?]")) as error:
        reconcile_run(str(moved.out), args)
    assert "\n" not in str(error.value)
    assert not (moved.out / "reconciliation").exists()
    assert not (moved.out / "reconciliation.json").exists()
