"""report.html in a real browser: languages without script, both themes, print, keyboard."""

from __future__ import annotations

import base64
import contextlib
import re
from dataclasses import replace

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from mirrorfold.configs.policy import load_policy
from mirrorfold.transforms.publish.languages import LANGUAGES
from mirrorfold.transforms.publish.publish import Options
from mirrorfold.transforms.publish.signing import Signing
from tests.browser.pages import CONTRAST, UNNAMED, dark, silent
from tests.publish.publish_archive import build_archive
from tests.publish.publish_rows import add_clusters
from tests.publish.publish_runs import publish, story

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
        colours.append(report.execute_script("return getComputedStyle(document.querySelector('figure svg rect')).fill"))
    assert colours == ["rgb(11, 107, 93)", "rgb(86, 199, 178)"]


A4 = {"width": 696, "height": 1025}
"""An A4 page without its margins (13 mm at the sides, 12 and 15 above and below), in CSS pixels."""


def pages(browser) -> int:
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})["data"]
    return len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed)))


@contextlib.contextmanager
def on_paper(browser):
    """Lay the page out as it prints on A4."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    size = {"width": A4["width"], "height": A4["height"], "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.fixture(scope="module")
def two_hundred(tmp_path_factory):
    """The test archive filled up to 200 objects, under a policy that three roles sign, every section in its report."""
    archive = build_archive(tmp_path_factory.mktemp("two-hundred"))
    add_clusters(archive, (201 - len(archive.rows["decisions"])) // 2)
    archive.write()
    said = tuple(verdict(name, number) for number, name in enumerate(("Ann Lee", "Bo Chan", "Cy Wong")))
    policy = load_policy("museum")
    signing = Signing("ab" * 32, tuple(policy["approval"]["required_roles"]), ("registrar", "legal"), (SIGNED,))
    told = replace(
        story(said=said), policy=policy, policy_hash="cd" * 32, signing=signing, made="2026-11-29", commands=COMMANDS
    )
    return publish(archive, Options(sample=20), told=told)


SIGNED = {"role": "curator", "name": "Ann Lee", "at": "2026-11-29T10:00:00+00:00"}
LONG = "mirrorfold run " + " ".join(f"library-{n}=s3://a-bucket-with-a-long-name-{n}/and/a/prefix/" for n in range(6))
COMMANDS = {
    "again": LONG, "check": "mirrorfold verify out", "ask": "duckdb -c 'SELECT 1'", "approve": "mirrorfold approve out",
    "import": "mirrorfold review import out FILE.jsonl", "export": f"mirrorfold export out --what {'x' * 150}",
}  # fmt: skip


def verdict(name: str, number: int) -> dict:
    pair = {"content_a": "a" * 64, "content_b": f"{number:064x}", "purpose": "decision", "seen": True}
    return pair | {"verdict": "same", "reviewer": name, "at": "2026-11-28", "reason": "", "id": name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_front_page_is_one_a4_and_two_hundred_objects_take_six_pages(browser, two_hundred, language: str) -> None:
    assert 199 <= len(two_hundred.archive.rows["decisions"]) <= 200
    browser.get((two_hundred.folder / "report.html").as_uri())
    browser.execute_script(f"document.getElementById('in-{language}').checked = true")
    assert 3 <= pages(browser) <= 6
    with on_paper(browser):
        end = browser.execute_script("return document.getElementById('sign').getBoundingClientRect().bottom")
        signed = browser.execute_script("return document.querySelectorAll('.names tbody tr').length")
        cut = browser.execute_script(CUT)
    assert end <= A4["height"]
    assert signed == 3
    assert cut == []


CUT = """
return [...document.querySelectorAll("pre, td, th, dd, h1, h2, p")].filter((element) => element.getClientRects().length
    && (element.scrollWidth > element.clientWidth + 1 || element.getBoundingClientRect().right > innerWidth + 1))
  .map((element) => element.outerHTML.slice(0, 200));
"""
"""What doesn't fit the paper's width."""


def test_sections_and_commands_are_numbered(report) -> None:
    counted = report.execute_script(
        "return [...document.querySelectorAll('section > h2')].map((h) => getComputedStyle(h, '::before').content)"
    )
    assert len(counted) >= 12
    assert set(counted) == {'counter(section) ". "'}
    assert report.execute_script("return document.querySelectorAll('#next ol > li').length") >= 3


def test_a_narrow_screen_needs_no_sideways_scrolling(report) -> None:
    report.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    width = report.execute_script("return document.documentElement.scrollWidth")
    report.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= 390
