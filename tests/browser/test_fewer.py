"""Fewer decisions: whole clusters, every answer in batches, filters by folder and by the field that conflicts."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from mirrorfold.transforms.publish.publish import Options
from tests.browser.pages import open_review, press, settle, state, text
from tests.publish.publish_archive import Archive
from tests.publish.publish_rows import add_clusters
from tests.publish.publish_runs import publish

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
    browser.find_element(By.CSS_SELECTOR, "#more summary").click()
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


def test_filters_by_licence_place_and_name(browser, published) -> None:
    open_review(browser, published)
    browser.find_element(By.CSS_SELECTOR, "#more summary").click()
    index = browser.execute_script(
        "const { folders, folder, said, licences, jurisdictions } = mirrorfold.index;"
        "return { folders, folder, said, licences, jurisdictions }"
    )
    assert (len(index["licences"]), len(index["jurisdictions"])) == (1, 1), "nothing to choose between: no filter"
    assert not browser.find_element(By.ID, "f-licence").is_displayed()
    folder = next(name for name in index["folders"] if "/resized/" in name)
    browser.find_element(By.ID, "f-folder").send_keys(folder)
    settle(browser)
    under = {pair for pair, at in enumerate(index["folder"]) if index["folders"][at].startswith(folder)}
    shown = browser.execute_script("return mirrorfold.filters.apply().flatMap((group) => group.pairs)")
    assert set(shown) <= under
    assert len(shown) > 0
    browser.find_element(By.ID, "f-folder").clear()
    name = next(said for said in index["said"] if "astronaut" in said)
    browser.find_element(By.ID, "f-text").send_keys("ASTRONAUT")
    settle(browser)
    shown = browser.execute_script("return mirrorfold.filters.apply().flatMap((group) => group.pairs)")
    assert name
    assert 0 < len(shown) < len(index["said"])
    assert all("astronaut" in (index["said"][pair] + index["folders"][index["folder"][pair]]).lower() for pair in shown)


def test_by_collection_each_library_comes_together(browser, published) -> None:
    open_review(browser, published)
    browser.execute_script(
        "const { index } = mirrorfold; index.libraries = ['hk', 'gz']; index.groups = [[0], [1]];"
        "index.group = index.item.map((item) => item % 2)"
    )
    choose(browser, "f-order", "library")
    order = browser.execute_script(
        "const { group } = mirrorfold.index; return mirrorfold.filters.apply().map((one) => group[one.pairs[0]])"
    )
    assert order == sorted(order, reverse=True), "gz before hk"
    assert set(order) == {0, 1}


@pytest.mark.parametrize("scope", ["cluster", "family"])
def test_a_batch_of_a_cluster_or_family_leaves_the_others_alone(browser, published, scope: str) -> None:
    open_review(browser, published)
    families = browser.execute_script(
        "const at = document.querySelectorAll('.entry').length; mirrorfold.index.families[1] = "
        "mirrorfold.index.families[0]; return at"
    )
    assert families > 2
    browser.find_element(By.ID, "batch").click()
    Select(browser.find_element(By.ID, "batch-answer")).select_by_value("split")
    Select(browser.find_element(By.ID, "batch-scope")).select_by_value(scope)
    browser.find_element(By.ID, "batch-confirm").click()
    settle(browser)
    item = browser.execute_script("return mirrorfold.index.item")
    touched = {item[pair] for pair in state(browser)}
    assert touched == ({0} if scope == "cluster" else {0, 1})


def test_in_the_grid_a_tick_is_a_picture_that_stays(browser, published) -> None:
    open_review(browser, published)
    browser.execute_script("document.querySelectorAll('.entry')[1].click()")
    settle(browser)
    press(browser, "g")
    settle(browser)
    tiles = browser.find_elements(By.CSS_SELECTOR, "#grid .tile[data-pair]")
    ticks = [tile.find_element(By.TAG_NAME, "input").is_selected() for tile in tiles]
    clashes = [bool(tile.find_elements(By.CSS_SELECTOR, ".flag")) for tile in tiles]
    assert len(tiles) >= 2
    assert ticks == clashes, "what conflicts stays unless somebody says otherwise"
    assert not browser.find_element(By.ID, "stage").is_displayed()
    going = ticks.index(False)
    press(browser, str(going + 1))
    settle(browser)
    press(browser, "c")
    settle(browser)
    said = state(browser)
    assert {word["verdict"] for word in said.values()} == {"split"}
    assert len(said) == len(tiles)
    assert all(word["seen"] for word in said.values())
    press(browser, "u")
    settle(browser)
    assert state(browser) == {}


SAY = """
const [kind, count, verdict, other] = arguments;
const { index, progress } = mirrorfold;
index.kind = index.kind.map((_, pair) => (pair < kind ? 0 : 1));
index.flags = index.flags.map(() => 0);
index.count = index.kind.length;
const at = "2026-11-29T00:00:00Z";
const word = (pair, said) => [pair, {verdict: said, reason: "", reviewer: "Ann", at, seen: true}];
progress.put([...Array(count).keys()].map((pair) => word(pair, verdict)));
if (other) progress.put([word(count, other)]);
return mirrorfold.rules.propose();
"""


@pytest.mark.parametrize(
    ("answers", "other", "found"),
    [(7, None, 0), (8, None, 1), (10, None, 1), (10, "same", 0)],
    ids=["too few", "eight alike", "ten alike", "one otherwise"],
)
def test_a_rule_is_proposed_only_when_every_answer_was_alike(browser, many, answers: int, other, found: int) -> None:
    open_review(browser, many)
    rules = browser.execute_script(SAY, 20, answers, "split", other)
    anywhere = [rule for rule in rules if rule["folder"] < 0]
    assert len(anywhere) == found
    for rule in anywhere:
        assert (rule["n"], rule["answer"]) == (answers, "split")
        assert len(rule["pairs"]) == 20 - answers
        assert (1 - rule["bound"]) ** answers == pytest.approx(0.05)


def test_a_rule_is_shown_with_its_bound_before_it_is_taken(browser, many) -> None:
    open_review(browser, many)
    browser.execute_script(SAY, 20, 10, "split", None)
    press(browser, "j")
    browser.find_element(By.ID, "f-bytes").send_keys("a")
    Select(browser.find_element(By.ID, "f-state")).select_by_value("undecided")
    settle(browser)
    assert "25.9 %" in text(browser, "#rules")
    before = len(state(browser))
    browser.find_element(By.CSS_SELECTOR, "#rules .take").click()
    assert "25.9 %" in text(browser, "#batch-bound")
    assert len(state(browser)) == before
    browser.find_element(By.ID, "batch-confirm").click()
    settle(browser)
    taken = [word for word in state(browser).values() if not word["seen"]]
    assert len(taken) == 10
    assert all(word["verdict"] == "split" and word["reason"].startswith("rule: ") for word in taken)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    archive = Archive(tmp_path_factory.mktemp("many"))
    add_clusters(archive, 40)
    archive.write()
    return publish(archive, Options(thumbnails=0, proofs=0, sketches=100, sample=0))
