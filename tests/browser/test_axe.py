"""Both pages under axe-core: no violation of WCAG 2 A or AA, in both themes and every language."""

from __future__ import annotations

from importlib.resources import files

import axe_core_python
import pytest
from selenium.webdriver.support.ui import Select

from mirrorfold.transforms.publish.languages import LANGUAGES
from tests.browser.pages import dark, open_review, press, settle

pytestmark = pytest.mark.slow

AXE = (files(axe_core_python) / "axe.min.js").read_text(encoding="utf-8")
RUN = """
const done = arguments[0];
axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }).then(
  (found) => done(found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)}`))),
  (error) => done([String(error)]));
"""


def violations(browser) -> list[str]:
    browser.execute_script(AXE)
    return browser.execute_async_script(RUN)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_has_no_violation(browser, published, theme: str, language: str) -> None:
    dark(browser, theme == "dark")
    browser.get((published.folder / "report.html").as_uri())
    browser.execute_script(f"document.getElementById('in-{language}').checked = true")
    assert violations(browser) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("keys", ["", "g", "rh", "?"], ids=["side by side", "grid", "heat map", "help"])
def test_the_review_pages_have_no_violation(browser, published, theme: str, language: str, keys: str) -> None:
    dark(browser, theme == "dark")
    open_review(browser, published)
    Select(browser.find_element("id", "language")).select_by_value(language)
    press(browser, "j")
    for key in keys:
        press(browser, key)
    settle(browser)
    assert violations(browser) == []
