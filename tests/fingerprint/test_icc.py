"""A picture looks the same whatever its colour space: wide gamuts and CMYK are brought to sRGB before hashing."""

from __future__ import annotations

import io
import struct
import tempfile
from pathlib import Path

import numpy as np
import OpenImageIO
import pytest
from PIL import Image, ImageCms

from mirrorfold.transforms.fingerprint import icc
from mirrorfold.transforms.fingerprint.colour import look
from mirrorfold.transforms.fingerprint.decode import decode, read
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.provenance import icc_description
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from mirrorfold.transforms.fingerprint.signatures import sign
from mirrorfold.transforms.fingerprint.srgb_profile import PRIMARIES, is_srgb
from tests.fingerprint.worlds import encode, inline, photo

SRGB_CURVE = (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
SPACES = {
    "Adobe RGB": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), (0, (2.2,))),
    "Display P3": ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407), SRGB_CURVE),
    "ProPhoto": ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491), (0, (1.8,))),
}
"""Primaries (XYZ under D50) and the curve of each."""


def fixed(value: float) -> bytes:
    """Write a number as ICC's s15Fixed16."""
    return struct.pack(">i", round(value * 65536))


def profile_of(name: str) -> bytes:
    """Make the matrix profile of a space."""
    red, green, blue, (kind, parameters) = SPACES[name]
    curve = b"para" + bytes(4) + struct.pack(">HH", kind, 0) + b"".join(map(fixed, parameters))
    text = name.encode() + b"\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78),
        b"wtpt": b"XYZ " + bytes(4) + b"".join(map(fixed, (0.9642, 1.0, 0.8249))),
        **{tag: b"XYZ " + bytes(4) + b"".join(map(fixed, xyz))
           for tag, xyz in ((b"rXYZ", red), (b"gXYZ", green), (b"bXYZ", blue))},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }  # fmt: skip
    return profile_file(b"mntrRGB XYZ ", tags)


def profile_file(kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Write a profile of version 4."""
    table, body, at = b"", b"", 132 + 12 * len(tags)
    for tag, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += tag + struct.pack(">II", at + len(body), len(value))
        body += padded
    head = bytearray(128)
    head[0:4] = struct.pack(">I", at + len(body))
    head[8:12], head[12:24], head[36:40] = b"\4\0\0\0", kind, b"acsp"
    head[68:80] = b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def convert(image: Image.Image, profile: bytes, mode: str = "RGB") -> Image.Image:
    """Convert from sRGB."""
    return ImageCms.profileToProfile(
        image,
        ImageCms.createProfile("sRGB"),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        mode,
    )


def distance(one: Picture, other: Picture) -> tuple[int, int, int]:
    """Give bits of phash64 and phash256 between two pictures, and the largest step of their colour signatures."""
    luma = np.frombuffer(one.luma + other.luma, np.uint8).reshape(2, 64, 64)
    cells = np.frombuffer(one.cells + other.cells, np.uint8).reshape(2, 16, 16, 3)
    signed, seen = sign(luma), look(luma, cells, np.array([True, True]))
    return (
        int(np.bitwise_count(signed.phash64[0] ^ signed.phash64[1])),
        int(np.bitwise_count(signed.phash256[0] ^ signed.phash256[1]).sum()),
        int(np.abs(seen.colour[0].astype(int) - seen.colour[1]).max()),
    )


PHOTO = photo("coffee.png", (1200, 800))
ISOLATED = Limits(10**9, 16, 4 << 30, isolated=True)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("space", SPACES)
def test_one_picture_in_another_space_has_the_same_hashes_and_colours(space, kind):
    profile = profile_of(space)
    wide = encode(convert(PHOTO, profile), kind, quality=90, icc_profile=profile)
    plain = inline(encode(PHOTO, kind, quality=90))
    near, nearer, step = distance(inline(wide), plain)
    assert near <= 2
    assert nearer <= 8
    assert step <= 3
    untagged = encode(convert(PHOTO, profile), kind, quality=90, icc_profile=b"")
    assert distance(inline(untagged), plain)[2] > 2 * step + 2


def jxl(image: Image.Image, profile: bytes | None, quality: int) -> bytes:
    """Make a JPEG XL; of quality 100 it is lossless."""
    spec = OpenImageIO.ImageSpec(*image.size, 3, "uint8")
    spec.attribute("compression", f"jpegxl:{quality}")
    if profile:
        values = np.frombuffer(profile, np.uint8)
        spec.attribute("ICCProfile", OpenImageIO.TypeDesc(f"uint8[{len(values)}]"), values)
    with tempfile.NamedTemporaryFile(suffix=".jxl") as file:
        output = OpenImageIO.ImageOutput.create(file.name)
        assert output.open(file.name, spec)
        assert output.write_image(np.asarray(image))
        output.close()
        return Path(file.name).read_bytes()


@pytest.mark.parametrize(("space", "quality"), [("Adobe RGB", 100), ("Display P3", 90), ("ProPhoto", 100)])
def test_a_jpeg_xl_in_another_space_has_the_same_hashes_and_colours(space, quality):
    profile, small = profile_of(space), PHOTO.resize((600, 400))
    plain = inline(encode(small, "PNG"))
    found = read("jxl", jxl(convert(small, profile), profile, quality), ISOLATED)
    near, nearer, step = distance(found, plain)
    assert near <= 2
    assert nearer <= 8
    assert step <= 3
    assert found.icc_profile
    untagged = read("jxl", jxl(small, None, 100), ISOLATED)
    assert (untagged.luma, untagged.icc_profile) == (plain.luma, None)


def test_the_profile_of_the_web_costs_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert icc.applied(profile, "RGB") is None
    tagged, plain = (inline(encode(PHOTO, "JPEG", **options)) for options in ({"icc_profile": profile}, {}))
    assert (tagged.luma, tagged.cells) == (plain.luma, plain.cells)


def named_srgb(space: str) -> bytes:
    """Make a space's profile whose name has srgb in it."""
    return profile_of(space).replace(space.encode(), b"x-srgb-x"[: len(space)].ljust(len(space), b"b"))


@pytest.mark.parametrize("space", SPACES)
def test_a_name_with_srgb_in_it_is_no_srgb(space):
    profile = named_srgb(space)
    assert "srgb" in (icc_description(profile) or "")
    assert icc.applied(profile, "RGB") == profile
    tagged, plain = (inline(encode(PHOTO, "JPEG", quality=90, **options)) for options in ({"icc_profile": profile}, {}))
    assert tagged.digest != plain.digest


def test_srgb_under_another_name_is_srgb():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    table = [
        round(65535 * (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4)) for x in np.linspace(0, 1, 256)
    ]
    curve = b"curv" + bytes(4) + struct.pack(">I256H", 256, *table)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 7) + b"office\0" + bytes(78),
        **{tag: b"XYZ " + bytes(4) + b"".join(map(fixed, xyz)) for tag, xyz in PRIMARIES.items()},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    assert is_srgb(own)
    assert is_srgb(profile_file(b"mntrRGB XYZ ", tags))


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_srgbs_primaries_under_another_curve_are_no_srgb(gamma):
    curve = b"para" + bytes(4) + struct.pack(">HH", 0, 0) + fixed(gamma)
    tags = {tag: b"XYZ " + bytes(4) + b"".join(map(fixed, xyz)) for tag, xyz in PRIMARIES.items()}
    assert not is_srgb(profile_file(b"mntrRGB XYZ ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)))


def test_a_grey_picture_keeps_its_levels():
    profile = profile_of("ProPhoto")
    grey = PHOTO.convert("L")
    assert inline(encode(grey, "JPEG", icc_profile=profile)).luma == inline(encode(grey, "JPEG")).luma


BROKEN = {
    "no tags": lambda p: p[:128] + bytes(4),
    "cut": lambda p: p[:200],
    "offsets outside": lambda p: p[:136] + b"\xff" * 4 + p[140:],
    "noise": lambda p: p[:300] + np.random.default_rng(1).integers(0, 256, len(p) - 300, np.uint8).tobytes(),
    "another signature": lambda p: p[:36] + b"nope" + p[40:],
    "empty": lambda p: b"",
}


@pytest.fixture(scope="module")
def sandbox():
    options = FingerprintOptions()
    pool = SandboxPool(1, options.sandbox_bytes, 60)
    yield pool
    pool.close()


@pytest.mark.parametrize("change", BROKEN)
def test_a_broken_profile_never_fails_a_picture(change, sandbox):
    data = encode(PHOTO, "JPEG", icc_profile=BROKEN[change](profile_of("Adobe RGB")))
    assert decode(data, FingerprintOptions(), sandbox).width == 1200


def with_tag(profile: bytes, tag: bytes) -> bytes:
    """Rename the white point's tag."""
    return profile.replace(b"wtpt", tag)


COMPLEX = {
    "look-up tables": with_tag(profile_of("Adobe RGB"), b"A2B0"),
    "large": profile_of("Adobe RGB") + bytes(icc.MAX_SIMPLE_BYTES),
    "no matrix": profile_of("Adobe RGB").replace(b"rXYZ", b"xxxx"),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_only_small_matrix_profiles_are_parsed_in_the_worker(name):
    assert icc.is_simple(profile_of("Adobe RGB"))
    assert not icc.is_simple(COMPLEX[name])
    with pytest.raises(pytest.fail.Exception, match="went to the sandbox"):
        inline(encode(PHOTO, "JPEG", icc_profile=COMPLEX[name]))


def test_profiles_beyond_the_limit_are_left_alone():
    assert icc.applied(profile_of("Adobe RGB") + bytes(icc.MAX_BYTES), "RGB") is None


def ink_profile() -> bytes:
    """Make a CMYK profile of a table whose every colour is a grey: nothing but it makes a coloured picture grey."""
    levels = [255 * (3 - c - m - y) // 3 * (1 - k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    straight = bytes(range(256))
    table = (
        b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + b"".join(map(fixed, (1, 0, 0, 0, 1, 0, 0, 0, 1))) + straight * 4
        + b"".join(bytes([level, 128, 128]) for level in levels) + straight * 3
    )  # fmt: skip
    return profile_file(b"prtrCMYKLab ", {b"A2B0": table, b"A2B1": table})


def test_cmyk_is_brought_to_srgb_by_its_table_in_the_sandbox(sandbox):
    inks = PHOTO.convert("CMYK")
    tagged, untagged = (
        decode(encode(inks, "JPEG", quality=95, icc_profile=one), FingerprintOptions(), sandbox)
        for one in (ink_profile(), b"")
    )
    cells = np.frombuffer(tagged.cells + untagged.cells, np.uint8).reshape(2, 16, 16, 3)
    luma = np.frombuffer(tagged.luma + untagged.luma, np.uint8).reshape(2, 64, 64)
    assert look(luma, cells, np.array([True, True])).grey.tolist() == [True, False]
    with pytest.raises(pytest.fail.Exception, match="went to the sandbox"):
        inline(encode(inks, "JPEG", icc_profile=ink_profile()))
