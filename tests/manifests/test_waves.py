"""Waves: their sum is the plan, what belongs together stays so, and the next one waits until the last arrived."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.pipelines.errors import MirrorfoldError
from mirrorfold.pipelines.finished.verify import verify
from mirrorfold.schemas.waves import WAVES
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.publish.manifests.stop import stops
from mirrorfold.transforms.publish.manifests.waves import ROWS_SQL, WAYS, part
from mirrorfold.transforms.retain import handed
from mirrorfold.transforms.stores.output import LocalOutput
from mirrorfold.transforms.verify.lists import LIST_CHECKS
from tests import servers
from tests.finished_folders import finished
from tests.retain.runs import write_table

SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("uri", "version", "library", "cluster_id", "package", "prefix")]
    + [("size", pa.int64()), ("risk", pa.int64()), ("companions", pa.list_(pa.string()))]
)
some = st.none() | st.integers(0, 9).map(str)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "library": st.sampled_from(["hk", "gz"]), "cluster_id": some, "package": some, "size": st.integers(0, 99),
            "prefix": st.sampled_from("abcd"), "risk": st.integers(0, 4),
            "companions": st.none() | st.lists(st.integers(0, 30).map(str), max_size=2),
        }
    ),
    max_size=30,
)  # fmt: skip


def plan_of(drawn: list[dict]) -> pa.Table:
    named = [{**row, "uri": str(number), "version": ""} for number, row in enumerate(drawn)]
    return pa.Table.from_pylist(named, schema=SCHEMA)


@settings(deadline=None)
@given(ROWS, st.sampled_from([0.01, 0.1, 0.5]), st.sampled_from(WAYS))
def test_the_sum_of_all_waves_is_the_plan_and_nothing_is_taken_apart(drawn, share, by):
    rows = part(plan_of(drawn), share, by, "plan").to_pylist()
    assert Counter((row["uri"], row["version"]) for row in rows) == Counter((str(n), "") for n in range(len(drawn)))
    waves = {row["uri"]: row["wave"] for row in rows}
    assert set(waves.values()) == set(range(1, max(waves.values(), default=0) + 1))
    for name in ("cluster_id", "package"):
        for value in {row[name] for row in drawn} - {None}:
            assert len({waves[str(n)] for n, row in enumerate(drawn) if row[name] == value}) == 1
    for number, row in enumerate(drawn):
        assert {waves[other] for other in row["companions"] or () if other in waves} <= {waves[str(number)]}


@settings(deadline=None)
@given(ROWS.filter(len), st.sampled_from(WAYS))
def test_a_canary_is_no_larger_than_asked_for_or_the_smallest_that_can_be(drawn, by):
    rows = part(plan_of(drawn), 0.25, by, "plan").to_pylist()
    weight = Counter()
    for row in rows:
        weight[row["wave"], row["together"]] += row["size"] if by == "bytes" else 1
    canary = [heavy for (wave, _), heavy in weight.items() if wave == 1]
    assert sum(canary) <= 0.25 * sum(weight.values()) or canary == [min(weight.values())]


@pytest.mark.parametrize(
    ("by", "named"),
    [
        ("library", ["canary", "gz", "hk"]),
        ("prefix", ["canary", "a", "b", "c"]),
        ("risk", ["canary", "equal bytes, more than one copy stays", "other bytes, by the policy"]),
        ("bytes", ["canary", *(f"{share}% of the bytes" for share in (2, 4, 8, 16, 32)),
                   "the rest of the bytes"]),
    ],
    ids=["library", "prefix", "risk", "bytes"],
)  # fmt: skip
def test_the_rest_goes_in_order(by: str, named: list[str]) -> None:
    drawn = [
        {"library": "gz" if n < 300 else "hk", "prefix": "a" if n < 200 else "b" if n < 500 else "c", "size": 10,
         "risk": 0 if n % 2 else 4, "cluster_id": None, "package": None, "companions": None}
        for n in range(1000)
    ]  # fmt: skip
    rows = part(plan_of(drawn), 0.01, by, "plan").to_pylist()
    assert [name for _, name in sorted({(row["wave"], row["named"]) for row in rows})] == named
    sizes = Counter(row["wave"] for row in rows)
    assert sizes[1] == 10
    if by == "bytes":
        assert [sizes[wave] for wave in range(1, 8)] == pytest.approx([10, 20, 40, 80, 160, 320, 370], abs=1)


def test_small_prefixes_go_together() -> None:
    row = {"library": "hk", "size": 10, "risk": 0, "cluster_id": None, "package": None, "companions": None}
    rows = part(plan_of([row | {"prefix": f"{n % 500:03d}"} for n in range(1000)]), 0.1, "prefix", "plan").to_pylist()
    sizes = Counter(row["wave"] for row in rows)
    assert all(100 <= size < 102 for size in list(dict(sorted(sizes.items())).values())[:-1])
    assert len(sizes) == 10
    assert all(" and " in row["named"] for row in rows if row["wave"] > 1)


class Place:
    """Two libraries of the same twelve pictures; the plan keeps hk's and sets gz's aside."""

    def __init__(self, root: Path):
        self.root, self.aside = root, root / "aside"
        for number in range(12):
            for library in ("hk", "gz"):
                path = root / library / str(number % 3) / f"{number}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"picture %d" % number)
        self.out = finished(root, ["hk", "gz"])

    def __call__(self, *line: str | Path, code: int = 0) -> str:
        folders = ("out", "hk", "gz", "aside", "aside/file-gz")
        done = CliRunner().invoke(cli, [str(self.root / word if word in folders else word) for word in line])
        failed = getattr(done.exception, "exit_code", done.exit_code)
        assert failed == code, (done.output, done.exception)
        said = str(done.exception) if isinstance(done.exception, MirrorfoldError) else ""
        assert len(said.splitlines()) <= 1, said
        return done.output + said

    def wave(self, *more: str, code: int = 0) -> str:
        line = ("export", "out", "--what", "quarantine", "--to", "csv", "--wave", "10%", "--by", "prefix")
        return self(*line, *more, code=code)

    def act(self, wave: int) -> list[str]:
        """Move a wave's files aside, as somebody would."""
        keys = [row["uri"].rpartition("/gz/")[2] for row in self.rows() if row["wave"] == wave]
        for key in keys:
            (self.aside / key).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(self.root / "gz" / key, self.aside / key)
        return keys

    def rows(self) -> list[dict]:
        return read_table(LocalOutput(str(self.out)), WAVES).to_pylist()

    def reconcile(self, *more: str) -> None:
        self("reconcile", "out", "hk", "gz", *more, "--quarantine", "aside")


def test_verify_sees_a_picture_parted_from_what_belongs_to_it() -> None:
    (check,) = [check for check in LIST_CHECKS if check.text.startswith("a picture and a file that belongs to it go")]
    db = duckdb.connect()
    objects = [
        {"uri": "a.jpg", "version": "", "companions": ["a.cr2"]},
        {"uri": "a.cr2", "version": "", "companions": []},
    ]
    for waves, broken in (((1, 1), 0), ((1, 2), 1)):
        rows = [{"uri": row["uri"], "version": "", "wave": wave} for row, wave in zip(objects, waves, strict=True)]
        db.register("objects", pa.Table.from_pylist(objects))
        db.register("this_wave", pa.Table.from_pylist(rows))
        assert len(db.execute(check.sql).fetchall()) == broken


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_next_wave_waits_until_the_last_one_arrived(place: Place) -> None:
    assert "wave 1 of 4 (canary): 1 row" in place.wave()
    assert sum(block.num_rows for block in handed.named(LocalOutput(str(place.out)))) == 1, (
        "the rest is in nobody's hands"
    )
    assert "nobody has reconciled since wave 1 was" in place.wave(code=3)
    (key,) = place.act(1)
    (place.aside / key).write_bytes(b"other bytes")
    place.reconcile()
    assert "lies aside, and its bytes weren't proved" in place.wave(code=3)
    (place.aside / key).write_bytes((place.root / "hk" / key).read_bytes())
    place.reconcile()
    assert "wave 2 of 4 (gz " in place.wave()
    place("approve", "out", "--wave", "2", "--role", "curator", "--by", "Ana")
    assert "wave 3 of 4 (gz " in place.wave()
    assert "holds no reconciliation of this plan" in place.wave("--after", "hk", code=2)
    place.act(3)
    elsewhere = place.root / "elsewhere"
    shutil.copytree(place.out, elsewhere)
    place("reconcile", elsewhere, "hk", "gz", "--quarantine", "aside")
    assert "wave 4 of 4 (gz " in place.wave("--after", str(elsewhere))
    assert "all 4 waves of this plan were handed out" in place.wave(code=2)
    assert verify(str(place.out)) == []
    record = json.loads((place.out / "exports" / "waves.json").read_text())
    assert [one["after"].partition(" at ")[0] for one in record["handed"]] == [
        "first", "reconciled", "signed by Ana (curator)", "reconciled"
    ]  # fmt: skip
    assert "this plan goes in waves" in place("export", "out", "--what", "quarantine", "--to", "csv", code=2)
    assert "ask for the next in the same words" in place.wave("--wave", "20%", code=2)
    place("export", "out", "--what", "restore", "--to", "csv")
    assert "1 refused" in place.wave(code=3)  # all was taken back: it begins anew, and the canary lies aside
    assert "wave 1 of 4" in place.wave("--again", code=3)


STATES = {"w1": "quarantined", "w2": "waiting", "k1": "in-place", "k2": "in-place"}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, []),
        ({"w1": "deleted"}, []),
        ({"w1": "waiting"}, ["1 row of the wave is waiting, e.g. w1"]),
        ({"w1": "restored"}, ["1 row of the wave is restored, e.g. w1"]),
        ({"w1": "deleted-early"}, ["1 row of the wave is deleted-early, e.g. w1"]),
        ({"w1": None}, ["1 row of the wave is unknown to it, e.g. w1"]),
        ({"w1": "unproved"}, ["1 row of the wave lies aside, and its bytes weren't proved, e.g. w1"]),
        ({"w2": "quarantined"}, ["1 row of a later wave is quarantined: more was done than a list said, e.g. w2"]),
        ({"w2": "gone"}, ["1 row of a later wave is gone: more was done than a list said, e.g. w2"]),
        ({"k1": "changed"}, ["1 kept copy that the wave relies on is changed, e.g. k1"]),
        ({"k1": "not-asked"}, ["1 kept copy that the wave relies on is not-asked, e.g. k1"]),
        ({"k2": "changed"}, []),
        ({"k2": "deleted-though-kept"}, ["1 object that the plan keeps is gone from its place, e.g. k2"]),
        ({"k2": "nowhere"}, ["1 content that the plan keeps is nowhere, e.g. k2"]),
    ],
    ids=lambda value: "-".join(f"{k} {v}" for k, v in value.items()) or "all well" if isinstance(value, dict) else "",
)
def test_what_stops_the_next_wave(found: dict, said: list[str]) -> None:
    rows = [
        {
            "uri": uri, "version": "", "content_id": uri, "nowhere": state == "nowhere",
            "state": {"unproved": "quarantined", "nowhere": "not-asked"}.get(state, state),
            "evidence": None if state == "unproved" else "read",
        }
        for uri, state in (STATES | found).items() if state is not None
    ]  # fmt: skip
    db = duckdb.connect()
    db.register("reconciliation", pa.Table.from_pylist(rows))
    waves = [("w1", 1, None), ("w2", 2, None), ("refused", 1, "gone or changed since the run")]
    db.register(
        "waves", pa.Table.from_pylist([{"uri": u, "version": "", "wave": w, "refused": r} for u, w, r in waves])
    )
    kept = [{"uri": f"w{n}", "version": "", "kept_uri": f"k{n}", "kept_version": ""} for n in (1, 2)]
    db.register("decisions", pa.Table.from_pylist(kept))
    assert stops(db, 1) == said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--wave", "0%"), "above 0 and below 100%"),
        (("--wave", "many"), "isn't a share"),
        (("--what", "migrate"), "what a plan sets aside"),
        (("--again",), "no wave of this plan was handed out yet"),
        (("--after", "hk"), "no wave of this plan was handed out yet"),
    ],
    ids=["nothing", "no share", "migrate", "again", "after"],
)
def test_wrong_usage_is_one_line(place: Place, more: tuple[str, ...], said: str) -> None:
    assert said in place.wave(*more, code=2)
    assert "isn't the last that was handed out" in place("approve", "out", "--wave", "1", "--role", "a", "--by", "b",
                                                         code=2)  # fmt: skip
    assert not (place.out / "waves").exists()


def apart(rows: list[dict]) -> list[dict]:
    return [row | {"wave": 1 + (n % 2)} for n, row in enumerate(rows)]


def parted(out: LocalOutput) -> list[dict]:
    with connect(out, "objects", "decisions") as tables:
        plan = json.loads(out.get("run.json"))["digests"]["decisions"]
        return part(tables.sql(ROWS_SQL).to_arrow_table(), 0.1, "library", plan).to_pylist()


def test_verify_sees_waves_that_arent_the_plan(place: Place) -> None:
    out = LocalOutput(str(place.out))
    rows = parted(out)
    for changed, said in (
        (rows, None),
        (rows[:-1], "a row of the plan is in no wave"),
        ([*rows, rows[0] | {"uri": "file:///x"}], "what is in a wave isn't in the plan"),
        ([*rows, rows[0] | {"wave": 4}], "a row is in two waves"),
    ):
        write_table(out, "waves", pa.Table.from_pylist(changed, schema=WAVES.schema))
        assert any(said is not None and said in broken.text for broken in verify(out.url())) == (said is not None)


def test_verify_sees_a_cluster_that_is_taken_apart(tmp_path: Path) -> None:
    for name in ("hk/a.jpg", "gz/b.jpg", "gz/c.jpg", "gz/d.xmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"one picture" if name.endswith("jpg") else b"words")
    out = LocalOutput(str(finished(tmp_path, ["hk", "gz"])))
    rows = parted(out)
    assert {row["wave"] for row in rows} == {1}
    whole = pa.Table.from_pylist(rows, schema=WAVES.schema)
    write_table(out, "waves", whole)
    assert verify(out.url()) == []
    write_table(out, "waves", pa.Table.from_pylist(apart(rows), schema=WAVES.schema))
    assert ["a cluster's rows" in broken.text for broken in verify(out.url())] == [True]


def test_a_waves_restore_is_rehearsed(place: Place) -> None:
    """rclone does what the wave's README says, and puts it back by the wave's own restore list."""
    try:
        servers.find_program("rclone")
    except servers.MissingServer as error:
        pytest.skip(str(error))
    line = ("export", "out", "--what", "quarantine", "--to", "rclone", "--target", str(place.aside), "--wave", "40%")
    place(*line)
    first = place.out / "exports" / "quarantine-rclone" / "wave-0001"
    keys = (first / "file-gz.txt").read_text().splitlines()
    before = {key: (place.root / "gz" / key).read_bytes() for key in keys}
    assert len(keys) == 4
    carry_out(first)
    for key in keys:
        (place.root / "gz" / key).unlink()
    place("reconcile", "out", "hk", "gz", "--quarantine", "aside/file-gz")
    back = first / "restore"
    assert (back / "file-gz.txt").read_text().splitlines() == keys
    assert "restore/README.txt" in (first / "README.txt").read_text()
    carry_out(back)
    assert {key: (place.root / "gz" / key).read_bytes() for key in keys} == before
    place("reconcile", "out", "hk", "gz", "--quarantine", "aside/file-gz")
    assert "4 rows of the wave are restored" in place(*line, code=3)
    assert len(list((place.root / "gz").rglob("*.jpg"))) == 12


def carry_out(folder: Path) -> None:
    """Do the command that a README shows, in its folder."""
    (command,) = [line for line in (folder / "README.txt").read_text().splitlines() if line.startswith("  rclone ")]
    env = {"PATH": f"{Path(servers.find_program('rclone')).parent}:/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
