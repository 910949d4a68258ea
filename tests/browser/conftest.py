"""A headless Chromium that opens published runs from their folder, as people do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from selenium import webdriver

from mirrorfold.transforms.publish.publish import Options
from tests.publish.publish_archive import build_archive
from tests.publish.publish_runs import Published, publish

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def start_chromium(profile: Path, downloads: Path) -> webdriver.Chrome:
    """Start a headless Chromium with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1400,1000"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Published:
    archive = build_archive(tmp_path_factory.mktemp("published"))
    return publish(archive, Options(sample=100))


@pytest.fixture(scope="session")
def downloads(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory, downloads: Path):
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs chromium and chromedriver: make tools-browser")
    driver = start_chromium(tmp_path_factory.mktemp("profile"), downloads)
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium):
    """The same Chromium with nothing remembered of earlier tests."""
    chromium.get("about:blank")
    yield chromium
    chromium.execute_script("try { localStorage.clear() } catch { }")
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chromium.get_log("browser")
