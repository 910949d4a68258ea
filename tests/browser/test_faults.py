"""What broke trust on a first archive, in a real browser: batches, samples, lost work, pairs without pictures."""

from __future__ import annotations

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from mirrorfold.transforms.publish.publish import Options
from tests.browser.pages import open_review, press, settle, state, text, wait
from tests.publish.publish_archive import Archive, build_archive
from tests.publish.publish_rows import add_clusters
from tests.publish.publish_runs import Published, publish

pytestmark = pytest.mark.slow


def lines(browser) -> list[dict]:
    """What an export would hold."""
    said = browser.execute_async_script(
        "const done = arguments[0]; mirrorfold.exchange.text('Ada').then((all) => done(all))"
    )
    return [json.loads(line) for line in said.splitlines()]


def show(browser, state_name: str) -> None:
    Select(browser.find_element(By.ID, "f-state")).select_by_value(state_name)
    settle(browser)


def test_no_filter_frees_what_the_policy_keeps(browser, published) -> None:
    open_review(browser, published)
    show(browser, "all")
    browser.find_element(By.ID, "batch").click()
    browser.find_element(By.ID, "batch-confirm").click()
    settle(browser)
    show(browser, "sample")
    assert "Accept all 0" in text(browser, "#batch")
    asked = {row["content_id"] for row in published.archive.rows["decisions"] if row["action"] == "review"}
    rows = lines(browser)
    assert rows
    assert all({row["content_a"], row["content_b"]} & asked for row in rows)
    assert {row["purpose"] for row in rows} == {"decision"}
    assert not any(row["seen"] for row in rows)


def test_an_answer_on_the_sample_says_so_and_counts_apart(browser, published) -> None:
    open_review(browser, published)
    show(browser, "sample")
    browser.execute_script(
        "document.querySelectorAll('.variant').forEach((b) => b.textContent.includes('recompressed') && b.click())"
    )
    settle(browser)
    assert "moves no file" in text(browser, "#why")
    assert "would free" in text(browser, "#what")
    press(browser, "a")
    settle(browser)
    (row,) = lines(browser)
    assert (row["purpose"], row["seen"]) == ("sample", True)
    assert text(browser, "#progress-text").startswith("0 of 18 pairs")
    assert "1 of 7 sample pairs" in text(browser, "#progress-text")


@pytest.fixture
def small(tmp_path) -> Archive:
    return build_archive(tmp_path)


def test_work_survives_a_colleagues_import_and_says_so(browser, small) -> None:
    options = Options(sample=0, proofs=0, thumbnails=20)
    page = publish(small, options)
    open_review(browser, page)
    for key in "d2":
        press(browser, key)
        settle(browser)
    before = lines(browser)
    # A colleague's word settles the first pair and chooses another keeper for the second.
    settled, turned = ({row["content_a"], row["content_b"]} for row in before)
    for row in small.rows["decisions"]:
        if row["content_id"] in settled and row["action"] == "review":
            row |= {"action": "keep", "rule": "verdict-different", "bytes_freed": 0, "kept_uri": None}
    small.write()
    publish(small, options)
    open_review(browser, page, fresh=False)
    assert "1 decision of yours on pairs that these pages no longer ask about" in text(browser, "#notice")
    assert "1 decision of yours was carried over" in text(browser, "#notice")
    assert [said["verdict"] for said in state(browser).values()] == ["keep-other"]
    assert sorted(map(str, lines(browser))) == sorted(map(str, before))
    # Once it is handed in, what is no longer asked about is forgotten.
    browser.find_element(By.ID, "reviewer").send_keys("Ada", Keys.ESCAPE)
    press(browser, "x")
    wait(browser, lambda: "2 decisions exported" in text(browser, "#said"))
    open_review(browser, page, fresh=False)
    assert [{row["content_a"], row["content_b"]} for row in lines(browser)] == [turned]


def test_nobody_frees_what_nobody_sees(browser, tmp_path) -> None:
    archive = Archive(tmp_path)
    add_clusters(archive, 2)
    archive.write()
    page: Published = publish(archive, Options(thumbnails=0, proofs=0, sketches=0, sample=0))
    browser.get((page.folder / "review" / "index.html").as_uri())
    browser.execute_script("localStorage.clear()")
    browser.refresh()
    wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, ".side"))
    for key in "a12":
        press(browser, key)
        settle(browser)
        assert "A picture is missing" in text(browser, "#said")
    assert state(browser) == {}
    assert not any(tick.is_enabled() for tick in browser.find_elements(By.CSS_SELECTOR, ".tick input"))
    press(browser, "v")
    settle(browser)
    assert [said["verdict"] for said in state(browser).values()] == ["split"]
