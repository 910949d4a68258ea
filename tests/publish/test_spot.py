"""Where two files differ most at full detail: a box on the pictures that show that place."""

from __future__ import annotations

import pytest

from mirrorfold.transforms.publish.pages import _spot

BIG = {"content_id": "b", "width": 1600, "height": 1200}
SMALL = {"content_id": "a", "width": 800, "height": 600}
CUT = {"content_id": "c", "width": 500, "height": 600}
PLACE = {"seen_width": 800, "seen_height": 600, "x": 400, "y": 150, "w": 80, "h": 60}


@pytest.mark.parametrize(
    ("contents", "kind", "place", "found"),
    [
        ([SMALL, BIG], "resized", PLACE, [[0, 1], 0.5, 0.25, 0.1, 0.1]),
        ([BIG, SMALL], "caption", PLACE, [[0, 1], 0.5, 0.25, 0.1, 0.1]),
        ([BIG, SMALL], "rotated-180", PLACE, [[1], 0.5, 0.25, 0.1, 0.1]),
        ([BIG, SMALL], "cropped", PLACE, [[1], 0.5, 0.25, 0.1, 0.1]),
        ([BIG, CUT], "retouched", PLACE | {"seen_width": 500}, [[1], 0.8, 0.25, 0.16, 0.1]),
        ([BIG, SMALL], "resized", PLACE | {"w": None}, None),
        ([BIG, SMALL], "resized", PLACE | {"w": 0}, None),
    ],
    ids=["same frame", "in any order", "turned", "a crop", "another shape", "not compared", "nothing differs"],
)
def test_the_box_lies_on_what_shows_the_place(contents: list[dict], kind: str, place: dict, found):
    pair = {"kept": contents[0]["content_id"], "other": contents[1]["content_id"], "kind": kind} | place
    assert _spot(pair, contents) == found
