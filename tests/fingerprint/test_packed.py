"""Pictures that a store holds packed by gzip: other bytes, the same picture, wherever it is looked at."""

from __future__ import annotations

import gzip
import io

import pytest
from PIL import Image

import mirrorfold
from mirrorfold.pipelines.confirming import worker
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.publish.decoder_worker import decode_small


def picture(format_: str, mode: str = "RGB", **options) -> bytes:
    sink = io.BytesIO()
    grey = Image.radial_gradient("L").resize((300, 200))
    Image.merge("RGB", (grey, grey.rotate(40), grey.rotate(90))).convert(mode).save(sink, format_, **options)
    return sink.getvalue()


PICTURES = {
    "jpeg": picture("JPEG", quality=90),
    "jpeg in CMYK": picture("JPEG", "CMYK"),
    "png": picture("PNG"),
    "tiff": picture("TIFF"),
    "jpeg behind a stray line": b"\n" + picture("JPEG"),
}


@pytest.mark.parametrize("data", PICTURES.values(), ids=PICTURES)
def test_what_lies_within_is_read(data: bytes):
    plain, packed = mirrorfold.fingerprint(data).table, mirrorfold.fingerprint(gzip.compress(data, mtime=0)).table
    differ = {name for name in plain.column_names if not plain.column(name).equals(packed.column(name))}
    assert differ <= {"content_id", "size", "bytes"}
    assert "content_id" in differ


def test_pages_show_it():
    shown = decode_small(gzip.compress(PICTURES["jpeg"]), "image/jpeg", 64, 10**6)
    assert shown.tobytes() == decode_small(PICTURES["jpeg"], "image/jpeg", 64, 10**6).tobytes()


def test_a_packed_copy_is_confirmed_against_its_plain_one():
    packed = gzip.compress(PICTURES["jpeg"])
    status, body = worker.answer(f"pair:{len(packed)}", packed + PICTURES["jpeg"], Limits(10**7, 1, 10**9))
    assert (status, b'"confirmed": true' in body) == (b"P", True)
