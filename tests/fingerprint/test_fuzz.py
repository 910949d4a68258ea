"""Ten thousand mutated files: each is a content or a failure with a stable code, and no process outgrows its memory."""

from __future__ import annotations

import os
import random
import resource

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from mirrorfold.schemas.failures import CODES
from mirrorfold.transforms.fingerprint import plan
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from mirrorfold.transforms.fingerprint.shard import fingerprint_shard
from tests.fingerprint.test_rights import STORE, jpeg_with, raw_profile
from tests.fingerprint.test_samples import tiff
from tests.fingerprint.test_sound import apple_png, by_oiio, psd, with_height_behind
from tests.fingerprint.test_tiff_pages import tiff as tiff_of
from tests.fingerprint.trade_files import READ
from tests.fingerprint.worlds import MemoryStores, encode, listing, photo

FILES = int(os.environ.get("MIRRORFOLD_FUZZ_FILES", "10000"))
MEMORY_MIB = 3_000


def seeds() -> list[bytes]:
    image = photo(size=(96, 72))
    exif = Image.Exif()
    exif.update({271: "Maker", 274: 6, 315: "Somebody"})
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    return [
        encode(image, "JPEG", exif=exif, xmp=packet),
        encode(image.resize((500, 400)), "JPEG", progressive=True, quality=40),
        encode(image.convert("CMYK"), "JPEG"),
        encode(image, "PNG", exif=exif),
        encode(image.quantize(16), "PNG"),
        encode(image.quantize(16), "GIF", save_all=True, append_images=[image.rotate(90).quantize(16)]),
        encode(image, "WEBP", exif=exif),
        encode(image, "WEBP", lossless=True),
        encode(image, "BMP"),
        encode(image, "TIFF", compression="tiff_lzw"),
        encode(image, "TIFF", compression="jpeg"),
        encode(image.convert("1"), "TIFF", compression="group4"),
        encode(image, "TIFF", save_all=True, append_images=[image.rotate(5)]),
        encode(image, "JPEG2000"),
        encode(image, "AVIF"),
        encode(image, "ICO", sizes=[(48, 48)]),
        encode(image, "PPM"),
        imagecodecs.jpegxl_encode(np.asarray(image)),
        *new_routes(image),
    ]


def new_routes(image: Image.Image) -> list[bytes]:
    """Give seeds of what second decoders, arrays and the formats of the trade read."""
    deep = np.asarray(image.convert("L")).astype(np.uint16) * 257
    half = np.asarray(image.resize((image.width // 2, image.height // 2)))
    return [
        tiff(deep, photometric="miniswhite"),
        tiff(deep.astype(np.float32), compression="deflate"),
        tiff(np.asarray(image), compression="jpeg2000", tile=(32, 32)),
        tiff_of((half, {"subfiletype": 1}), (np.asarray(image), {"tile": (16, 16)})),
        psd(16),
        apple_png("RGB"),
        with_height_behind(),
        raw_profile(b"iptc", b"\x1c\x02\x74\x00\x02me"),
        jpeg_with(STORE),
        imagecodecs.jpegxr_encode(np.asarray(image)),
        imagecodecs.qoi_encode(np.asarray(image)),
        *(encode(image, kind) for kind in ("SGI", "PCX", "DDS", "TGA", "ICNS")),
        *(make() for make, _ in READ.values()),
        *(by_oiio(kind, np.asarray(image), image.size) for kind in ("dpx", "exr", "fits", "hdr")),
    ]


def mutate(data: bytes, random_: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random_.choice((1, 1, 2, 4, 16))):
        at = random_.randrange(len(changed))
        how = random_.randrange(5)
        if how == 0:
            changed[at] = random_.randrange(256)
        elif how == 1:
            changed[at] ^= 1 << random_.randrange(8)
        elif how == 2:
            changed[at : at + random_.choice((1, 2, 4))] = random_.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"))
        elif how == 3:
            del changed[at : at + random_.randrange(1, 64)]
        else:
            changed[at:at] = bytes(random_.randrange(256) for _ in range(random_.randrange(1, 16)))
        if not changed:
            return b"\0"
    return bytes(changed)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_mutated_files_never_stop_a_run():
    random_, started = random.Random(4), seeds()
    contents = {f"mem://b/{n:05d}.jpg": mutate(started[n % len(started)], random_) for n in range(FILES)}
    options = FingerprintOptions(threads=8, max_seconds=20, compiled=True)
    pool, stores = SandboxPool(2, options.sandbox_bytes, options.max_seconds), MemoryStores(contents)
    settled = set()
    for shard in plan.cut_shards(plan.readable(listing(contents), options), options, 1000):
        result = fingerprint_shard(shard, stores, lambda data: decode(data, options, pool), options)
        settled.update(result.assignments.column("uri").to_pylist())
        for row in result.failures.to_pylist():
            assert row["error"] in CODES, row
            assert "0x" not in row["message"], row
            settled.add(row["uri"])
    pool.close()
    assert settled == set(contents)
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        assert resource.getrusage(who).ru_maxrss >> 10 < MEMORY_MIB


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_a_few_mutations_of_what_is_decoded_in_this_process(name):
    random_, data = random.Random(9), encode(photo(size=(64, 48)), name)
    options = FingerprintOptions(max_pixels=10_000_000)
    contents = {f"mem://b/{n}.jpg": mutate(data, random_) for n in range(150)}
    pool = SandboxPool(1, options.sandbox_bytes, 20)
    (shard,) = plan.cut_shards(plan.readable(listing(contents), options), options, 1000)
    result = fingerprint_shard(shard, MemoryStores(contents), lambda one: decode(one, options, pool), options)
    pool.close()
    assert result.assignments.num_rows + result.failures.num_rows == len(contents)
