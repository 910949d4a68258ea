"""Ten audits of an archive that changes by 1 % each time, against one full run over its last state."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mirrorfold.pipelines import match_new
from mirrorfold.transforms.stores.files import FolderSource
from tests.audit.world import World, audit, shards, table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

AUDITS = 10
EQUAL = ("objects", "contents", "failures", "edges", "pairs")
SEATED = {"is_master"}
REMEMBERED = {"earlier", "counts_as_copy"}
DECIDED = {
    "action", "rule", "reason", "tier_to_kept", "kept_uri", "kept_version", "kept_etag", "bytes_freed",
    "bytes_below_cutoff", "review_batch", "copies_left", "copies_left_here", "evidence", "premis_event", "kind",
    "conflicts", "rules_lost",
}  # fmt: skip
"""Columns of a decision that hang on which object is kept."""


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    """Run them; give the folders of all audits, of the full run, and what was read in each."""
    root = tmp_path_factory.mktemp("audits")
    world, draw = World(root / "archive"), random.Random(7)
    reads: list[set[str]] = []
    touched: list[set[str]] = []
    patch = pytest.MonkeyPatch()
    plain = FolderSource.read

    def read(self, ref, *span):
        reads[-1].add(f"{ref.bucket}/{ref.key}")
        return plain(self, ref, *span)

    patch.setattr(FolderSource, "read", read)
    patch.setattr(match_new, "FEWEST_CONTENTS", 0)
    outputs: list[Path] = []
    for number in range(AUDITS + 1):
        touched.append(world.change(draw) if number else set())
        if number == AUDITS // 2:
            touched[-1].add(world.twin())  # a master: what drawing lots may miss
        reads.append(set())
        outputs.append(root / f"audit-{number}")
        audit(world.root, outputs[-1], outputs[-2] if number else None)
    reads.append(set())
    audit(world.root, root / "full")
    patch.undo()
    return {"outputs": outputs, "full": root / "full", "reads": reads, "touched": touched}


@pytest.mark.parametrize("name", EQUAL)
def test_the_last_audit_equals_a_full_run(audits, name: str) -> None:
    assert shards(audits["outputs"][-1], name) == shards(audits["full"], name)


def test_audits_matched_only_what_changed(audits) -> None:
    searched = [folder for folder in audits["outputs"][1:] if (folder / "_work/match/new.parquet").exists()]
    assert len(searched) >= AUDITS // 2


def test_families_are_the_same(audits) -> None:
    columns = ["uri", "version", "family_id"]
    mine, full = (table(folder, "clusters").select(columns) for folder in (audits["outputs"][-1], audits["full"]))
    assert {tuple(row.values()) for row in mine.to_pylist()} == {tuple(row.values()) for row in full.to_pylist()}


def compared(folder: Path) -> set[tuple[str, str]]:
    """Name the pairs that a run knows to have been compared at full detail."""
    return {(row["content_a"], row["content_b"]) for row in table(folder, "confirmations").to_pylist()}


def files_of(folder: Path, pairs: set[tuple[str, str]]) -> set[str]:
    """Name the files that hold the contents of some pairs."""
    wanted = {content for pair in pairs for content in pair}
    rows = table(folder, "objects").to_pylist()
    return {row["uri"].removeprefix("file://") for row in rows if row["content_id"] in wanted}


def test_only_what_changed_is_read(audits) -> None:
    """Beside what is new or changed an audit reads the two of a pair that nobody compared before, and no other."""
    outputs = audits["outputs"]
    for number, (read, touched) in enumerate(zip(audits["reads"][1:-1], audits["touched"][1:], strict=True), 1):
        newly = compared(outputs[number]) - compared(outputs[number - 1])
        assert read <= touched | files_of(outputs[number], newly)
    assert len(audits["reads"][0]) > 100
    assert sum(map(len, audits["touched"])) >= AUDITS // 2


def differences(mine: list[dict], full: list[dict]) -> list[tuple[dict, set[str]]]:
    """Pair the rows of two tables by object, and name the columns in which they differ."""
    other = {(row["uri"], row["version"]): row for row in full}
    assert other.keys() == {(row["uri"], row["version"]) for row in mine}
    compared = [(row, {k for k in row if row[k] != other[row["uri"], row["version"]][k]}) for row in mine]
    return [(row, columns) for row, columns in compared if columns]


def test_every_difference_has_its_rule(audits) -> None:
    """The rules are those of the sitting master, which ties with a newcomer that a full run prefers by its URI, and of
    earlier plans: what they name, and isn't gone, is no copy to rely on."""
    last, before = audits["outputs"][-1], audits["outputs"][-2]
    seated = {(row["uri"], row["version"]) for row in table(before, "clusters").to_pylist() if row["is_master"]}
    clusters = differences(table(last, "clusters").to_pylist(), table(audits["full"], "clusters").to_pylist())
    assert all(columns <= SEATED for _, columns in clusters)
    sitting = {row["cluster_id"] for row, _ in clusters if row["is_master"]}
    assert sitting, "no twin was drawn: the test shows nothing"
    assert all((row["uri"], row["version"]) in seated for row, _ in clusters if row["is_master"])
    decisions = differences(table(last, "decisions").to_pylist(), table(audits["full"], "decisions").to_pylist())
    assert decisions
    assert all(columns <= DECIDED | REMEMBERED for _, columns in decisions)
    named = [row for row in table(before, "decisions").to_pylist() if row["action"] == "quarantine" or row["earlier"]]
    keys = {(row["uri"], row["version"]) for row in named}
    clusters_named = {row["cluster_id"] for row, _ in decisions if (row["uri"], row["version"]) in keys}
    assert all(row["cluster_id"] in sitting | clusters_named for row, _ in decisions)
    others = [(row, columns) for row, columns in decisions if columns <= REMEMBERED]
    assert all((row["uri"], row["version"]) in keys for row, _ in others)


def test_every_old_cluster_id_leads_somewhere(audits) -> None:
    last = audits["outputs"][-1]
    current = set(table(last, "clusters").column("cluster_id").to_pylist())
    aliases = {row["old_id"]: row for row in table(last, "aliases").to_pylist()}
    old = {name for folder in audits["outputs"][:-1] for name in table(folder, "clusters")["cluster_id"].to_pylist()}
    assert not current & aliases.keys()
    assert old <= current | aliases.keys()
    assert all(row["cluster_id"] in current for row in aliases.values() if row["cluster_id"] is not None)
