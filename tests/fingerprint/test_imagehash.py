"""Hashes of the package imagehash beside ours: its own, of the same picture; off by default; past a budget null."""

from __future__ import annotations

import importlib.util
import io
import json
from pathlib import Path

import imagehash
import pyarrow as pa
import pytest
from PIL import Image, ImageOps

import mirrorfold
from mirrorfold.configs import settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record import state
from mirrorfold.pipelines.record.request import load_settings
from mirrorfold.schemas.contents import CONTENTS, IMAGEHASHES
from mirrorfold.transforms.blocks.parquet import to_parquet
from mirrorfold.transforms.fingerprint import imagehashes
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.merge.withhold import withhold
from tests.audit.world import audit, table
from tests.fingerprint.worlds import encode, photo

PHOTO = photo()
TURNED = Image.Exif()
TURNED[0x0112] = 6
FILES = {
    "plain.jpg": encode(PHOTO, "JPEG", quality=90),
    "progressive.jpg": encode(photo("coffee.png"), "JPEG", quality=80, progressive=True),
    "turned.jpg": encode(photo("coffee.png"), "JPEG", exif=TURNED),
    "grey.jpg": encode(PHOTO.convert("L"), "JPEG"),
    "colour.png": encode(photo("chelsea.png"), "PNG"),
    "pages.tif": encode(PHOTO, "TIFF", compression="tiff_lzw"),
    "wide.webp": encode(PHOTO.resize((700, 300)), "WEBP", lossless=True),
}
COLUMNS = [f"imagehash_{name}" for name in IMAGEHASHES]


def own(data: bytes) -> dict[str, int]:
    """Hash as people do."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    return {name: int(str(getattr(imagehash, name)(image)), 16) for name in IMAGEHASHES}


@pytest.fixture(scope="module")
def hasher():
    made = imagehashes.ImageHasher(FingerprintOptions(imagehash=IMAGEHASHES, sandboxes=1))
    yield made
    made.close()


@pytest.mark.parametrize("name", FILES)
def test_hashes_are_the_packages_own(name: str, hasher) -> None:
    assert hasher(FILES[name]) == own(FILES[name])


@pytest.mark.parametrize(
    ("options", "data"),
    [({"max_pixels": 1000}, FILES["plain.jpg"]), ({}, FILES["plain.jpg"][:900]), ({}, b"no image")],
    ids=["past a budget", "broken", "no image"],
)
def test_what_isnt_hashed_is_null(options: dict, data: bytes) -> None:
    made = imagehashes.ImageHasher(FingerprintOptions(imagehash=("phash",), sandboxes=1, **options))
    assert made(data) == {}
    made.close()


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    for library in ("hk", "gz"):
        (root / library).mkdir()
        (root / library / "plain.jpg").write_bytes(FILES["plain.jpg"])
    for name, data in FILES.items():
        (root / "hk" / name).write_bytes(data)
    return root


def bytes_read(output: Path) -> int:
    return json.loads((output / "run.json").read_text())["metrics"]["bytes_read"]


def hashes_in(output: Path) -> dict[str, list]:
    found = table(output, "contents").sort_by("content_id")
    return {name: found.column(name).to_pylist() for name in ["content_id", *COLUMNS]}


def test_runs_write_what_is_asked_for(archive: Path, tmp_path: Path) -> None:
    """On, then fewer, then others: audits hold what full runs would, and read again only for what they lack."""
    asked = {"on": ("colorhash", "phash"), "fewer": ("phash",), "others": ("phash", "dhash")}
    before = None
    own_hashes = {mirrorfold.fingerprint(data).content_id: own(data) for data in FILES.values()}
    for name, wanted in asked.items():
        audit(archive, tmp_path / name, before, fingerprint={"imagehash": wanted})
        assert (bytes_read(tmp_path / name) > 0) == (name != "fewer")
        rows, before = hashes_in(tmp_path / name), tmp_path / name
        for each in IMAGEHASHES:
            expected = [own_hashes[row][each] if each in wanted else None for row in rows["content_id"]]
            assert rows[f"imagehash_{each}"] == expected, (name, each)
    run = mirrorfold.open_run(tmp_path / "on")
    hashes = run["contents"].column("imagehash_phash").to_pylist()
    pairs = mirrorfold.find_pairs(run["contents"], 16, column="imagehash_phash").column("distance").to_pylist()
    apart = [(a ^ b).bit_count() for i, a in enumerate(hashes) for b in hashes[i + 1 :]]
    assert sorted(pairs) == sorted(bits for bits in apart if bits <= 16) != []


def test_colours_stay_at_home(archive: Path) -> None:
    rows = mirrorfold.fingerprint(FILES["plain.jpg"]).table
    place = rows.schema.get_field_index("imagehash_colorhash")
    rows = rows.set_column(place, CONTENTS.schema.field(place), pa.array([5], pa.uint64()))
    assert withhold(rows, lambda block: block.column("search")).column("imagehash_colorhash").to_pylist() == [None]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[phash, bhash]", "there is no bhash: there are phash, dhash"),
        ("[phash]", r"pip install 'mirrorfold\[imagehash\]'"),
    ],
)
def test_what_cant_be_made_ends_before_any_work(tmp_path: Path, monkeypatch, text: str, says: str) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    config = tmp_path / "settings.yaml"
    config.write_text(f"fingerprint:\n  imagehash: {text}\n", "utf-8")
    with pytest.raises(UsageError, match=says) as raised:
        load_settings(str(config))
    assert "settings.yaml:2" in str(raised.value)


def test_a_worker_without_the_package_says_so(monkeypatch) -> None:
    monkeypatch.setattr(imagehashes, "find_spec", lambda name: None)
    assert importlib.util.find_spec("imagehash")
    with pytest.raises(ModuleNotFoundError, match="on every worker"):
        imagehashes.ImageHasher(FingerprintOptions(imagehash=("phash",)))


def test_tables_of_before_are_brought_up_to_date(archive: Path, tmp_path: Path) -> None:
    audit(archive, tmp_path / "now")
    (path,) = (tmp_path / "now" / "contents").glob("*.parquet")
    whole = table(tmp_path / "now", "contents")
    rows = table(tmp_path / "now", "contents").drop_columns(COLUMNS)
    path.write_bytes(
        to_parquet(rows.replace_schema_metadata({"mirrorfold.table": "contents", "mirrorfold.version": "1"}))
    )
    record = tmp_path / "now" / "run.json"
    record.write_text(record.read_text().replace('"contents": 2', '"contents": 1'))
    assert state.upgrade(str(tmp_path / "now")) == ["contents"]
    assert table(tmp_path / "now", "contents").equals(whole)
