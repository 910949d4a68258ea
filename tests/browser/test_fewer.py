"""Fewer decisions: whole clusters, every answer in batches, filters by folder and by the field that conflicts."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.browser.pages import open_review, press, settle, state, text

pytestmark = pytest.mark.slow


def choose(browser, name: str, value: str) -> int:
    Select(browser.find_element(By.ID, name)).select_by_value(value)
    settle(browser)
    return len(browser.find_elements(By.CSS_SELECTOR, ".entry"))


def test_a_whole_cluster_goes_with_one_key_but_what_conflicts_in_it(browser, published) -> None:
    open_review(browser, published)
    flags = browser.execute_script("return mirrorfold.index.flags")
    item = browser.execute_script("return mirrorfold.index.item")
    sure: dict[int, list[int]] = {}
    for pair, flag in enumerate(flags):
        if not flag & 5:
            sure.setdefault(item[pair], []).append(pair)
    # The test archive has one sure variant a cluster: with one, there is nothing to gather.
    assert {len(pairs) for pairs in sure.values()} == {1}
    assert not browser.find_element(By.ID, "whole").is_displayed()
    browser.execute_script("mirrorfold.index.flags = mirrorfold.index.flags.map((flag) => flag & ~1)")
    browser.execute_script("document.querySelectorAll('.entry')[0].click()")
    settle(browser)
    browser.execute_script("document.querySelectorAll('.entry')[1].click()")
    settle(browser)
    here = browser.execute_script(
        "const at = document.querySelector('.entry[aria-current]'); return document.querySelectorAll('.variant').length"
    )
    press(browser, "c")
    settle(browser)
    said = state(browser)
    assert 2 <= len(said) <= here
    assert {word["verdict"] for word in said.values()} == {"same"}
    assert all(word["seen"] for word in said.values())
    press(browser, "u")
    settle(browser)
    assert state(browser) == {}


@pytest.mark.parametrize("answer", ["split", "different", "defer"])
def test_every_answer_in_batches(browser, published, answer: str) -> None:
    open_review(browser, published)
    browser.find_element(By.ID, "batch").click()
    Select(browser.find_element(By.ID, "batch-answer")).select_by_value(answer)
    assert "would be answered" in text(browser, "#batch-text")
    assert "free" not in text(browser, "#batch-text")
    browser.find_element(By.ID, "batch-confirm").click()
    settle(browser)
    said = state(browser)
    assert len(said) == 9
    assert {(word["verdict"], word["seen"]) for word in said.values()} == {(answer, False)}


def test_filters_by_folder_and_by_the_field_that_conflicts(browser, published) -> None:
    open_review(browser, published)
    assert choose(browser, "f-clash", "creator") < 9
    choose(browser, "f-clash", "")
    browser.find_element(By.ID, "f-text").send_keys("/Cropped/")
    settle(browser)
    count = len(browser.find_elements(By.CSS_SELECTOR, ".entry"))
    assert 0 < count < 9
    browser.find_element(By.ID, "batch").click()
    assert "“/Cropped/”" in text(browser, "#batch-text") or not browser.find_element(By.ID, "batch").is_enabled()


def test_the_most_doubtful_come_first(browser, published) -> None:
    open_review(browser, published)
    choose(browser, "f-order", "doubt")
    order = browser.execute_script(
        "const doubt = mirrorfold.index.doubt;"
        "return mirrorfold.filters.apply().map((group) => Math.max(...group.pairs.map((pair) => doubt[pair])))"
    )
    assert order == sorted(order, reverse=True)
    assert len(set(order)) > 1


def test_the_difference_has_a_gain_and_a_key_shows_every_pixel(browser, published) -> None:
    open_review(browser, published)
    press(browser, "r")
    assert browser.find_element(By.ID, "gain").is_displayed()
    assert browser.execute_script("return document.getElementById('stage').style.filter") == "brightness(4)"
    press(browser, "q9")
    scale = browser.execute_script(
        "const i = document.querySelector('#left img'); return new DOMMatrix(i.style.transform).a *"
        "Math.min(i.clientWidth / i.naturalWidth, i.clientHeight / i.naturalHeight) * devicePixelRatio"
    )
    assert scale >= 0.99
