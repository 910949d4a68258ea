"""Several reviewers on one set of pages: their own parts, second opinions without the first, disagreements settled."""

from __future__ import annotations

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from mirrorfold.transforms.publish.parts import Split
from mirrorfold.transforms.publish.publish import Options
from mirrorfold.transforms.publish.team import save_split
from mirrorfold.transforms.retain.verdicts import checked_verdict, rule_on
from mirrorfold.transforms.stores.output import open_output
from tests.browser.pages import open_review, press, settle, silent, state, text
from tests.publish.publish_archive import build_archive
from tests.publish.publish_runs import publish

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Nine clusters in two parts; Ann answered two pairs, Bo contradicted her on one."""
    archive = build_archive(tmp_path_factory.mktemp("shared"))
    waiting = [row for row in archive.rows["decisions"] if row["action"] == "review"][:2]
    words = []
    for number, row in enumerate(waiting):
        a, b = sorted((row["content_id"], row["cluster_id"]))
        said = {"content_a": a, "content_b": b, "at": "2026-11-01T00:00:00Z"}
        words.append(checked_verdict(said | {"verdict": "same", "reviewer": "Ann"}, "x"))
        if number:
            bo = {"verdict": "different", "reviewer": "Bo", "reason": "the boat moved"}
            words.append(checked_verdict(said | bo, "x"))
    save_split(open_output(archive.output), Split(2, 0.2, "folder", ("Ann", "Cy")))
    rulings = {pair: ruling.outcome for pair, ruling in rule_on(words, 2).items()}
    return publish(archive, Options(sample=0, proofs=0, thumbnails=40), rulings=rulings, said=tuple(words))


def name(browser, who: str) -> None:
    field = browser.find_element(By.ID, "reviewer")
    field.clear()
    field.send_keys(who, Keys.TAB)
    settle(browser)


def show(browser, wanted: str) -> int:
    Select(browser.find_element(By.ID, "f-state")).select_by_value(wanted)
    settle(browser)
    return len(browser.find_elements(By.CSS_SELECTOR, ".entry"))


def test_a_name_opens_its_part(browser, shared) -> None:
    open_review(browser, shared)
    assert len(browser.find_elements(By.CSS_SELECTOR, ".entry")) == 9
    seen = []
    for who in ("Cy", "ann "):
        name(browser, who)
        seen.append(len(browser.find_elements(By.CSS_SELECTOR, ".entry")))
    assert all(0 < count < 9 for count in seen)
    assert sum(seen) == 9 + 2, "two clusters are asked of both"
    assert silent(browser) == []


def test_a_second_opinion_is_given_without_the_first(browser, shared) -> None:
    open_review(browser, shared)
    name(browser, "Ann")
    assert show(browser, "second") == 0, "nobody gives a second opinion on their own"
    name(browser, "Di")
    assert show(browser, "second") == 1
    assert "1/2" in text(browser, "#queue")
    assert "Ann" not in browser.find_element(By.TAG_NAME, "main").text
    assert not browser.find_element(By.ID, "words").is_displayed()
    assert not browser.find_elements(By.CSS_SELECTOR, "#decide [aria-pressed=true]")


def test_a_third_person_settles_a_disagreement(browser, shared) -> None:
    open_review(browser, shared)
    name(browser, "Bo")
    assert show(browser, "disputed") == 1
    assert "You gave one of these answers" in text(browser, "#words")
    name(browser, "Di")
    assert show(browser, "disputed") == 1
    words = text(browser, "#words")
    assert "Ann same" in words
    assert "the boat moved" in words
    assert "2026-11-01" in words
    press(browser, "d")
    settle(browser)
    said = json.loads(exported(browser, "Di"))
    assert (said["purpose"], said["reviewer"], said["verdict"]) == ("adjudication", "Di", "different")


def exported(browser, who: str) -> str:
    return browser.execute_async_script(
        "const done = arguments[1]; mirrorfold.exchange.text(arguments[0]).then(done)", who
    )


def test_loading_a_colleagues_export_overwrites_nothing(browser, shared, tmp_path) -> None:
    open_review(browser, shared)
    name(browser, "Cy")
    press(browser, "v")
    settle(browser)
    other = json.loads(exported(browser, "Cy")) | {"verdict": "different", "reviewer": "Ann"}
    (tmp_path / "ann.jsonl").write_text(json.dumps(other))
    browser.find_element(By.ID, "import-file").send_keys(str(tmp_path / "ann.jsonl"))
    settle(browser)
    assert "1 decided here already" in text(browser, "#said")
    assert [word["verdict"] for word in state(browser).values()] == ["split"]
