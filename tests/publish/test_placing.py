"""The outline of a crop: where it really was cut, or none."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mirrorfold.transforms.publish.placing import place_crop
from tests.publish.publish_archive import photographs

PHOTOGRAPHS = photographs()


def content(image: Image.Image) -> dict:
    luma = np.asarray(image.convert("L").resize((64, 64), Image.Resampling.BOX)).tobytes()
    return {"width": image.width, "height": image.height, "luma": luma}


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "china"])
@pytest.mark.parametrize("box", [(0.1, 0.2, 0.9, 0.8), (0.3, 0.05, 0.8, 0.6)], ids=["middle", "corner"])
def test_a_crop_is_outlined_where_it_was_cut(name: str, box: tuple) -> None:
    image = PHOTOGRAPHS[name]
    edges = [round(share * side) for share, side in zip(box, image.size * 2, strict=True)]
    crop = image.crop(edges)
    area = crop.width * crop.height / (image.width * image.height)
    found = place_crop(content(image), content(crop.resize((crop.width // 2, crop.height // 2))), area * 1.03)
    assert found is not None
    assert (found.x, found.y, found.x + found.w, found.y + found.h) == pytest.approx(box, abs=0.03)


@pytest.mark.parametrize(
    ("other", "area"),
    [("coffee", 0.5), ("astronaut", None), ("astronaut", 1.0)],
    ids=["another picture", "area not known", "no crop"],
)
def test_no_outline_is_better_than_a_wrong_one(other: str, area: float | None) -> None:
    assert place_crop(content(PHOTOGRAPHS["astronaut"]), content(PHOTOGRAPHS[other]), area) is None


def test_a_plain_picture_or_one_without_luma_has_no_place() -> None:
    plain = content(Image.new("RGB", (400, 300), "navy"))
    assert place_crop(content(PHOTOGRAPHS["china"]), plain, 0.5) is None
    assert place_crop(plain | {"luma": None}, plain, 0.5) is None
