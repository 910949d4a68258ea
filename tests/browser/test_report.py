"""report.html in a real browser: languages without script, both themes, print, keyboard."""

from __future__ import annotations

import base64

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.pages import CONTRAST, UNNAMED, dark, silent

pytestmark = pytest.mark.slow


@pytest.fixture
def report(browser, published):
    browser.get((published.folder / "report.html").as_uri())
    return browser


def shown(browser, language: str) -> int:
    return browser.execute_script(
        f"""const spans = [...document.querySelectorAll('.page [lang="{language}"]')];
        return spans.filter((span) => span.getClientRects().length).length"""
    )


def test_one_language_shows_at_a_time_and_the_switch_needs_no_script(report) -> None:
    report.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    report.refresh()
    report.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert shown(report, "en") > 50
    assert shown(report, "zh-Hant") == 0
    report.find_element(By.CSS_SELECTOR, "label[for='in-zh-Hant']").click()
    assert shown(report, "zh-Hant") > 50
    assert shown(report, "en") == 0
    assert "現在即可釋放" in report.find_element(By.TAG_NAME, "h1").text


def test_the_keyboard_reaches_the_switch_and_the_links(report) -> None:
    body = report.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert report.switch_to.active_element.get_attribute("id") == "in-en"
    report.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert shown(report, "zh-Hant") > 50
    report.switch_to.active_element.send_keys(Keys.TAB)
    assert report.switch_to.active_element.get_attribute("href").endswith("review/index.html")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
def test_contrast_is_aa(report, theme: str, language: str) -> None:
    dark(report, theme == "dark")
    report.execute_script(f"document.getElementById('in-{language}').checked = true")
    ground = report.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(19, 22, 25)") is (theme == "dark")
    assert report.execute_script(CONTRAST) == []


def test_everything_is_named_and_nothing_complains(report) -> None:
    assert report.execute_script(UNNAMED) == []
    assert silent(report) == []


def test_charts_follow_the_theme(report) -> None:
    colours = []
    for on in (False, True):
        dark(report, on)
        colours.append(
            report.execute_script(
                "return getComputedStyle(document.querySelector('figure [aria-roledescription=bar]')).fill"
            )
        )
    assert colours == ["rgb(11, 107, 93)", "rgb(86, 199, 178)"]


def test_it_prints(report) -> None:
    document = base64.b64decode(report.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert document.startswith(b"%PDF")
    assert (
        2 <= document.count(b"/Type /Page\n") + document.count(b"/Type/Page\n") + document.count(b"/Type /Page ") <= 30
    )


def test_a_narrow_screen_needs_no_sideways_scrolling(report) -> None:
    report.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    width = report.execute_script("return document.documentElement.scrollWidth")
    report.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= 390
