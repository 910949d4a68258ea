"""Comparing: a crop in its place, a loupe, a heat map, and what conflicts in plain sight."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from mirrorfold.transforms.publish.languages import LANGUAGES
from tests.browser.pages import dark, open_review, press, settle, text, wait

pytestmark = pytest.mark.slow

FIND = """
const done = arguments[0];
(async () => {
  for (let pair = 0; pair < mirrorfold.index.count; pair++) {
    const item = await mirrorfold.loadItem(mirrorfold.index.item[pair]);
    const one = item.pairs.find((other) => other.n === pair);
    if (%s) return done(pair);
  }
  return done(-1);
})();
"""


SIZES = """
return [...document.querySelectorAll(".layer")].map((layer) => {
  const image = layer.firstElementChild;
  return [layer.querySelector(".lens").style.backgroundSize, `${image.naturalWidth}px ${image.naturalHeight}px`];
});
"""


TURNED = (
    ([0, 1, 0, -1, 0, 0], "rotate(90deg)"),
    ([0, -1, 0, 1, 0, 0], "rotate(270deg)"),
    ([-1, 0, 0, 0, 1, 0], "scaleX(-1)"),
    ([0, 1, 0, 1, 0, 0], "rotate(270deg) scaleX(-1)"),
)
"""How the left picture lies on the right one, and what turns the right one back."""
PAINTED = """
const painted = (one) => one.getContext("2d").getImageData(0, 0, 160, 48).data.some(Boolean);
return [...document.querySelectorAll(".looks canvas")].map(painted);
"""
SHOW = """
const image = document.querySelector("#left img").src;
mirrorfold.compare.show([["gone.webp", image], [image]], "", arguments[0]);
"""
DRAW = """
const [p, q, r, s, t, u] = arguments[0];
const left = Object.assign(document.createElement("canvas"), { width: 1024, height: 683 });
const ink = left.getContext("2d");
ink.fillStyle = "#fff";
ink.fillRect(0, 0, 1024, 683);
ink.fillStyle = "#000";
for (let at = 0; at < 1024; at += 48) ink.fillRect(at, 0, 24, 683);
for (let at = 0; at < 683; at += 64) ink.fillRect(0, at, 1024, 16);
const [w, h] = q ? [683, 1024] : [1024, 683];
const right = Object.assign(document.createElement("canvas"), { width: w, height: h });
const turned = right.getContext("2d");
turned.setTransform((p * w) / 1024, (s * h) / 1024, (q * w) / 683, (t * h) / 683, w / 2, h / 2);
turned.drawImage(left, -512, -341.5);
mirrorfold.compare.show([[left.toDataURL()], [right.toDataURL()]], "", arguments[0]);
"""
"""Draws stripes, and the same turned as `arguments[0]` says, and shows both."""


@pytest.fixture
def desk(browser):
    size = {"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def go(browser, condition: str) -> int:
    pair = browser.execute_async_script(FIND % condition)
    assert pair >= 0
    for _ in range(200):
        if browser.execute_script("return mirrorfold.shown()") == pair:
            break
        press(browser, "j")
    settle(browser)
    settle(browser)
    return pair


def test_a_crop_is_outlined_and_laid_onto_its_place(desk, published) -> None:
    open_review(desk, published)
    go(desk, "one.warp")
    (mark,) = [mark for mark in desk.find_elements(By.CSS_SELECTOR, ".cut") if mark.is_displayed()]
    left = desk.find_element(By.CSS_SELECTOR, "#left img")
    assert 0.4 < mark.size["width"] / left.size["width"] < 1
    layer = mark.find_element(By.XPATH, "..")
    assert mark.location["x"] - layer.location["x"] > 10, "its place is at the lower right"
    side = desk.execute_script("return document.querySelector('#right img').style.transform")
    press(desk, "r")
    settle(desk)
    over = desk.execute_script("return document.querySelector('#right img').style.transform")
    assert over != side or "matrix" in desk.execute_script("return document.querySelector('#left img').style.transform")
    left = desk.execute_script("return document.querySelector('#left img').style.transform")
    assert "matrix(0.8" in left + over, "cut to seven eighths of each side"


def test_a_turned_picture_is_turned_back_as_it_lies_and_not_as_its_kind_is_called(desk, published) -> None:
    open_review(desk, published)
    press(desk, "q")
    for warp, turn in TURNED:
        desk.execute_script(SHOW, warp)
        settle(desk)
        settle(desk)
        style = desk.execute_script("return document.querySelector('#right img').style.transform")
        assert turn in style
        assert turn.count("rotate") == style.count("rotate")
    assert not desk.find_elements(By.CSS_SELECTOR, ".layer.blank"), "where one picture is gone, the next one is shown"


@pytest.mark.parametrize("height", [900, 877])
def test_turned_pictures_lie_on_each_other_to_the_pixel(desk, published, height: int) -> None:
    size = {"width": 1440, "height": height, "deviceScaleFactor": 1, "mobile": False}
    desk.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    open_review(desk, published)
    press(desk, "r")
    for warp, _ in TURNED:
        desk.execute_script(DRAW, warp)
        wait(desk, lambda: desk.execute_script("return mirrorfold.compare.state.warp !== null"))
        desk.execute_script("document.getElementById('gain').value = 1; mirrorfold.compare.draw()")
        settle(desk)
        settle(desk)
        shot = Image.open(io.BytesIO(desk.find_element(By.ID, "stage").screenshot_as_png)).convert("L")
        inner = np.asarray(shot)[16:-16, 16:-16]
        assert np.percentile(inner, 99.5) < 25, "15 where they lie right, 48 before boxes had whole pixels"


def test_the_toolbar_is_one_line_in_every_view_and_language(desk, published) -> None:
    open_review(desk, published)
    for width in (1440, 1280):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        desk.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for language in LANGUAGES:
            Select(desk.find_element(By.ID, "language")).select_by_value(language)
            for key in "qwer":
                press(desk, key)
                assert desk.find_element(By.CLASS_NAME, "bar").size["height"] < 40, (width, language, key)
        Select(desk.find_element(By.ID, "language")).select_by_value("en")


def test_histograms_and_sharpness_of_both_pictures(desk, published) -> None:
    open_review(desk, published)
    boxes = desk.find_elements(By.CSS_SELECTOR, ".looks")
    assert not any(box.is_displayed() for box in boxes)
    press(desk, "i")
    settle(desk)
    assert all(box.is_displayed() for box in boxes)
    assert all(re.fullmatch(r"sharpness \d+\.\d at (256|1024) px", box.text) for box in boxes), [
        box.text for box in boxes
    ]
    assert desk.execute_script(PAINTED) == [True, True]
    press(desk, "j")
    settle(desk)
    assert boxes[0].is_displayed(), "it stays as it was chosen"
    press(desk, "i")
    assert not boxes[0].is_displayed()


def test_the_loupe_shows_both_pictures_pixel_by_pixel(desk, published) -> None:
    open_review(desk, published)
    press(desk, "z")
    ActionChains(desk).move_to_element(desk.find_element(By.ID, "left")).perform()
    settle(desk)
    lenses = [lens for lens in desk.find_elements(By.CSS_SELECTOR, ".lens") if lens.is_displayed()]
    assert len(lenses) == 2
    sizes = desk.execute_script(SIZES)
    assert all(shown == natural for shown, natural in sizes)
    press(desk, "z")
    assert not any(lens.is_displayed() for lens in desk.find_elements(By.CSS_SELECTOR, ".lens"))


def test_the_heat_map_has_the_gain_of_the_slider(desk, published) -> None:
    open_review(desk, published)
    press(desk, "rh")
    assert "heat-map" in desk.execute_script("return document.getElementById('stage').style.filter")
    desk.execute_script(
        "const gain = document.getElementById('gain'); gain.value = 9; gain.dispatchEvent(new Event('input'))"
    )
    assert desk.execute_script("return document.getElementById('heat-r').getAttribute('slope')") == "9"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_conflicts_is_in_plain_sight(desk, published, theme: str) -> None:
    dark(desk, theme == "dark")
    open_review(desk, published)
    go(desk, "one.conflicts.length")
    clashes = desk.find_element(By.ID, "clashes")
    foot = desk.find_element(By.ID, "decide").location["y"]
    assert clashes.is_displayed()
    assert clashes.location["y"] + clashes.size["height"] < foot
    assert "≠" in text(desk, "#clashes")
    assert desk.execute_script("return document.querySelector('main').scrollTop") == 0


def test_the_family_around_a_pair_is_one_click_away(desk, published) -> None:
    open_review(desk, published)
    desk.execute_script("const { index } = mirrorfold; index.families = index.families.with(1, index.families[0])")
    press(desk, "jk")
    settle(desk)
    desk.find_element(By.CSS_SELECTOR, "#family button").click()
    settle(desk)
    assert desk.execute_script("return mirrorfold.index.item[mirrorfold.shown()]") == 1
