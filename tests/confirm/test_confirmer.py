"""Pairs read again and compared in a process of their own."""

from __future__ import annotations

import hashlib

import pytest
from PIL import Image, ImageFilter

from demo.archive import encode, photographs
from mirrorfold.pipelines.confirming.confirmer import Confirmer
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.retain.records import Member, Question
from mirrorfold.transforms.stores.api import StoreError


class Held:
    """Stores that hold these bytes by key, and count what is read."""

    def __init__(self, files: dict[str, bytes]):
        self.files, self.read_keys = files, []

    def read(self, ref, start=0, stop=None):
        self.read_keys.append(ref.key)
        if ref.key not in self.files:
            raise StoreError("vanished", "gone")
        return self.files[ref.key]


def member(key: str, data: bytes, **fields) -> Member:
    known = dict.fromkeys(Member._fields)
    known |= {"uri": f"s3://x/{key}", "version": "", "etag": "", "library": "x", "store": "s3", "bucket": "x"}
    known |= {"key": key, "size": len(data), "content_id": hashlib.sha256(data).hexdigest(), "is_latest": True}
    return Member(**(known | {"archived": False} | fields))


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    picture = dict(photographs())["coffee"].resize((600, 400))
    hidden = picture.copy()
    box = (250, 120, 300, 150)
    hidden.paste(picture.crop(box).filter(ImageFilter.GaussianBlur(8)), box)
    return {
        "original.jpg": encode(picture, "JPEG", quality=95),
        "copy.webp": encode(picture.resize((300, 200)), "WEBP", quality=70),
        "turned.jpg": encode(picture.rotate(90, expand=True), "JPEG", quality=90, exif=_turned()),
        "deep.tif": encode(picture, "TIFF"),
        "redacted.jpg": encode(hidden, "JPEG", quality=90),
        "broken.jpg": encode(picture, "JPEG")[:40],
    }


def _turned() -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = 6
    return block


def ask(files: dict[str, bytes], first: str, second: str, stores: Held | None = None, **fields):
    members = sorted((member(name, files[name], **fields) for name in (first, second)), key=lambda m: m.content_id)
    pair = (members[0].content_id, members[1].content_id)
    confirm = Confirmer(stores or Held(files), FingerprintOptions())
    return confirm([Question(pair, (members[0],), (members[1],))])[pair]


@pytest.mark.parametrize("other", ["copy.webp", "turned.jpg", "deep.tif"])
def test_a_copy_is_confirmed_at_the_smaller_size(files, other):
    found = ask(files, "original.jpg", other)
    assert found.confirmed, found
    assert (found.width, found.height) == ((300, 200) if other == "copy.webp" else (600, 400))


def test_a_redacted_copy_is_not_and_the_place_is_known(files):
    found = ask(files, "original.jpg", "redacted.jpg")
    assert not found.confirmed
    assert found.kind in ("redacted", "retouched")
    assert abs(found.x - 250) < 20
    assert abs(found.y - 120) < 20


def test_what_cannot_be_read_decoded_or_is_another_file_is_not_confirmed(files):
    assert ask(files, "original.jpg", "copy.webp", Held({})).kind == "unreadable"
    assert ask(files, "original.jpg", "broken.jpg").kind in ("truncated", "corrupt")
    swapped = {**files, "copy.webp": files["deep.tif"]}
    assert ask(files, "original.jpg", "copy.webp", Held(swapped)).kind == "unreadable"
    stores = Held(files)
    assert ask(files, "original.jpg", "copy.webp", stores, archived=True).kind == "unreadable"
    assert stores.read_keys == []


def test_a_pair_costs_two_reads(files):
    stores = Held(files)
    ask(files, "original.jpg", "copy.webp", stores)
    assert sorted(stores.read_keys) == ["copy.webp", "original.jpg"]
