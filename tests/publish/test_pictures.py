"""Small pictures: from hostile bytes, in processes of their own, or from the stored luma."""

from __future__ import annotations

import io
import os
import signal
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFilter

from mirrorfold.transforms.publish.decoder_worker import FORMATS, RefusedError, decode_small, shrink
from mirrorfold.transforms.publish.decoding import DecoderPool
from mirrorfold.transforms.publish.looks import looks, sketched
from mirrorfold.transforms.publish.pictures import SIDE, Maker, Patience, UndecodableError, Wanted, sketch, thumb_path
from mirrorfold.transforms.publish.pictures import encode as webp
from mirrorfold.transforms.stores.api import ObjectRef, StoreError
from mirrorfold.transforms.stores.output import LocalOutput
from tests.publish.publish_archive import encode, photographs


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return photographs()["astronaut"]


@pytest.fixture
def pool():
    with DecoderPool(1, 50_000_000) as decoders:
        yield decoders


def bomb() -> bytes:
    """Make a PNG that declares 60,000 x 60,000 pixels in a few bytes."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    coded = [struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(coded)


@pytest.mark.parametrize(
    ("form", "media_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("GIF", "image/gif"), ("TIFF", "image/tiff"),
     ("BMP", "image/bmp"), ("JPEG2000", "image/jp2"), ("AVIF", "image/avif")],
)  # fmt: skip
def test_decodes_small(picture: Image.Image, form: str, media_type: str) -> None:
    small = decode_small(encode(picture, form), media_type, 64, 10**7)
    assert small.size == (64, 64)
    expected = np.asarray(picture.resize((64, 64), Image.Resampling.LANCZOS), dtype=float)
    assert np.abs(np.asarray(small, dtype=float) - expected).mean() < 8


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16", "F"])
def test_every_mode_becomes_colour_on_white(picture: Image.Image, mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.asarray(picture.convert("L"), dtype=np.uint16) * 257)
    else:
        image = picture.convert(mode)
    small = decode_small(encode(image, "TIFF"), "image/tiff", 32, 10**7)
    assert (small.mode, small.size) == ("RGB", (32, 32))
    grey = np.asarray(small.convert("L"), dtype=float).mean()
    assert grey == pytest.approx(np.asarray(picture.convert("L"), dtype=float).mean(), abs=14)


def test_stands_upright(picture: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = picture.crop((0, 0, 400, 200))
    small = decode_small(encode(wide, "JPEG", exif=exif), "image/jpeg", 100, 10**7)
    assert small.size == (50, 100)


def test_only_the_decoder_for_the_media_type_sees_the_bytes(picture: Image.Image) -> None:
    with pytest.raises(OSError, match="cannot identify"):
        decode_small(encode(picture, "PNG"), "image/jpeg", 64, 10**7)
    with pytest.raises(RefusedError):
        decode_small(encode(picture, "PNG"), "image/x-unknown", 64, 10**7)
    assert "image/svg+xml" not in FORMATS


@pytest.mark.parametrize(
    "data",
    [bomb(), b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + bytes(50)],
    ids=["bomb", "empty", "jpeg-head", "zeros"],
)
def test_bad_files_are_refused_and_the_pool_goes_on(pool: DecoderPool, picture: Image.Image, data: bytes) -> None:
    with pytest.raises(UndecodableError):
        pool.decode(data, "image/png", 64)
    assert pool.decode(encode(picture, "PNG"), "image/png", 64).size == (64, 64)


def test_a_process_that_dies_costs_one_picture(pool: DecoderPool, picture: Image.Image) -> None:
    data = encode(picture, "PNG")
    pool.decode(data, "image/png", 64)
    os.kill(pool._idle[0].process.pid, signal.SIGKILL)
    with pytest.raises(UndecodableError, match="process ended"):
        pool.decode(data, "image/png", 64)
    assert pool.decode(data, "image/png", 64).size == (64, 64)


def wanted(content_id: str, *keys: str) -> Wanted:
    refs = tuple(ObjectRef("hk", "file", "/a", key, "", "e", 1) for key in keys)
    return Wanted(content_id, "image/png", 512, 512, None, refs)


def test_another_copy_is_tried_and_what_is_there_is_not_fetched_again(tmp_path, picture: Image.Image) -> None:
    store, reads = LocalOutput(str(tmp_path)), []

    def read(ref: ObjectRef) -> bytes:
        reads.append(ref.key)
        if ref.key == "gone":
            raise StoreError("vanished", "gone")
        return b""

    def decode(data: bytes, media_type: str, side: int) -> Image.Image:
        return picture.resize((side, side))

    asked = [wanted("aa", "gone", "here"), wanted("bb", "gone"), wanted("cc")]
    made = dict(Maker(store, read, decode, threads=1).make(asked))
    assert made == {"aa": True, "bb": False, "cc": False}
    assert reads == ["gone", "here", "gone"]
    assert dict(Maker(store, read, decode, threads=1).make(asked[:1])) == {"aa": True}
    assert reads == ["gone", "here", "gone"]
    with Image.open(io.BytesIO(store.get(thumb_path("aa")))) as thumb:
        assert (thumb.format, thumb.size) == ("WEBP", (256, 256))


def test_a_sketch_has_the_pictures_shape_and_light(picture: Image.Image) -> None:
    luma = np.asarray(picture.convert("L").resize((64, 64), Image.Resampling.BOX))
    with Image.open(io.BytesIO(sketch(luma.tobytes(), 1000, 500))) as drawn:
        assert drawn.size == (64, 32)
        assert np.asarray(drawn.convert("L"), dtype=float).mean() == pytest.approx(luma.mean(), abs=3)


@pytest.mark.parametrize(("code", "reads"), [("unreachable", 6), ("denied", 6), ("vanished", 20)])
def test_a_store_that_keeps_refusing_is_left_alone(tmp_path, code: str, reads: int) -> None:
    asked = []

    def read(ref: ObjectRef) -> bytes:
        asked.append(ref)
        raise StoreError(code, "no")

    maker = Maker(LocalOutput(str(tmp_path)), read, None, threads=1)
    made = dict(maker.make([wanted(f"{n:02x}", "key") for n in range(20)]))
    assert not any(made.values())
    assert len(asked) == reads


def test_one_answer_restores_patience() -> None:
    patience, ref = Patience(tries=2), ObjectRef("hk", "s3", "b", "k", "", "e", 1)
    for error in (StoreError("throttled", ""), None, StoreError("throttled", "")):
        patience.note(ref, error)
    assert patience.worth(ref)
    patience.note(ref, StoreError("throttled", ""))
    assert not patience.worth(ref)
    assert patience.worth(ref._replace(bucket="other"))


def test_what_is_blurred_is_less_sharp_at_the_same_size_and_a_small_picture_is_no_sharper() -> None:
    picture = photographs()["coffee"]
    small = picture.resize((picture.width // 4, picture.height // 4))
    sharp, soft, less = (
        looks({SIDE: webp(shrink(one, SIDE)), 1024: webp(shrink(one, 1024))})
        for one in (picture, picture.filter(ImageFilter.GaussianBlur(3)), small)
    )
    assert sharp["sharp"]["1024"] > 1.3 * soft["sharp"]["1024"]
    assert sharp["sharp"]["1024"] > 1.3 * less["sharp"]["1024"]
    assert [len(channel) for channel in sharp["tones"]] == [32] * 4
    assert max(map(max, sharp["tones"])) == 99


def test_tones_lie_where_the_picture_has_them() -> None:
    red = looks({SIDE: webp(Image.new("RGB", (64, 64), (250, 0, 0)))})["tones"]
    assert [channel.index(max(channel)) for channel in red[1:]] == [31, 0, 0]
    assert sketched(bytes([128]) * 4096)["tones"][0].index(99) == 16
