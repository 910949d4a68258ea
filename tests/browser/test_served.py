"""Three reviewers at once on one server, in three browsers of their own."""

from __future__ import annotations

import shutil
import signal

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from mirrorfold.pipelines.finished.review_import import review_import
from mirrorfold.transforms.publish.publish import Options
from mirrorfold.transforms.retain.verdicts import read_verdicts, rule_on
from mirrorfold.transforms.stores.output import open_output
from tests.browser.conftest import CHROMIUM, DRIVER, start_chromium
from tests.browser.pages import pictures_shown, press, settle, silent, state, text, wait
from tests.publish.publish_archive import build_archive
from tests.publish.publish_runs import publish
from tests.serving.running import Server, finish, serve

pytestmark = pytest.mark.slow

NAMES = ("Ann", "Bo", "Cy")


@pytest.fixture
def three(tmp_path):
    """Three browsers, each with a profile of its own."""
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs chromium and chromedriver: make tools-browser")
    browsers = []
    try:
        for name in NAMES:
            browsers.append(start_chromium(tmp_path / f"profile-{name}", tmp_path))
        yield dict(zip(NAMES, browsers, strict=True))
    finally:
        for browser in browsers:
            browser.quit()


def look(browser, server: Server, name: str) -> None:
    browser.get(server.addresses[name])
    wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "#metadata tr"), 20)
    wait(browser, lambda: pictures_shown(browser), 20)


def saved(browser) -> None:
    wait(browser, lambda: browser.execute_script("return mirrorfold.progress.unsent() === 0"), 20)


def test_three_reviewers_at_once(three, tmp_path) -> None:
    archive = build_archive(tmp_path / "archive")
    options = Options(sample=0, proofs=0, thumbnails=0, sketches=0)
    folder = finish(archive, options)
    server = serve(folder, ",".join(NAMES))
    for name, browser in three.items():
        look(browser, server, name)
        assert "token" not in browser.current_url
        assert browser.execute_script("return document.cookie") == ""
        assert browser.find_element(By.ID, "reviewer").get_attribute("value") == name
    # No thumbnail was made beforehand: the server reads each picture when it is looked at.
    for number, key in enumerate("av"):
        for name, browser in three.items():
            press(browser, "d" if (name, number) == ("Cy", 0) else key)
            settle(browser)
    for browser in three.values():
        saved(browser)
        assert silent(browser) == []
    # A fresh look tells that others have answered; what they said shows only where people disagree.
    look(three["Ann"], server, "Ann")
    assert [said["verdict"] for said in state(three["Ann"]).values()] == ["same", "split"]
    Select(three["Ann"].find_element(By.ID, "f-state")).select_by_value("disputed")
    settle(three["Ann"])
    assert "Cy different pictures" in text(three["Ann"], "#words")
    # The server is killed; what was acknowledged is there when it comes back, and the page sends what wasn't.
    server.end(signal.SIGKILL)
    Select(three["Bo"].find_element(By.ID, "f-state")).select_by_value("waiting")
    press(three["Bo"], "l")
    settle(three["Bo"])
    wait(three["Bo"], lambda: "on the server yet" in text(three["Bo"], "#notice"))
    port = server.root.rsplit(":", 1)[1]
    server = serve(folder, ",".join(NAMES), "--port", port)
    saved(three["Bo"])
    wait(three["Bo"], lambda: "on the server yet" not in text(three["Bo"], "#notice"))
    # The run is published anew while people decide: pages load it, and the work is there.
    for row in archive.rows["decisions"][-20:]:
        if row["action"] == "review":
            row |= {"action": "keep", "rule": "verdict-different", "bytes_freed": 0, "kept_uri": None}
    shutil.rmtree(f"{folder}/decisions")
    archive.write()
    publish(archive, options)
    before = len(state(three["Cy"]))
    press(three["Cy"], "v")
    wait(three["Cy"], lambda: three["Cy"].execute_script("return mirrorfold.index.asked < 18"), 20)
    wait(three["Cy"], lambda: len(state(three["Cy"])) == before + 1, 20)
    assert server.end(signal.SIGINT) == 0
    done = review_import(folder)
    assert done.new == 3 + 4 + 1
    rulings = rule_on(read_verdicts(open_output(folder)), 1)
    assert sorted(ruling.outcome for ruling in rulings.values()).count("conflict") == 1
