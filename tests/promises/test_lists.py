"""Hold lists and catalogues are written by people: another spelling loses no hold, and what means nothing stops."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines import lists
from mirrorfold.pipelines.commands.progress import TITLES
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import SafetyStop
from mirrorfold.pipelines.finished.verify import describe, verify
from mirrorfold.pipelines.mission import MISSION
from mirrorfold.transforms.retain import sidecar
from mirrorfold.transforms.retain.blocks import with_join_key
from mirrorfold.transforms.retain.spelling import is_pattern
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.pure import decide_tables
from tests.retain.runs import accept_tampering, write_run, write_table
from tests.retain.tables import clusters, content, contents, failures, obj, objects, pairs, twin

HELD = {
    "percent-encoded": ("s3://hk/box 3/a.jpg", "s3://hk/box%203/a.jpg"),
    "percent-encoded twice": ("s3://hk/box 3/a.jpg", "s3://hk/box%25203/a.jpg"),
    "a key that holds %20 itself, encoded": ("s3://hk/box%203/a.jpg", "s3://hk/box%25203/a.jpg"),
    "a plus for a blank": ("s3://hk/box 3/a.jpg", "s3://hk/box+3/a.jpg"),
    "another Unicode form": ("s3://hk/caf\u00e9.jpg", "s3://hk/cafe\u0301.jpg"),
    "another letter case": ("s3://hk/Box/A.jpg", "s3://hk/box/a.JPG"),
    "a path for a file": ("file:///mnt/scans/a.jpg", "/mnt/scans/a.jpg"),
    "one slash after file:": ("file:///mnt/scans/a.jpg", "file:/mnt//scans/a.jpg"),
    "a blank at the end": ("s3://hk/a.jpg", "s3://hk/a.jpg \t"),
    "a blank at the end of the key": ("s3://hk/a.jpg ", "s3://hk/a.jpg"),
    "a web address by path": ("s3://hk/a.jpg", "http://storage.local:9000/hk/a.jpg?versionId=3"),
    "a web address by host": ("s3://hk/x/a.jpg", "https://hk.s3.ap-east-1.amazonaws.com/x/a.jpg"),
    "a web address of Google's": ("gs://hk/x/a.jpg", "https://storage.googleapis.com/hk/x/a.jpg"),
    "another name of the scheme": ("gs://hk/a.jpg", "gcs://hk/a.jpg"),
    "in quotes": ("s3://hk/a.jpg", "'s3://hk/a.jpg'"),
    "an encoded blank of the web": ("s3://hk/box 3/a.jpg", "https://hk.s3.amazonaws.com/box+3/a.jpg"),
    "not UTF-8, encoded": ("s3://hk/\uefff.jpg", "s3://hk/%ff.jpg"),
    "a pattern": ("s3://hk/box-3/deep/a.jpg", "s3://hk/box-3/**"),
    "a pattern in another case": ("s3://hk/Box-3/a.jpg", "s3://HK/box-3/*.JPG"),
    "a folder": ("s3://hk/Box-3/deep/a.jpg", "s3://hk/box-3/ "),
    "a folder by path": ("file:///mnt/scans/box/a.jpg", "'/mnt/scans/box/'"),
    "a plus, encoded": ("s3://hk/a+b.jpg", "https://storage.googleapis.com/hk/a%2Bb.jpg"),
    "a pattern by path": ("file:///mnt/scans/box/a.jpg", "/mnt/scans/**"),
}


def two_copies(uri: str) -> dict:
    """Two copies of one picture, of which `uri` would go."""
    best = "s3://keep/0.jpg"
    return {
        "objects": objects(obj(best, "a"), obj(uri, "a")), "contents": contents(content("a")), "failures": failures(),
        "clusters": clusters(twin(best, "a", "a", is_master=True), twin(uri, "a", "a")), "pairs": pairs(),
    }  # fmt: skip


PREFER = "keep_order: [{library: [keep]}]\n"
POLICY = load_policy("default") | {"keep_order": [{"by": "library", "prefer": ["keep"]}]}


def write_list(path, *lines: str):
    path.write_text("uri\n" + "".join('"' + line.replace('"', '""') + '"\n' for line in lines))
    return str(path)


def decide(uri: str, held: str) -> str:
    said = pa.concat_tables(sidecar.read_hold_list(held))
    patterns = sidecar.pattern_regexes(sidecar.hold_patterns(held))
    made = decide_tables(two_copies(uri) | {"catalogue": said}, POLICY, patterns=patterns)
    return next(row["rule"] for row in made["decisions"].to_pylist() if row["uri"] == uri)


@pytest.mark.parametrize(("uri", "line"), HELD.values(), ids=HELD)
def test_a_hold_in_another_spelling_holds(tmp_path, uri, line):
    assert decide(uri, write_list(tmp_path / "h.csv", line)) == "hold"
    assert decide(uri, write_list(tmp_path / "h.csv", "s3://keep/other.jpg")) == "identical"


@pytest.mark.parametrize(("uri", "line"), [v for v in HELD.values() if not is_pattern(v[1])], ids=lambda v: v)
def test_a_line_meets_its_object_in_one_partition(uri, line):
    said = with_join_key(pa.table({"uri": [line]}))["join_key"][0]
    assert with_join_key(pa.table({"uri": [uri], "store": ["s3"]}))["join_key"][0] == said


def with_list(folder, uri: str, held: str, **settings) -> RunContext:
    write_run(folder, two_copies(uri), PREFER)
    chosen = Settings.model_validate({"listing": {"hold_list": held} | settings})
    return RunContext(str(folder), chosen, POLICY)


SEEN = {name: case for name, case in HELD.items() if "UTF-8" not in name}
"""SQL has no word for bytes that aren't UTF-8: such a line is checked by the decisions alone."""


@pytest.mark.parametrize(("uri", "line"), SEEN.values(), ids=SEEN)
def test_verify_reads_the_list(tmp_path, uri, line):
    lists.check(with_list(tmp_path / "run", uri, write_list(tmp_path / "h.csv", line)))
    accept_tampering(tmp_path / "run")
    said = [describe(broken) for broken in verify(str(tmp_path / "run"))]
    assert any("a line of the hold list means" in text for text in said), said


def test_a_signed_address_is_kept_without_its_signature(tmp_path):
    signed = "?X-Amz-Credential=AKHUSH&X-Amz-Signature=HUSH"
    lines_said = [f"https://ann:HUSH@hk.s3.amazonaws.com/{name}.jpg{signed}" for name in ("a", "gone")]
    catalogue = tmp_path / "c.csv"
    catalogue.write_text(f"uri,licence\n{lines_said[1]},CC0\n")
    write_run(tmp_path / "run", two_copies("s3://hk/a.jpg"), PREFER)
    used = {"listing": {"hold_list": write_list(tmp_path / "h.csv", *lines_said)}, "catalogue": str(catalogue)}
    run = RunContext(str(tmp_path / "run"), Settings.model_validate(used), POLICY)
    with pytest.raises(SafetyStop, match="1 of 2 hold lines") as stopped:
        lists.check(run)
    assert "HUSH" not in str(stopped.value)
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert not [path for path in files if b"HUSH" in path.read_bytes()]
    kept = [line for line, _ in lists.hold_lines(run.store)]
    assert kept == [f"https://hk.s3.amazonaws.com/{name}.jpg" for name in ("a", "gone")]


def test_lines_that_match_nothing_stop_the_run_and_are_named(tmp_path):
    lines = ["s3://HK/a.jpg", "s3://hk/gone.jpg", "s3://hk/box-9/**", "s3://keep/**"]
    run = with_list(tmp_path / "run", "s3://hk/a.jpg", write_list(tmp_path / "h.csv", *lines))
    with pytest.raises(SafetyStop, match="2 of 4 hold lines match no listed object") as stopped:
        lists.check(run)
    assert stopped.value.exit_code == 3
    assert re.search(r"'s3://hk/gone.jpg'; 's3://hk/box-9/\*\*' \(all of them: .*unmatched.csv\)", str(stopped.value))
    allowed = with_list(tmp_path / "run", "s3://hk/a.jpg", str(tmp_path / "h.csv"), allow_unmatched_holds=True)
    lists.check(allowed)
    assert lists.joined_lists(allowed.store) == {"holds": {"lines": 4, "matched": 2}}
    assert lists.tell(lists.joined_lists(allowed.store), "F") == ["2 of 4 holds matched; F names the others"]
    assert (tmp_path / "run/inputs/unmatched.csv").read_text().count("\n") == 3


def test_a_catalogue_joins_by_the_same_call_and_a_poor_match_is_a_warning(tmp_path):
    catalogue = tmp_path / "c.csv"
    catalogue.write_text("uri,licence\ns3://HK/a%20b.jpg,CC0\ns3://hk/none.jpg,CC0\n")
    write_run(tmp_path / "run", two_copies("s3://hk/a b.jpg"), PREFER)
    run = RunContext(str(tmp_path / "run"), Settings.model_validate({"catalogue": str(catalogue)}), POLICY)
    lists.check(run)
    assert lists.joined_lists(run.store) == {"catalogue": {"lines": 2, "matched": 1}}
    assert lists.tell(lists.joined_lists(run.store), "F")[0].startswith("Warning: only 1 of 2 catalogue rows matched")
    catalogue.write_text("uri,hold\ns3://hk/none.jpg,yes\n")
    with pytest.raises(SafetyStop, match="1 of 1 hold lines"):
        lists.check(run)


CHOICES = {
    "the very URI wins": (["s3://b/A.jpg", "s3://b/a.jpg"], {"s3://b/a.jpg": "x"}, {"s3://b/a.jpg": "x"}),
    "another spelling of the only one": (["s3://b/A b.jpg"], {"s3://b/a%20b.jpg": "x"}, {"s3://b/A b.jpg": "x"}),
    "two objects, no choice": (["s3://b/A.jpg", "s3://b/a.jpg"], {"s3://b/a%2ejpg": "x"}, {}),
    "two rows, no choice": (["s3://b/a.jpg"], {"s3://b/A.jpg": "x", "s3://B/a.jpg": "y"}, {}),
    "each its own": (["s3://b/A.jpg", "s3://b/a.jpg"], {"s3://b/A.jpg": "x", "s3://b/a%2Ejpg": "y"},
                     {"s3://b/A.jpg": "x", "s3://b/a.jpg": "y"}),
}  # fmt: skip


@pytest.mark.parametrize(("listed", "said", "joined"), CHOICES.values(), ids=CHOICES)
def test_a_licence_goes_to_no_object_that_it_may_not_mean(listed, said, joined):
    rows = pa.Table.from_pylist([{"uri": u, "licence": v} for u, v in said.items()], schema=sidecar.SIDECAR)
    made = sidecar.join_sidecar(objects(*(obj(uri) for uri in listed)), rows)
    found = dict(zip(made["uri"].to_pylist(), made["sidecar_licence"].to_pylist(), strict=True))
    assert {uri: licence for uri, licence in found.items() if licence} == joined


def test_too_many_patterns_are_one_line(tmp_path):
    held = write_list(tmp_path / "h.csv", *(f"s3://b/{n}/**" for n in range(1_001)))
    with pytest.raises(ValueError, match=r"h.csv: 1,001 patterns, 1,000 at most"):
        sidecar.hold_patterns(held)


def test_an_empty_list_says_nothing(tmp_path):
    run = with_list(tmp_path / "run", "s3://hk/a.jpg", write_list(tmp_path / "h.csv"))
    lists.check(run)
    assert lists.joined_lists(run.store) == {}
    write_table(LocalOutput(str(tmp_path / "run")), "pairs", pairs())


def test_every_step_has_a_title():
    assert {step.name for step in MISSION} <= TITLES.keys()
