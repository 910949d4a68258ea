"""Formats of the trade: what a decoder here reads is read as it looks, the others are named; names decide nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from mirrorfold.schemas.formats import WORDS
from mirrorfold.transforms.fingerprint import fields, formats, plan, sniff
from mirrorfold.transforms.fingerprint.canonical import canonical_grey
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.shard import fingerprint_shard
from tests.fingerprint.test_odd import OPTIONS, taken
from tests.fingerprint.trade_files import BILEVEL, GREY, NAMED, PHOTO, READ, cals, packed_tga
from tests.fingerprint.worlds import MemoryStores, listing

BILEVEL_KINDS = frozenset({"xbm", "msp", "cals", "tga, bilevel"})
COARSE = {"xvthumb": 14, "gbr": 255, "tga, packed": 12}
"""Levels by which few colours are off; a brush's grey is its opacity."""


@pytest.mark.parametrize("name", READ)
def test_it_is_read_as_it_looks(name: str) -> None:
    make, media_type = READ[name]
    picture = taken(make())
    assert (picture.width, picture.height, picture.media_type) == (96, 72, media_type)
    shown = BILEVEL if name in BILEVEL_KINDS else PHOTO
    luma = np.frombuffer(picture.luma, np.uint8).astype(int)
    expected = np.frombuffer(canonical_grey(shown), np.uint8).astype(int)
    assert np.abs(luma - expected).mean() < COARSE.get(name, 5)
    assert abs(np.corrcoef(luma, expected)[0, 1]) > 0.95


@pytest.mark.parametrize("name", ["photo.bak", "photo.tmp", "photo.php", "photo"])
@pytest.mark.parametrize("kind", READ)
def test_its_name_decides_nothing(kind: str, name: str) -> None:
    contents = {f"mem://b/{name}": READ[kind][0]()}
    (shard,) = plan.cut_shards(plan.readable(listing(contents), OPTIONS), OPTIONS, 10)
    # Larger ones of such names are looked at first: so are these.
    shard = shard.set_column(shard.schema.get_field_index("sniff"), shard.schema.field("sniff"), pa.array([True]))
    result = fingerprint_shard(shard, MemoryStores(contents), taken, OPTIONS)
    assert result.contents.column("media_type").to_pylist() == [READ[kind][1]]


def test_few_files_of_another_kind_are_read_whole_to_be_told() -> None:
    random = np.random.default_rng(5)
    assert sum(fields.may_fill(random.bytes(64)) for _ in range(20_000)) <= 2


@pytest.mark.parametrize("name", READ)
def test_a_policy_can_name_it(name: str) -> None:
    word = READ[name][1].removeprefix("image/").removeprefix("x-")
    assert word in WORDS


@pytest.mark.parametrize("name", NAMED)
def test_it_is_named(name: str) -> None:
    assert name in formats.named()
    with pytest.raises(DecodeError) as failure:
        sniff.sniff(NAMED[name], whole=True)
    assert failure.value.code == "unsupported"
    assert failure.value.message.startswith(name)


def test_all_that_the_code_names_by_fields_is_tried() -> None:
    assert set(fields.BY_FIELDS) | set(fields.FILLED) <= {*NAMED, "IFF ILBM, a picture of the Amiga", "EMF, a drawing"}


@pytest.mark.parametrize(
    ("turn", "undone"),
    [
        ("000,270", None),
        ("180,270", Image.Transpose.FLIP_LEFT_RIGHT),
        ("180,090", Image.Transpose.ROTATE_180),
        ("000,090", Image.Transpose.FLIP_TOP_BOTTOM),
        ("270,000", Image.Transpose.TRANSPOSE),
        ("090,000", Image.Transpose.ROTATE_270),
        ("270,180", Image.Transpose.ROTATE_90),
    ],
)
def test_cals_stands_as_its_lines_run(turn: str, undone) -> None:
    stored = BILEVEL if undone is None else BILEVEL.transpose(undone)
    luma = np.frombuffer(taken(cals(turn, stored)).luma, np.uint8).astype(int)
    expected = np.frombuffer(canonical_grey(BILEVEL), np.uint8).astype(int)
    assert np.abs(luma - expected).mean() < 3


OTHERS = {
    "nothing but zeros": bytes(5000),
    "an icon of no pictures": b"\0\0\1\0\0\0" + bytes(30),
    "C code": b"#define WIDTH 3\nint main(void) { return WIDTH; }\n",
    "text": b"12 9 are numbers\n" * 50,
    "a compound document of letters": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4000),
    "run lengths that end too soon": packed_tga()[:-40],
    "run lengths with much behind": packed_tga() + bytes(400),
    "a ZIP": b"PK\3\4" + bytes(400),
    "sound": b"ID3\3" + bytes(400),
}


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_is_taken_for_one(name: str) -> None:
    with pytest.raises(DecodeError) as failure:
        sniff.sniff(OTHERS[name], whole=True)
    assert failure.value.code == "not-an-image"


def test_noise_is_no_picture() -> None:
    random = np.random.default_rng(3)
    for size in (20, 100, 1000, 5000) * 200:
        data = random.bytes(size)
        with pytest.raises(DecodeError) as failure:
            sniff.sniff(data, whole=True)
        assert failure.value.code == "not-an-image", data[:20]


def test_the_grey_of_a_photograph_fills_no_header() -> None:
    with pytest.raises(DecodeError):
        sniff.sniff(GREY.tobytes(), whole=True)
