"""Charts: shapes are as large as what they stand for, names can do nothing, and the same rows give the same drawing."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from mirrorfold.transforms.publish import charts
from mirrorfold.transforms.publish.plot import nice_ticks, shortened

SVG = "{http://www.w3.org/2000/svg}"
ROWS = [
    {"library": "hk", "tier": "identical", "bytes": 30_000_000},
    {"library": "hk", "tier": "probable", "bytes": 10_000_000},
    {"library": "</text><script>alert(1)</script>", "tier": "near-certain", "bytes": 20_000_000},
]
STEPS = [
    {"step": f"≤ {place}", "place": place, "tier": tier, "bytes": size}
    for place, sizes in enumerate([(1000, 0), (1000, 500), (2500, 500)])
    for tier, size in zip(("near-certain", "probable"), sizes, strict=True)
]
EFFORT = [
    {"pairs": 1, "bytes": 4_000_000_000},
    {"pairs": 3, "bytes": 6_000_000_000},
    {"pairs": 9, "bytes": 6_500_000_000},
]
DRAWN = {
    "savings": charts.savings_chart(ROWS, "what goes"),
    "threshold": charts.threshold_chart(STEPS, "bits", "what goes"),
    "effort": charts.effort_chart(EFFORT, "pairs", "what goes"),
    "nothing": charts.savings_chart([], "what goes"),
}


def drawn(name: str) -> ElementTree.Element:
    return ElementTree.fromstring(DRAWN[name])


def texts(name: str) -> list[str]:
    return [element.text for element in drawn(name).iter(f"{SVG}text")]


def sizes(name: str, side: str) -> list[float]:
    return [float(element.get(side)) for element in drawn(name).iter(f"{SVG}rect")]


@pytest.mark.parametrize("name", DRAWN)
def test_it_says_what_it_shows_and_stands_anywhere(name: str) -> None:
    svg = drawn(name)
    assert (svg.get("role"), svg.get("aria-label")) == ("img", "what goes")
    names = {key for element in svg.iter() for key in element.keys()}  # noqa: SIM118
    assert names.isdisjoint({"id", "style", "class", "onload", "href"})
    assert "#" not in DRAWN[name], "every colour is the page's"


def test_bars_are_as_long_as_what_they_free() -> None:
    one, two, three = sizes("savings", "width")
    assert one == pytest.approx(3 * two, rel=0.01)
    assert three == pytest.approx(2 * two, rel=0.01)
    boxes = list(drawn("savings").iter(f"{SVG}rect"))
    assert [box.get("fill") for box in boxes] == ["var(--tier-1)", "var(--tier-4)", "var(--tier-3)"]
    assert float(boxes[1].get("x")) == pytest.approx(float(boxes[0].get("x")) + one, abs=0.1)
    assert {"hk", "MB"} - set(texts("savings")) == set()
    assert [text[:16] for text in texts("savings") if text.endswith("…")] == ["</text><script>a"]


def test_bars_go_up_with_what_is_accepted() -> None:
    first, second, more, third, last = sizes("threshold", "height")
    assert second == pytest.approx(2 * more, rel=0.02)
    assert (first, more, third) == pytest.approx((second, last, 2.5 * first), rel=0.02)
    assert {"≤ 0", "≤ 1", "≤ 2", "bits", "KB"} - set(texts("threshold")) == set()


def test_the_line_goes_through_what_was_looked_at() -> None:
    (line,) = drawn("effort").iter(f"{SVG}polyline")
    points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
    across, up = [x - points[0][0] for x, _ in points], [points[0][1] - y for _, y in points]
    assert [x / across[1] for x in across] == pytest.approx([0, 1, 3, 9], rel=0.01)
    assert [y / up[1] for y in up] == pytest.approx([0, 1, 1.5, 1.625], rel=0.01)
    assert "GB" in texts("effort")


@pytest.mark.parametrize(
    ("largest", "ticks"),
    [(40, [0, 10, 20, 30, 40]), (26.4, [0, 5, 10, 15, 20, 25, 30]), (0, [0, 1]), (0.7, [0, 0.2, 0.4, 0.6, 0.8])],
)
def test_ticks_are_round_and_reach_the_top(largest: float, ticks: list[float]) -> None:
    assert nice_ticks(largest) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("text", "cut"), [("short", "short"), ("x" * 40, "x" * 28 + "…"), ("檔" * 20, "檔" * 13 + "…")]
)
def test_long_names_are_cut(text: str, cut: str) -> None:
    assert shortened(text, 220) == cut
