"""The coded picture of a file ends where the picture ends, whatever lies behind it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mirrorfold.transforms.fingerprint.coded import coded
from tests.fingerprint.worlds import encode

PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8))
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(8) + b"mdat" + b"\xff\xd9" * 9 + b"end"
BEHIND = {
    "a video": VIDEO,
    "a video behind zeros": bytes(40) + VIDEO,
    "another picture": encode(PICTURE.resize((16, 12)), "JPEG"),
    "zeros": bytes(10),
}


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("progressive", [False, True], ids=["sequential", "progressive"])
def test_what_lies_behind_a_jpeg_is_no_part_of_its_picture(behind, progressive):
    data = encode(PICTURE, "JPEG", quality=90, progressive=progressive)
    assert coded("jpeg", data + behind) == coded("jpeg", data)


def test_a_flipped_byte_that_looks_like_an_end_is_none():
    data = bytearray(encode(PICTURE, "JPEG", quality=90))
    data[-200:-198] = b"\xff\xd9"
    assert len(coded("jpeg", bytes(data))[1]) == len(coded("jpeg", encode(PICTURE, "JPEG", quality=90))[1])
