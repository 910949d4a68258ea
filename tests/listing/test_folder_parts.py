"""A folder that is cut into parts: nothing lost, nothing doubled, whatever its shape."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mirrorfold.transforms.listing import live
from mirrorfold.transforms.listing.folder import walk
from mirrorfold.transforms.listing.folder_parts import EVERYTHING, list_part, plan_folder
from mirrorfold.transforms.listing.live import list_live, plan_live
from mirrorfold.transforms.stores.api import SourceSpec, StoreError

NAMES = st.sampled_from(["a", "b", "c d", "照片", ".hidden", "x=1"])
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=5), max_size=40)


def make(root: Path, paths: list[list[str]]) -> None:
    for path in paths:
        folder = root.joinpath(*path[:-1])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{path[-1]}.jpg").write_bytes(b"x")
    (root / "empty").mkdir(parents=True, exist_ok=True)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paths=PATHS, small=st.sampled_from([0, 3, 1_000]), pieces=st.integers(1, 5))
def test_every_file_is_in_one_part(tmp_path_factory, paths: list, small: int, pieces: int) -> None:
    root = tmp_path_factory.mktemp("archive")
    make(root, paths)
    folder = os.fsencode(root)
    parts = plan_folder(folder, small, pieces)
    found = [entry.path for part in parts for entry in list_part(folder, part)]
    assert sorted(found) == sorted(entry.path for entry in walk(folder))
    assert len(found) == len(set(found))


def test_a_small_folder_is_one_part_and_a_large_one_many(tmp_path) -> None:
    make(tmp_path, [[f"{year}", f"{month}", f"{n}"] for year in range(3) for month in range(12) for n in range(3)])
    folder = os.fsencode(tmp_path)
    assert plan_folder(folder) == [EVERYTHING]
    parts = plan_folder(folder, small=10, pieces=8)
    sizes = [sum(1 for _ in list_part(folder, part)) for part in parts]
    assert len(parts) == 9
    assert sizes[0] == 0, "files that lie between the folders"
    assert max(sizes) <= 2 * sum(sizes) / 8


def test_links_to_folders_arent_followed_in_any_part(tmp_path) -> None:
    make(tmp_path / "in", [["a", "b", "1"], ["c", "2"]])
    (tmp_path / "in/a/loop").symlink_to(tmp_path / "in")
    parts = plan_folder(os.fsencode(tmp_path / "in"), small=0, pieces=1)
    found = sorted(entry.path for part in parts for entry in list_part(os.fsencode(tmp_path / "in"), part))
    assert found == sorted(entry.path for entry in walk(os.fsencode(tmp_path / "in")))


def test_blocks_of_all_parts_are_those_of_the_whole(tmp_path, monkeypatch) -> None:
    make(tmp_path, [[f"{a}", f"{b}", "x"] for a in range(5) for b in range(5)])
    spec = SourceSpec("l", "live", "file", str(tmp_path))
    monkeypatch.setattr(live, "plan_folder", lambda folder, way: plan_folder(folder, small=5, pieces=4, way=way))
    rows = [row for part in plan_live(spec) for block in list_live(spec, 0, part) for row in block.to_pylist()]
    whole = [row for block in list_live(spec, 0) for row in block.to_pylist()]
    assert sorted(row["uri"] for row in rows) == sorted(row["uri"] for row in whole)
    assert len(plan_live(spec)) > 1


def test_a_folder_that_cant_be_read_is_named(tmp_path) -> None:
    with pytest.raises(StoreError, match="can't read the folder"):
        plan_folder(os.fsencode(tmp_path / "none"))
