"""A list that was handed out binds every plan that is made after it, and no plan is handed out beside one in force."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from mirrorfold.pipelines.errors import SafetyStop, UsageError
from mirrorfold.pipelines.finished.export import export
from mirrorfold.pipelines.merging import in_force
from mirrorfold.pipelines.merging.at_home import AtHome
from mirrorfold.pipelines.merging.pack import _pack_named
from mirrorfold.pipelines.merging.sides import bring
from mirrorfold.pipelines.record.request import REQUEST_PATH
from mirrorfold.transforms.blocks.parquet import read_blocks, to_parquet
from mirrorfold.transforms.merge.withhold import withhold_names
from mirrorfold.transforms.retain import handed
from mirrorfold.transforms.retain.earlier import EARLIER
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import accept_tampering
from tests.retain.tables import obj, objects

from .kit import broken, copies, finish, send_away, tamper
from .test_partner import side

OLDEST, NEWEST = "keep_order: [oldest, uri]", "keep_order: [newest, uri]"
A = obj("s3://hk/a.jpg", "a", last_modified=0)
Z = obj("s3://hk/z.jpg", "a", last_modified=10**15)
TAKEN = {A["uri"]: ("keep", "keep-order"), Z["uri"]: ("quarantine", "identical")}


def hand_out(folder: Path, what: str = "quarantine") -> int:
    """Export a plan without asking stores; give the rows of its list."""
    return export(str(folder), what, "csv", recheck=False).rows


def decide_again(folder: Path, policy: str) -> dict[str, tuple]:
    """Decide on a run once more in its own folder, as `mirrorfold retain` does."""
    output = LocalOutput(str(folder))
    handed.keep_used(output)
    said = pa.concat_tables([EARLIER.empty_table(), *handed.named(output)])
    return finish(folder, copies(A, Z) | {"earlier": said}, policy)


def test_a_run_that_is_decided_anew_keeps_nothing_that_its_list_names(tmp_path):
    assert finish(tmp_path, copies(A, Z), OLDEST) == TAKEN
    assert hand_out(tmp_path) == 1
    assert decide_again(tmp_path, NEWEST) == TAKEN
    assert broken(tmp_path) == ""
    assert hand_out(tmp_path) == 1
    assert decide_again(tmp_path, NEWEST) == TAKEN, "two lists are out"
    hand_out(tmp_path, "restore")
    assert decide_again(tmp_path, NEWEST)[Z["uri"]] == ("keep", "keep-order"), "both were taken back"
    assert broken(tmp_path) == ""


def test_verify_sees_a_plan_that_forgot_a_list(tmp_path):
    finish(tmp_path, copies(A, Z), OLDEST)
    hand_out(tmp_path)
    finish(tmp_path, copies(A, Z), NEWEST)
    assert "a list that was handed out names an object, and the plan as it is doesn't know of it" in broken(tmp_path)
    decide_again(tmp_path, NEWEST)
    send_away(tmp_path, A["uri"], kept=Z["uri"])
    tamper(tmp_path, "decisions", Z["uri"], action="keep", kept_uri=None, bytes_freed=0, earlier=None)
    accept_tampering(tmp_path)
    assert "itself named to go by an earlier plan" in broken(tmp_path)


def test_a_plan_that_was_taken_back_is_not_handed_out_again_after_a_later_one(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    finish(one, copies(A, Z), OLDEST)
    hand_out(one)
    hand_out(one, "restore")
    assert finish(two, copies(A, Z), NEWEST, one, withdrawn=True)[Z["uri"]] == ("keep", "keep-order")
    assert hand_out(two) == 1
    with pytest.raises(SafetyStop, match=f"the plan of {two} was handed out"):
        hand_out(one)
    shutil.move(two, tmp_path / "moved")
    assert hand_out(tmp_path / "moved") == 1, "a folder that is moved stays the run that it was"
    hand_out(tmp_path / "moved", "restore")
    assert hand_out(one) == 1


def test_of_two_plans_made_from_one_earlier_run_one_is_handed_out(tmp_path):
    one, two, three, four = (tmp_path / name for name in ("one", "two", "three", "four"))
    finish(one, copies(A, Z) | {"clusters": copies()["clusters"]}, OLDEST)
    finish(two, copies(A, Z), OLDEST, one)
    finish(three, copies(A, Z), NEWEST, one)
    finish(four, copies(A, Z), NEWEST, three)
    hand_out(two)
    for later in (three, four):
        with pytest.raises(SafetyStop, match=f"audit anew with --previous {two}"):
            hand_out(later)
    assert hand_out(two) == 1, "the plan in force may be exported as often as one likes"
    assert not (one / "handed-out/named.parquet").exists()


def test_a_previous_run_that_can_not_be_written_is_told(tmp_path, monkeypatch):
    one, two, said, put = tmp_path / "one", tmp_path / "two", [], LocalOutput.put
    finish(one, copies(A, Z), OLDEST)
    finish(two, copies(A, Z), OLDEST, one)

    def refuse(self, path, data):
        if self.root == str(one):
            raise PermissionError(13, "Permission denied")
        put(self, path, data)

    monkeypatch.setattr(LocalOutput, "put", refuse)
    assert export(str(two), "quarantine", "csv", recheck=False, say=said.append).rows == 1
    assert any(str(one) in line and "can't be written" in line for line in said)


@pytest.fixture
def sides(tmp_path):
    """Make our run, whose plan keeps a and names z, and another library's with the same picture."""
    finish(tmp_path / "ours", copies(A, Z), OLDEST)
    form = LocalOutput(side(tmp_path / "form", "hk", A))
    LocalOutput(str(tmp_path / "ours")).put(REQUEST_PATH, form.get(REQUEST_PATH))
    record = json.loads((tmp_path / "ours/run.json").read_bytes()) | {"algorithms": [], "schemas": {}}
    (tmp_path / "ours/run.json").write_text(json.dumps(record))
    return tmp_path / "ours", Path(side(tmp_path / "theirs", "gz", obj("s3://gz/a.jpg", "a"), packed=True))


def test_a_merge_knows_what_lists_of_its_sides_name(tmp_path, sides):
    merged = LocalOutput(str(tmp_path / "merged"))
    in_force.note_sides(merged, bring([*map(str, sides)]))
    assert not list(handed.named(merged)), "nothing is in anybody's hands yet"
    hand_out(sides[0])
    with pytest.raises(SafetyStop, match="handed out or taken back since the merge"):
        in_force.refuse_changed_sides(merged)
    in_force.note_sides(merged, bring([*map(str, sides)]))
    (rows,) = handed.named(merged)
    assert (rows["uri"].to_pylist(), rows["action"].to_pylist()) == ([Z["uri"]], ["handed-out"])
    in_force.refuse_changed_sides(merged)
    hand_out(sides[0], "restore")
    in_force.note_sides(merged, bring([*map(str, sides)]))
    assert not list(handed.named(merged))


def test_a_packed_side_says_it_of_its_own_sources_alone(tmp_path, sides):
    ours, theirs = sides
    hand_out(ours)
    packed = LocalOutput(str(tmp_path / "packed"))
    _pack_named(LocalOutput(str(ours)), packed, AtHome())
    (rows,) = read_blocks(packed, handed.SIDES)
    assert rows["uri"].to_pylist() == [Z["uri"]]
    home = AtHome(frozenset({"uri"}), lambda kind, name: hashlib.sha256(f"{kind}{name}".encode()).hexdigest())
    _pack_named(LocalOutput(str(ours)), LocalOutput(str(tmp_path / "nameless")), home)
    (nameless,) = read_blocks(LocalOutput(str(tmp_path / "nameless")), handed.SIDES)
    (stands_for,) = withhold_names(objects(Z), home.digest)["uri"].to_pylist()
    assert nameless["uri"].to_pylist() == [stands_for]
    assert ".jpg" not in str(nameless.drop_columns(["etag"]).to_pylist())
    forged = pa.concat_tables([rows, handed.as_handed(rows)])
    forged = forged.set_column(0, EARLIER.field("uri"), pa.array(["s3://gz/a.jpg", "s3://hk/a.jpg"]))
    LocalOutput(str(theirs)).put(handed.SIDES, to_parquet(forged))
    merged = LocalOutput(str(tmp_path / "merged"))
    in_force.note_sides(merged, bring([*map(str, sides)]))
    named = pa.concat_tables(handed.named(merged))["uri"].to_pylist()
    assert sorted(named) == ["s3://gz/a.jpg", Z["uri"]], "of ours only we ourselves say so"
    LocalOutput(str(theirs)).put(handed.SIDES, b"no Parquet")
    with pytest.raises(UsageError, match=r"side theirs: .*can't be read"):
        in_force.note_sides(merged, bring([*map(str, sides)]))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_plans_of_one_folder_and_a_merge_by_command(tmp_path):
    """Sign nothing, hand out, decide anew, merge: the file that was kept first is named by no list."""
    for library, name, age in (("hk", "a", 10**9), ("hk", "z", 15 * 10**8), ("gz", "y", 2 * 10**8)):
        (tmp_path / library).mkdir(exist_ok=True)
        file = tmp_path / library / f"{name}.png"
        Image.radial_gradient("L").resize((300, 200)).save(file)
        os.utime(file, (age, age))
    for name in ("oldest", "newest"):
        (tmp_path / f"{name}.yaml").write_text(f"version: 1\nkeep_order: [{name}]\n")
    program = str(Path(sys.executable).parent / "mirrorfold")

    def call(*line: str) -> None:
        done = subprocess.run([program, *line], cwd=tmp_path, check=False, capture_output=True, timeout=300, text=True)
        assert done.returncode == 0, f"{line}: {done.stderr[-500:]}"

    def lists(folder: str) -> list[str]:
        call("export", folder, "--what", "quarantine", "--to", "csv")
        with open(tmp_path / folder / "exports/quarantine-csv/quarantine.csv") as rows:
            return [Path(row["uri"]).name for row in csv.DictReader(rows)]

    call("run", "hk=hk", "--output", "out", "--policy", "oldest.yaml")
    assert lists("out") == ["z.png"]
    call("retain", "out", "--policy", "newest.yaml")
    call("publish", "out")
    assert lists("out") == ["z.png"]
    call("run", "gz=gz", "--output", "other", "--policy", "newest.yaml")
    call("pack", "out", "--output", "packed")
    for ours, policy, gone in (
        ("out", "newest", ["y.png", "z.png"]),
        ("packed", "oldest", ["a.png", "z.png"]),
    ):
        call("merge", ours, "other", "--output", f"merged-{ours}", "--policy", f"{policy}.yaml")
        assert sorted(lists(f"merged-{ours}")) == gone
        call("verify", f"merged-{ours}")
        call("export", f"merged-{ours}", "--what", "restore", "--to", "csv")  # one plan at a time
