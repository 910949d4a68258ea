"""The review pages driven as a curator would: compare, decide by keyboard, export, come back."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from mirrorfold.transforms.retain.verdicts import parse_verdicts
from tests.browser.pages import (
    CONTRAST,
    UNNAMED,
    dark,
    open_review,
    pictures_shown,
    press,
    settle,
    silent,
    state,
    text,
    wait,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def review(browser, published):
    open_review(browser, published)
    return browser


def exported(review, downloads: Path) -> list[dict]:
    for old in downloads.glob("*.jsonl"):
        old.unlink()
    press(review, "x")
    wait(review, lambda: list(downloads.glob("*.jsonl")))
    time.sleep(0.1)
    (path,) = downloads.glob("*.jsonl")
    parse_verdicts(path.read_bytes(), path.name)
    return [json.loads(line) for line in path.read_text().splitlines()]


def reviewer(review, name: str = "Ada") -> None:
    field = review.find_element(By.ID, "reviewer")
    field.send_keys(name, Keys.ESCAPE)


def test_opens_from_a_folder_with_the_largest_cluster(review, published) -> None:
    assert "of 18 pairs decided" in text(review, "#progress-text")
    assert "0 of 7 sample pairs" in text(review, "#progress-text")
    sizes = [element.text for element in review.find_elements(By.CSS_SELECTOR, ".entry .size")]
    assert len(sizes) == 9
    assert text(review, "#what").startswith("probable")
    assert silent(review) == []


def test_the_metadata_diff_marks_conflicts_first(review) -> None:
    rows = review.find_elements(By.CSS_SELECTOR, "#metadata tr")
    assert rows[0].get_attribute("class") == "conflict"
    assert rows[0].find_element(By.TAG_NAME, "th").text == "Creator"
    assert [row.get_attribute("class") for row in rows] == sorted(
        (row.get_attribute("class") for row in rows), key=["conflict", "differs", ""].index
    )


def test_paths_and_actions_are_visible(review) -> None:
    places = text(review, "#sides")
    assert "masters/motorcycle_left.png" in places
    assert "inbox/motorcycle_left-copy.png" in places
    assert "free now" in places


def test_zoom_and_pan_move_both_pictures_together(review) -> None:
    press(review, "++")
    transforms = review.execute_script(
        "return [...document.querySelectorAll('.layer img')].map((i) => i.style.transform)"
    )
    assert transforms[0] == transforms[1]
    assert "scale(1.96)" in transforms[0]
    press(review, Keys.SHIFT + Keys.ARROW_LEFT + Keys.NULL)
    moved = review.execute_script("return [...document.querySelectorAll('.layer img')].map((i) => i.style.transform)")
    assert moved[0] == moved[1] != transforms[0]
    press(review, "0")
    assert "translate(0px, 0px) scale(1)" in review.execute_script(
        "return document.querySelector('#left img').style.transform"
    )


@pytest.mark.parametrize(("key", "mode"), [("q", "side"), ("w", "slider"), ("e", "flicker"), ("r", "difference")])
def test_four_ways_to_compare(review, key: str, mode: str) -> None:
    press(review, key)
    assert review.find_element(By.ID, "stage").get_attribute("data-mode") == mode
    pressed = [
        b.get_attribute("data-mode") for b in review.find_elements(By.CSS_SELECTOR, "#modes [aria-pressed=true]")
    ]
    assert pressed == [mode]


def test_the_right_picture_turns_through_every_symmetry(review) -> None:
    turned = [review.execute_script("return document.querySelector('#right img').style.transform")]
    for _ in range(8):
        press(review, "o")
        turned.append(review.execute_script("return document.querySelector('#right img').style.transform"))
    assert len(set(turned)) == 8
    assert turned[0] == turned[8]
    assert "rotate" not in review.execute_script("return document.querySelector('#left img').style.transform")


def test_the_slider_moves_by_keyboard(review) -> None:
    press(review, "w")
    before = review.execute_script("return document.getElementById('right').style.clipPath")
    press(review, Keys.ARROW_RIGHT)
    assert review.execute_script("return document.getElementById('right').style.clipPath") != before


def test_flicker_never_shows_a_blank_frame(review) -> None:
    """Sample every frame while pictures flicker and questions change: something decoded always covers the stage."""
    press(review, "e")
    review.execute_script(
        """window.blank = 0; window.frames_ = 0;
        const look = () => {
          window.frames_ += 1;
          const layers = [...document.querySelectorAll(".layer")];
          const painted = layers.some((layer) => {
            const image = layer.querySelector("img");
            return image.complete && image.naturalWidth > 0 && getComputedStyle(layer).opacity === "1";
          });
          if (!painted) window.blank += 1;
          if (window.frames_ < 600) requestAnimationFrame(look);
        };
        requestAnimationFrame(look);"""
    )
    for _ in range(12):
        press(review, " ")
        press(review, "j")
        settle(review)
    frames, blank = review.execute_script("return [window.frames_, window.blank]")
    assert frames > 20
    assert blank == 0


def test_the_difference_of_equal_pixels_is_black(review) -> None:
    assert review.execute_script("return getComputedStyle(document.getElementById('right')).mixBlendMode") == "normal"
    press(review, "r")
    assert (
        review.execute_script("return getComputedStyle(document.getElementById('right')).mixBlendMode") == "difference"
    )


def test_decides_by_keyboard_and_exports_what_the_import_takes(review, downloads, published) -> None:
    reviewer(review)
    for key in "a2vdl":
        press(review, key)
        settle(review)
    assert [said["verdict"] for said in state(review).values()] == ["same", "keep-other", "split", "different", "defer"]
    rows = exported(review, downloads)
    assert [set(row) for row in rows] == [
        {"content_a", "content_b", "verdict", "reviewer", "reason", "at", "seen", "purpose"}
    ] * 5
    assert {row["reviewer"] for row in rows} == {"Ada"}
    ids = review.execute_async_script(
        """const done = arguments[0];
        Promise.all([0, 1].map((n) => mirrorfold.loadIds(n))).then(done);"""
    )
    assert [[row["content_a"], row["content_b"]] for row in rows[:2]] == [pair[:2] for pair in ids]
    assert rows[1]["verdict"] == ("keep-a" if ids[1][2] else "keep-b")
    queue = {(row["content_a"], row["content_b"]) for row in rows}
    assert all(a < b for a, b in queue)


def test_an_export_needs_a_reviewer(review) -> None:
    press(review, "a")
    settle(review)
    press(review, "x")
    assert "names its reviewer" in text(review, "#said")
    assert review.switch_to.active_element.get_attribute("id") == "reviewer"


def test_progress_survives_a_reload_and_undo_takes_it_back(review, published) -> None:
    press(review, "a")
    settle(review)
    press(review, "d")
    settle(review)
    open_review(review, published, fresh=False)
    assert [said["verdict"] for said in state(review).values()] == ["same", "different"]
    assert "2 of 18 pairs decided" in text(review, "#progress-text")
    press(review, "a")
    settle(review)
    press(review, "u")
    settle(review)
    assert len(state(review)) == 2


def test_without_storage_it_works_and_says_so(review, published) -> None:
    source = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError') } })"
    )
    added = review.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    try:
        review.get((published.folder / "review" / "index.html").as_uri())
        wait(review, lambda: review.find_elements(By.CSS_SELECTOR, "#metadata tr"))
        assert "Export before you close it" in text(review, "#notice")
        press(review, "a")
        settle(review)
        assert len(state(review)) == 1
    finally:
        review.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": added["identifier"]})
        review.execute_script("mirrorfold.progress.undo()")


def test_the_last_survivor_cannot_be_unticked(review) -> None:
    ticks = lambda: review.find_elements(By.CSS_SELECTOR, ".tick input")  # noqa: E731 - elements go stale on redraw
    # The sixth cluster has one variant: two files, of which one must stay.
    review.execute_script("document.querySelectorAll('.entry')[5].click()")
    settle(review)
    ticks()[1].click()
    settle(review)
    assert [tick.is_selected() for tick in ticks()] == [True, False]
    assert not ticks()[0].is_enabled()
    assert "can't be unticked" in review.find_element(By.CSS_SELECTOR, ".tick").get_attribute("title")
    ticks()[1].click()
    settle(review)
    ticks()[0].click()
    settle(review)
    assert [tick.is_selected() for tick in ticks()] == [False, True]
    assert not ticks()[1].is_enabled()


def test_no_answer_leaves_a_cluster_without_a_copy(review) -> None:
    """Press verdicts at random: every cluster keeps a file."""
    for key in "a2a22aaa21a2a1221aa2aa12":
        press(review, key)
        settle(review)
    gone = review.execute_async_script(
        """const done = arguments[0];
        const all = [...Array(mirrorfold.index.items).keys()];
        Promise.all(all.map(mirrorfold.loadItem)).then((items) => done(items.map((item) => {
          const out = new Set();
          for (const pair of item.pairs) {
            const said = mirrorfold.progress.get(pair.n)?.verdict;
            if (said === "same" || said === "keep-kept") out.add(pair.other);
            if (said === "keep-other") out.add(pair.kept);
          }
          return [out.size, item.contents.length];
        })));"""
    )
    assert all(out < contents for out, contents in gone)


def test_filters_narrow_and_batch_accepts_what_they_show(review, downloads) -> None:
    reviewer(review)
    Select(review.find_element(By.ID, "f-tier")).select_by_visible_text("near-certain")
    Select(review.find_element(By.ID, "f-library")).select_by_visible_text("gz-mirror")
    settle(review)
    button = review.find_element(By.ID, "batch")
    assert button.text == "Accept all 9 in this filter …"
    button.click()
    said = text(review, "#batch-dialog")
    assert "9 undecided pairs in 9 clusters" in said
    assert "gz-mirror" in said
    assert "near-certain" in said
    review.find_element(By.ID, "batch-confirm").click()
    settle(review)
    assert {entry["verdict"] for entry in state(review).values()} == {"same"}
    rows = exported(review, downloads)
    assert len(rows) == 9
    assert not any(row["seen"] for row in rows)
    assert rows[0]["reason"] == "batch: gz-mirror · near-certain"
    press(review, "u")
    settle(review)
    assert state(review) == {}


def test_batch_leaves_conflicts_to_people(review) -> None:
    review.find_element(By.ID, "batch").click()
    said = text(review, "#batch-dialog")
    assert "9 undecided pairs" in said
    assert "Left out: 9 pairs whose metadata conflict, or with something that the kept copy lacks" in said
    review.find_element(By.ID, "batch-cancel").click()
    assert state(review) == {}


def test_an_export_can_be_loaded_again(review, downloads, published) -> None:
    reviewer(review)
    for key in "a2d":
        press(review, key)
        settle(review)
    before = state(review)
    exported(review, downloads)
    (path,) = downloads.glob("*.jsonl")
    open_review(review, published)
    assert state(review) == {}
    review.find_element(By.ID, "import-file").send_keys(str(path))
    wait(review, lambda: "3 decisions loaded" in text(review, "#said"))
    assert {n: said["verdict"] for n, said in state(review).items()} == {
        n: said["verdict"] for n, said in before.items()
    }


def test_a_bad_import_changes_nothing(review, tmp_path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"content_a": "x", "verdict": "same"}\n{"verdict": "explode"}\n')
    review.find_element(By.ID, "import-file").send_keys(str(tmp_path / "bad.jsonl"))
    wait(review, lambda: "Line 2" in text(review, "#said"))
    assert state(review) == {}


def test_help_lists_the_keys_and_escape_closes_it(review) -> None:
    press(review, "?")
    assert review.find_element(By.ID, "help").is_displayed()
    assert "Keep both" in text(review, "#help-keys")
    review.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not review.find_element(By.ID, "help").is_displayed()


def test_typing_a_reason_decides_nothing(review) -> None:
    field = review.find_element(By.ID, "reason")
    field.send_keys("a better scan, said D")
    assert state(review) == {}
    field.send_keys(Keys.ESCAPE)
    press(review, "a")
    settle(review)
    assert [said["reason"] for said in state(review).values()] == ["a better scan, said D"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
def test_contrast_is_aa_and_everything_is_named(review, theme: str, language: str) -> None:
    dark(review, theme == "dark")
    Select(review.find_element(By.ID, "language")).select_by_value(language)
    settle(review)
    assert review.execute_script(CONTRAST) == []
    assert review.execute_script(UNNAMED) == []
    assert review.execute_script("return document.documentElement.lang") == language
    assert silent(review) == []


def test_every_control_is_reached_with_tab(review) -> None:
    seen = set()
    for _ in range(90):
        review.switch_to.active_element.send_keys(Keys.TAB)
        seen.add(
            review.switch_to.active_element.get_attribute("id")
            or review.switch_to.active_element.get_attribute("data-verdict")
        )
    assert {"reviewer", "language", "theme", "help-open", "export", "f-library", "f-state", "batch", "stage"} <= seen
    assert {"same", "keep-other", "split", "different", "defer", "undo", "on"} <= seen


def test_a_lost_shard_says_which_file_is_missing(review, published, tmp_path) -> None:
    path = published.folder / "review" / "data" / "items-00000.js"
    kept = path.read_bytes()
    path.unlink()
    try:
        review.get((published.folder / "review" / "index.html").as_uri())
        wait(review, lambda: "data/items-00000.js" in text(review, "#notice"))
    finally:
        path.write_bytes(kept)


def test_pictures_are_shown_side_by_side(review) -> None:
    assert pictures_shown(review)
    sizes = review.execute_script(
        "return [...document.querySelectorAll('.layer img')].map((i) => [i.naturalWidth, i.clientWidth])"
    )
    assert all(natural >= 256 and shown > 400 for natural, shown in sizes)
