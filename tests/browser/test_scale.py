"""Many clusters: the pages stay small on screen, and a decision on all of them fits into the browser's storage."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from mirrorfold.transforms.publish.publish import Options
from tests.browser.pages import open_review, settle, text
from tests.publish.publish_archive import Archive
from tests.publish.publish_rows import add_clusters
from tests.publish.publish_runs import publish

pytestmark = pytest.mark.slow

CLUSTERS = 30_000


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    archive = Archive(tmp_path_factory.mktemp("many"))
    add_clusters(archive, CLUSTERS)
    archive.write()
    return publish(archive, Options(thumbnails=0, proofs=0, sketches=100, sample=0))


def test_many_clusters_stay_usable(browser, many) -> None:
    open_review(browser, many)
    assert f"of {CLUSTERS:,} pairs" in text(browser, "#progress-text")
    assert len(browser.find_elements(By.CSS_SELECTOR, ".entry")) == 50
    assert text(browser, "#page") == f"1 of {CLUSTERS // 50:,}"
    loaded = browser.execute_script(
        "return performance.getEntriesByType('resource').filter((e) => e.name.includes('/data/items')).length"
    )
    assert loaded <= 2
    browser.find_element(By.ID, "batch").click()
    browser.find_element(By.ID, "batch-confirm").click()
    settle(browser)
    assert f"{CLUSTERS:,} of {CLUSTERS:,} pairs decided" in text(browser, "#progress-text")
    stored = browser.execute_script(
        "return Object.entries(localStorage).reduce((sum, [k, v]) => sum + k.length + v.length, 0)"
    )
    assert stored < 12 * CLUSTERS, "100,000 pairs fit into the 5 MB that a browser gives"
    open_review(browser, many, fresh=False)
    assert f"{CLUSTERS:,} of {CLUSTERS:,} pairs decided" in text(browser, "#progress-text")
    lines = browser.execute_async_script(
        "const done = arguments[0]; mirrorfold.exchange.text('Ada').then((all) => done(all.split('\\n').length - 1))"
    )
    assert lines == CLUSTERS
