"""The batched core: equal to imagehash on the canonical picture, whatever the batch, exact on flat ones."""

from __future__ import annotations

import platform
import subprocess
import sys

import imagehash
import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from mirrorfold.transforms.fingerprint.signatures import SIDE, sign, sign_base, sign_pages
from tests.fingerprint.worlds import photo

NAMES = ["astronaut.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "page.png", "rocket.jpg", "text.png"]


def canonical_image(name: str) -> Image.Image:
    return photo(name).convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def as_int(found) -> int:
    return int(str(found), 16)


def stack(images) -> np.ndarray:
    return np.stack([np.asarray(image) for image in images])


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    plain = [canonical_image(name) for name in NAMES]
    noise = np.random.default_rng(5).integers(0, 256, (64, SIDE, SIDE), np.uint8)
    return plain + [Image.fromarray(one) for one in noise]


@pytest.mark.parametrize(
    ("column", "hashing"),
    [
        ("phash64", lambda image: imagehash.phash(image)),
        ("phash256", lambda image: imagehash.phash(image, hash_size=16)),
        ("dhash256", lambda image: imagehash.dhash(image, hash_size=16)),
    ],
    ids=["phash64", "phash256", "dhash256"],
)
def test_equal_to_imagehash_on_the_canonical_picture(pictures, column, hashing):
    found = getattr(sign(stack(pictures)), column)
    for image, one in zip(pictures, found, strict=True):
        ours = int(one) if column == "phash64" else int.from_bytes(one.tobytes(), "big")
        assert ours == as_int(hashing(image))


GOLDEN = {
    "astronaut.png": (0xC2924C5532BDDFC8, "c2d69276"),
    "chelsea.png": (0xB15FE6465121175E, "b1ac5ffe"),
    "page.png": (0x81EDA4A967D892DA, "817eed31"),
}
PILLOW_OF_GOLDEN = "13.0.0"


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_constants(name):
    found = sign(stack([canonical_image(name)]))
    got = (int(found.phash64[0]), found.phash256[0].tobytes()[:4].hex())
    assert got == GOLDEN[name], f"{name} hashes to {got[0]:#x}, {got[1]}: " + (
        "our own signatures changed: raise ALGORITHM in version.py, then renew"
        if PIL.__version__ == PILLOW_OF_GOLDEN
        else f"Pillow {PIL.__version__} may resize otherwise than {PILLOW_OF_GOLDEN}; check it, raise ALGORITHM, renew"
    )


TURNS = [None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270]


@pytest.mark.parametrize("mirrored", [False, True], ids=["plain", "mirrored"])
@pytest.mark.parametrize("turn", range(4), ids=["0", "90", "180", "270"])
def test_dihedrals_are_the_hashes_of_the_turned_picture(pictures, turn, mirrored):
    turned = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image for image in pictures]
    turned = [image if TURNS[turn] is None else image.transpose(TURNS[turn]) for image in turned]
    bits = np.bitwise_count(sign(stack(pictures)).dihedral64[:, turn + 4 * mirrored] ^ sign(stack(turned)).phash64)
    # Pillow shrinks across before down: a turned picture differs by its rounding.
    assert bits.max() <= 4
    assert bits.mean() <= 0.5


def test_windows_find_crops():
    image = photo("astronaut.png")
    for index in range(9):
        row, column = divmod(index, 3)
        left, top = 0.05 * column * image.width, 0.05 * row * image.height
        box = (left, top, left + 0.9 * image.width, top + 0.9 * image.height)
        cut = image.crop(tuple(round(edge) for edge in box)).convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        whole = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        assert np.bitwise_count(sign(stack([whole])).windows64[0, index] ^ sign(stack([cut])).phash64[0]) <= 4


@pytest.mark.parametrize("level", [0, 1, 77, 128, 255])
def test_flat_pictures_have_no_rounding_noise(level):
    found = sign(np.full((1, SIDE, SIDE), level, np.uint8))
    mean_alone = (1 << 63) if level else 0
    assert int(found.phash64[0]) == mean_alone
    assert set(found.windows64[0].tolist()) == set(found.dihedral64[0].tolist()) == {mean_alone}
    assert not found.pdq256.any()
    assert not found.pdq_quality.any()


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.uint8, (3, SIDE, SIDE)), st.permutations(range(3)))
def test_a_batch_hashes_each_picture_as_if_alone(luma, order):
    together = sign(luma[list(order)])
    for place, index in enumerate(order):
        alone = sign(luma[index : index + 1])
        for one, many in zip(alone, together, strict=True):
            assert np.array_equal(one[0], many[place])
    assert np.array_equal(sign_pages(luma), sign(luma).phash64)
    assert np.array_equal(sign_base(luma)["phash256"], sign(luma).phash256)


FAULTS = """
import resource
import numpy as np
from mirrorfold.transforms.fingerprint.signatures import sign
luma = np.zeros((32, 64, 64), np.uint8)
sign(luma)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    sign(luma)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
def test_a_batch_reuses_the_memory_of_the_one_before():
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, check=True, text=True)
    assert float(done.stdout) < 50
