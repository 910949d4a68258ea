"""Phones and tablets: nothing is cut off and nothing needs sideways scrolling, from 360 pixels on."""

from __future__ import annotations

import pytest
from selenium.webdriver.support.ui import Select

from tests.browser.pages import open_review, press, settle, state

pytestmark = pytest.mark.slow

CUT = """
const wide = document.documentElement.clientWidth;
const names = "button, input, select, h1, h2, p, th, .entry, .stage, .side";
return [...document.querySelectorAll(names)].filter((element) => {
  const box = element.getBoundingClientRect();
  const shown = box.width && box.height && getComputedStyle(element).visibility !== "hidden";
  return shown && !element.closest(".wrap, dialog, #said, .variants") && (box.left < -1 || box.right > wide + 1);
}).map((element) => `${element.tagName}#${element.id}.${element.className} ${element.textContent.slice(0, 30)}`);
"""


@pytest.fixture(params=[360, 390, 768, 1024])
def narrow(browser, request):
    size = {"width": request.param, "height": 780, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield browser, request.param
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_the_review_fits(narrow, published, language: str) -> None:
    browser, width = narrow
    open_review(browser, published)
    Select(browser.find_element("id", "language")).select_by_value(language)
    settle(browser)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(CUT) == []
    press(browser, "d")
    settle(browser)
    assert len(state(browser)) == 1
    if width < 600:
        assert browser.execute_script("return scrollY") == 0, "the page stays where it is, and doesn't follow the queue"
        stage, answers = (browser.find_element("id", name) for name in ("stage", "decide"))
        assert stage.location["y"] + 100 < answers.location["y"], "a picture is in sight"
        assert answers.size["height"] < 780 / 3


def test_the_report_fits(narrow, published) -> None:
    browser, width = narrow
    browser.get((published.folder / "report.html").as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
