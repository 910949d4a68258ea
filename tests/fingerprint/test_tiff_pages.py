"""Which picture of a TIFF is the picture: the first full one, by a smaller copy only where that shows the same."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from mirrorfold.transforms.fingerprint.canonical import canonical_grey
from mirrorfold.transforms.fingerprint.decode import read
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.picture import Picture
from tests.fingerprint.worlds import photo

LIMITS = Limits(10**8, 8, 1 << 31, isolated=True)
LARGE, OTHER = photo(size=(800, 600)), photo("coffee.png", (800, 600))


def small(image: Image.Image, share: int = 2) -> np.ndarray:
    return np.asarray(image.resize((image.width // share, image.height // share), Image.Resampling.BOX))


def tiff(*images: tuple[np.ndarray, dict]) -> bytes:
    """Write directories one after the other, each with its options."""
    sink = io.BytesIO()
    with tifffile.TiffWriter(sink) as writer:
        for pixels, options in images:
            writer.write(pixels, photometric="rgb", metadata=None, **options)
    return sink.getvalue()


def shown(data: bytes) -> Picture:
    return read("tiff", data, LIMITS)


def distance(picture: Picture, image: Image.Image) -> float:
    reference = np.frombuffer(canonical_grey(image), np.uint8).astype(int)
    return float(np.abs(np.frombuffer(picture.luma, np.uint8).astype(int) - reference).mean())


FULL = np.asarray(LARGE)
TILES = {"tile": (128, 128)}
STRIPS = {"rowsperstrip": 32}
REDUCED = {"subfiletype": 1}
SVS = {"description": "Aperio Image Library v12\n800x600"}
LABEL = np.full((300, 280, 3), 240, np.uint8)

LAYOUTS = {
    "a flagged thumbnail first": [(small(LARGE, 10), REDUCED), (FULL, STRIPS)],
    "a flagged thumbnail of another picture first": [(small(OTHER), REDUCED), (FULL, STRIPS)],
    "an old-style thumbnail first": [(small(LARGE, 10), {"extratags": [(255, 3, 1, 2, True)]}), (FULL, STRIPS)],
    "an unflagged thumbnail first": [(small(LARGE, 10), {}), (FULL, STRIPS)],
    "nothing but images that are said to be reduced": [(small(LARGE, 10), REDUCED), (FULL, {**STRIPS, **REDUCED})],
    "a stale reduced image": [(FULL, TILES), (small(OTHER), REDUCED)],
    "a stale reduced image of strips": [(FULL, STRIPS), (small(OTHER), REDUCED)],
    "a stale blank reduced image": [(FULL, TILES), (np.full_like(small(LARGE), 255), REDUCED)],
    "a reduced image of a single strip": [(FULL, {"rowsperstrip": 600}), (small(OTHER), REDUCED)],
    "a slide with thumbnail, label and macro": [
        (FULL, {**TILES, **SVS}),
        (small(LARGE, 8), {"rowsperstrip": 16}),
        (small(LARGE), TILES),
        (LABEL, REDUCED),
        (LABEL, {"subfiletype": 9}),
    ],
    "a slide with an unflagged label": [
        (FULL, {**TILES, **SVS}),
        (small(LARGE), TILES),
        (LABEL, {"description": "Aperio Image Library\nlabel 280x300"}),
    ],
    "an unflagged pyramid": [(FULL, TILES), (small(LARGE, 2), TILES), (small(LARGE, 4), TILES)],
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_page_is_the_first_full_picture(name):
    picture = shown(tiff(*LAYOUTS[name]))
    assert (picture.frames, picture.width, picture.height) == (1, 800, 600)
    assert distance(picture, LARGE) < 6


@pytest.mark.parametrize("layout", [TILES, STRIPS], ids=["tiles", "strips"])
def test_a_true_reduced_image_spares_the_full_one(layout):
    darker = (small(LARGE) * 0.8).astype(np.uint8)  # tells which of the two was decoded
    picture = shown(tiff((FULL, layout), (darker, REDUCED)))
    assert picture.width == 800
    assert distance(picture, Image.fromarray(darker)) < 2


def test_pages_of_one_size_are_pages():
    picture = shown(tiff((FULL, STRIPS), (np.asarray(OTHER), STRIPS), (small(OTHER), REDUCED)))
    assert picture.frames == 2
    assert len(picture.pages) == 1


def test_a_small_picture_of_its_own_in_front_is_a_page():
    picture = shown(tiff((small(OTHER, 4), {}), (FULL, STRIPS)))
    assert (picture.frames, picture.width, len(picture.pages)) == (2, 200, 1)


@pytest.mark.parametrize("flag", [{}, REDUCED], ids=["unflagged", "flagged"])
def test_what_the_thumbnail_in_front_states_is_the_files_word(flag):
    said = {"extratags": [(315, "s", 0, "A. Painter", True)], **flag}
    assert shown(tiff((small(LARGE, 10), said), (FULL, STRIPS))).provenance["creator"] == "A. Painter"


def test_a_file_of_nothing_but_reduced_images_shows_the_first():
    picture = shown(tiff((small(LARGE), REDUCED)))
    assert (picture.width, picture.height) == (400, 300)


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
def test_orientation_of_the_page_holds_for_its_reduced_image(orientation, deep):
    turned = {1: LARGE, 3: LARGE.transpose(Image.Transpose.ROTATE_180), 6: LARGE.transpose(Image.Transpose.ROTATE_90)}
    stored = turned[orientation]
    tags = {"extratags": [(274, 3, 1, orientation, True)]}
    pixels, less = np.asarray(stored), small(stored)
    if deep:
        pixels, less = pixels.astype(np.uint16) * 257, less.astype(np.uint16) * 257
    picture = shown(tiff((pixels, {**TILES, **tags}), (less, REDUCED)))
    assert (picture.width, picture.height) == (800, 600)
    assert distance(picture, LARGE) < 6
