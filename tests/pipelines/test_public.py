"""mirrorfold in somebody's own code: docs/library.md is run as it stands, and pairs are held against brute force."""

from __future__ import annotations

import doctest
import itertools
import subprocess
import sys
from pathlib import Path

import imagehash
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

import mirrorfold

ROOT = Path(__file__).resolve().parents[2]
MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Make the files that the page speaks of, and a run over them."""
    place = tmp_path_factory.mktemp("library")
    harbour = Image.fromarray(data.coffee()).resize((1200, 800))
    harbour.save(place / "harbour.jpg", quality=92)
    harbour.resize((600, 400)).save(place / "harbour-small.jpg", quality=80)
    Image.fromarray(data.chelsea()).save(place / "stairs.jpg", quality=92)
    (place / "notes.txt").write_text("no image")
    photos = place / "photos"
    photos.mkdir()
    for name in ("harbour.jpg", "harbour-small.jpg", "stairs.jpg"):
        (photos / name).write_bytes((place / name).read_bytes())
    subprocess.run([MIRRORFOLD, "run", photos, "-o", place / "out"], check=True, capture_output=True)
    return place


def test_the_page_is_true(folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    found = doctest.testfile(str(ROOT / "docs" / "library.md"), module_relative=False)
    assert found.attempted > 15
    assert found.failed == 0


def test_the_page_names_every_public_name() -> None:
    page = (ROOT / "docs" / "library.md").read_text("utf-8")
    classes = {"Comparison", "Fingerprint", "Run", "__version__"}  # what the functions give
    assert [name for name in mirrorfold.__all__ if name not in classes and name not in page] == []
    assert {name for name in mirrorfold.__all__ if getattr(mirrorfold, name) is None} == set()


def test_a_fingerprint_is_the_row_that_a_run_writes(folder: Path) -> None:
    run = mirrorfold.open_run(folder / "out")
    for name in ("harbour.jpg", "stairs.jpg"):
        own = mirrorfold.fingerprint((folder / name).read_bytes())
        written = run["contents"].filter(pa.compute.equal(run["contents"]["content_id"], own.content_id))
        different = {
            column
            for column in written.column_names
            if column != "search" and written.column(column).to_pylist() != own.table.column(column).to_pylist()
        }
        assert different == set()


def test_importing_loads_nothing_heavy() -> None:
    program = "import mirrorfold, sys; print([m for m in ('numpy', 'apache_beam') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


FEW_BITS = st.sets(st.integers(0, 63), max_size=6).map(lambda bits: sum(1 << bit for bit in bits))
HASHES = st.lists(st.one_of(st.integers(0, 2**64 - 1), FEW_BITS), max_size=30)


@settings(max_examples=60, deadline=None)
@given(hashes=HASHES, radius=st.integers(0, 16))
def test_no_pair_is_missed_and_none_is_made_up(hashes: list[int], radius: int) -> None:
    apart = {(a, b): (hashes[a] ^ hashes[b]).bit_count() for a, b in itertools.combinations(range(len(hashes)), 2)}
    found = mirrorfold.find_pairs(hashes, radius).to_pylist()
    assert [(row["a"], row["b"], row["distance"]) for row in found] == [
        (*pair, distance) for pair, distance in sorted(apart.items()) if distance <= radius
    ]


@pytest.mark.parametrize("make", [imagehash.phash, imagehash.dhash, imagehash.whash, imagehash.colorhash])
def test_hashes_of_imagehash(make) -> None:
    """Its objects and its digits are the same hash, with its own distance."""
    one, other = (make(Image.fromarray(picture)) for picture in (data.coffee(), data.chelsea()))
    for given_as in ([one, other], [str(one), str(other)], pa.table({"phash64": [str(one), str(other)]})):
        found = mirrorfold.find_pairs(given_as, 16).column("distance").to_pylist()
        assert found == ([one - other] if one - other <= 16 else [])


@pytest.mark.parametrize(
    ("hashes", "radius", "says"),
    [
        (["xyz"], 4, "row 0: 'xyz' isn't a hash"),
        ([1, None], 4, "row 1: None isn't a hash"),
        ([1 << 64], 4, "more than 64 bits"),
        ([imagehash.ImageHash(np.ones((16, 16), bool))], 4, "more than 64 bits"),
        ([1], 17, "radius is 0 to 16"),
        (pa.table({"other": [1]}), 4, "no column 'phash64': there are other"),
    ],
)
def test_what_isnt_a_hash(hashes, radius: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        mirrorfold.find_pairs(hashes, radius)


def test_no_run_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(mirrorfold.UsageError, match="no finished run"):
        mirrorfold.open_run(tmp_path)
