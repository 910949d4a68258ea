"""A tile of a JPEG 2000 by itself holds the samples that it holds in the whole, and tells the bits they use."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from mirrorfold.transforms.fingerprint import read_pillow
from mirrorfold.transforms.fingerprint.jp2_tiles import some_tiles
from tests.fingerprint.test_depth import FULL, SPREAD, bits
from tests.fingerprint.test_sound import taken
from tests.fingerprint.worlds import encode

GREY = Image.fromarray(FULL[:, :, 1].repeat(2, 0).repeat(2, 1))
"""840 x 600 samples of 16 bits."""
LAYOUTS = {
    "plain": {"tile_size": (128, 96)},
    "tiles at an offset": {"tile_size": (128, 96), "tile_offset": (7, 9), "offset": (30, 20)},
    "many precincts": {"tile_size": (256, 256), "precinct_size": (64, 64), "progression": "RPCL"},
    "several layers": {"tile_size": (200, 200), "quality_layers": [30, 10, 0]},
}


def inside(part: np.ndarray, whole: np.ndarray) -> bool:
    """Tell whether a part lies in the whole, by its first row."""
    height, width = part.shape
    spots = np.lib.stride_tricks.sliding_window_view(whole, width, axis=1)
    return any(
        np.array_equal(part, whole[y : y + height, x : x + width])
        for y, x in np.argwhere((spots == part[0]).all(axis=2))
    )


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("bare", [True, False], ids=["codestream", "JP2"])
def test_a_tile_by_itself_holds_what_it_holds_in_the_whole(name, bare):
    data = encode(GREY, "JPEG2000", irreversible=False, no_jp2=bare, **LAYOUTS[name])
    whole = imagecodecs.jpeg2k_decode(data)
    found = [imagecodecs.jpeg2k_decode(one) for one in some_tiles(data, 200_000)]
    assert 2 <= len(found) <= 9
    assert all(inside(one, whole) for one in found)


def test_what_has_no_tiles_or_too_large_ones_gives_none():
    tiled = encode(GREY, "JPEG2000", tile_size=(128, 96))
    assert some_tiles(tiled, 128 * 96 - 1) == []
    assert some_tiles(encode(GREY, "JPEG2000"), 840 * 600 - 1) == []
    for end in (0, 20, 60, 90, 130):
        assert isinstance(some_tiles(tiled[:end], 1 << 20), list)


@pytest.mark.parametrize(("pixels", "used"), [(FULL, 16), (SPREAD, 8)], ids=["16 bits", "8 bits in 16"])
def test_tiles_tell_the_bits_of_what_is_read_reduced(monkeypatch, pixels, used):
    data = encode(Image.fromarray(pixels[:, :, 0].repeat(2, 0).repeat(2, 1)), "JPEG2000", tile_size=(128, 128))
    asked = []
    monkeypatch.setattr(read_pillow, "DEEP_PIXELS", 100_000)
    monkeypatch.setattr(read_pillow.jp2_tiles, "some_tiles", lambda *given: asked.append(1) or some_tiles(*given))
    assert (bits(taken(data)), len(asked)) == ((used, 16), 1)
