"""The demo's archive decided by keys in a browser: half as many as pairs, and nothing goes that its truth keeps."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from demo.archive import build, write_folder
from tests.browser.pages import open_review, press, settle, state, text
from tests.browser.test_round_trip import mirrorfold
from tests.publish.publish_runs import Published

pytestmark = pytest.mark.slow

KEPT_VARIANTS = ("/crops/", "/retouched/", "/grey/", "/burst/", "/relabelled/")
"""What a curator keeps beside the original, by where demo.archive puts it; the rest are copies of it."""

POLICY = """
version: 1
scopes:
  - {name: hk, libraries: [hk], jurisdiction: HK}
  - {name: gz, libraries: [gz], jurisdiction: CN}
keep_order: [protected, master, {by: scope, prefer: [hk, gz]}, pixels, bit_depth, lossless, metadata_richness, uri]
review: {min_bytes_freed: 0}
"""

HERE = """
const group = document.querySelector(".entry[aria-current]");
const tiles = [...document.querySelectorAll("#grid .tile[data-pair]")];
return {grid: !document.getElementById("grid-view").hidden,
    tiles: tiles.map((tile) => [Number(tile.dataset.pair), tile.querySelector("input").checked]),
    paths: [...document.querySelectorAll("#sides .side:nth-child(2) .path")].map((path) => path.textContent)};
"""
PLACES = """
const [pair, done] = arguments;
mirrorfold.loadItem(mirrorfold.index.item[pair]).then((item) => {
  const one = item.pairs.find((other) => other.n === pair);
  done(item.contents[one.other].at.map((place) => place[0]));
});
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    for name, files in zip(("hk", "gz"), build(), strict=True):
        write_folder(files, root / name)
    (root / "policy.yaml").write_text(POLICY)
    sources = [f"{name}={root / name}" for name in ("hk", "gz")]
    mirrorfold("run", *sources, "--policy", str(root / "policy.yaml"), "--output", str(root / "out"))
    return Published(None, root / "out")


def stays(browser, pair: int) -> bool:
    """Tell what the archive's truth says of a pair's variant."""
    return any(part in place for place in browser.execute_async_script(PLACES, pair) for part in KEPT_VARIANTS)


def test_half_the_keys_and_no_wrong_disposition(browser, demo) -> None:
    open_review(browser, demo)
    pairs = browser.execute_script("return mirrorfold.index.work.pairs")
    assert pairs >= 100
    keys = 1
    press(browser, "g")
    settle(browser)
    while len(state(browser)) < pairs:
        before = len(state(browser))
        here = browser.execute_script(HERE)
        if here["grid"]:
            for number, (pair, ticked) in enumerate(here["tiles"], 1):
                if ticked is not stays(browser, pair):
                    keys += 1
                    if number > 9:
                        browser.find_element(By.CSS_SELECTOR, f".tile[data-pair='{pair}'] input").click()
                    else:
                        press(browser, str(number))
            press(browser, "c")
        else:
            pair = browser.execute_script("return mirrorfold.shown()")
            press(browser, "v" if stays(browser, pair) else "a")
        keys += 1
        settle(browser)
        assert len(state(browser)) > before, text(browser, "#said")
    wrong = [
        pair
        for pair, said in state(browser).items()
        if (said["verdict"] == "same") is stays(browser, pair) or not said["seen"]
    ]
    assert wrong == []
    print(f"{pairs} pairs, {keys} keys")
    assert 2 * keys <= pairs
