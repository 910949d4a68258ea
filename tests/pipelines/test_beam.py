"""mirrorfold in somebody's own Beam pipeline: the three transforms find what a run finds, named by name."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from PIL import Image

import mirrorfold
import mirrorfold.beam as transforms
from tests.match.match_pictures import photographs

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")


def coded(picture: Image.Image, form: str = "JPEG", **options) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, form, **options)
    return sink.getvalue()


def images() -> dict[str, bytes]:
    """Make variants of some photographs, two copies of one, and what is no image."""
    found = {}
    for number, picture in enumerate(photographs()[:4]):
        wide = picture.convert("RGB")
        found[f"{number}.png"] = coded(wide, "PNG")
        found[f"{number}-small.jpg"] = coded(wide.resize((wide.width // 2, wide.height // 2)), quality=85)
        found[f"{number}-turned.jpg"] = coded(wide.rotate(90, expand=True), quality=90)
        found[f"{number}-cut.jpg"] = coded(
            wide.crop((wide.width // 20, 0, wide.width, wide.height - wide.height // 20)), quality=90
        )
    return found | {"copy of 0.png": found["0.png"], "broken.jpg": found["1-small.jpg"][:900], "note.txt": b"no image"}


COLLECTED: dict[str, list[dict]] = {}


def collect(row: dict, name: str) -> None:
    COLLECTED.setdefault(name, []).append(row)


def found_by(given: dict[str, bytes], images: int, policy: str = "default") -> dict[str, list[dict]]:
    """Run all three transforms and give what each gave, sorted."""
    COLLECTED.clear()
    with beam.Pipeline("FnApiRunner") as root:
        named = root | beam.Create(list(given.items()))
        prints = {"images": named} | transforms.Fingerprint(images=images)
        pairs = {"fingerprints": prints.fingerprints} | transforms.FindPairs(images=images)
        inputs = {"fingerprints": prints.fingerprints, "pairs": pairs}
        clusters = inputs | transforms.Cluster(policy=policy, images=images)
        for name, blocks in (inputs | {"failures": prints.failures, "clusters": clusters}).items():
            blocks | f"Rows of {name}" >> beam.FlatMap(pa.Table.to_pylist) | f"Keep {name}" >> beam.Map(collect, name)
    return {name: sorted(rows, key=str) for name, rows in COLLECTED.items()}


@pytest.fixture(scope="module")
def given() -> dict[str, bytes]:
    return images()


@pytest.fixture(scope="module")
def found(given) -> dict[str, list[dict]]:
    return found_by(given, images=100)


def test_it_finds_what_a_run_finds(given, found, tmp_path: Path) -> None:
    for name, data in given.items():
        (tmp_path / "photos").mkdir(exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(data)
    subprocess.run([MIRRORFOLD, "run", tmp_path / "photos", "-o", tmp_path / "out"], check=True, capture_output=True)
    run = mirrorfold.open_run(tmp_path / "out")
    assert found["pairs"] == sorted(run["edges"].to_pylist(), key=str)
    written = run["clusters"].to_pylist()
    assert len(written) > 12
    for row in written:
        row["name"] = row["uri"].rpartition("/")[2]
    rows = [{name: row[name] for name in transforms.CLUSTERS.names} for row in written]
    assert found["clusters"] == sorted(rows, key=str)


def test_each_image_is_a_fingerprint_or_a_failure(given, found) -> None:
    assert {row["name"]: row["error"] for row in found["failures"]} == {
        "broken.jpg": "truncated",
        "note.txt": "not-an-image",
    }
    assert sorted(row["name"] for row in found["fingerprints"] + found["failures"]) == sorted(given)
    for row in found["fingerprints"]:
        own = mirrorfold.fingerprint(given[row["name"]]).table.to_pylist()[0]
        assert {name: row[name] for name in own} == own


@pytest.mark.parametrize("images", [1, 5_000])
def test_the_number_stated_changes_no_result(given, found, images: int) -> None:
    assert found_by(given, images) == found


def masters(found: dict[str, list[dict]]) -> set[str]:
    return {row["name"] for row in found["clusters"] if row["is_master"]}


def test_a_policy_chooses_the_masters(given, found, tmp_path: Path) -> None:
    policy = tmp_path / "small.yaml"
    policy.write_text("version: 1\nname: small\nkeep_order: [{by: smallest}]\n", "utf-8")
    smallest = masters(found_by(given, images=100, policy=str(policy)))
    assert masters(found) == {f"{number}.png" for number in range(4)}
    assert smallest
    assert not [name for name in smallest if name.endswith(".png")]


def test_blocks_have_the_schemas_that_are_named() -> None:
    blocks = {"FINGERPRINTS": "fingerprints", "FAILURES": "failures"}
    with beam.Pipeline("FnApiRunner") as root:
        named = root | beam.Create([("a.png", coded(Image.new("RGB", (64, 64), "red"), "PNG")), ("b", b"no")])
        prints = {"images": named} | transforms.Fingerprint()
        for schema, output in blocks.items():
            names = getattr(prints, output) | f"Names {output}" >> beam.Map(lambda block: block.schema.names)
            assert_that(names, equal_to([getattr(transforms, schema).names]), label=f"Check {output}")
