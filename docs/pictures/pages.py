"""Photograph the demo's report and review page, in English and in Traditional Chinese (`make demo`, then this).

Needs chromium and chromedriver, as `make tools` installs them.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent.parent / "build" / "demo"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
LANGUAGES = {"en": "", "zh-Hant": "-zh-Hant"}
SETTLED = 2.0


def browser(profile: str) -> webdriver.Chrome:
    """Start a headless Chromium with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def photograph(page: webdriver.Chrome, size: tuple[int, int]) -> Image.Image:
    """Give what a window of this size shows."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    time.sleep(SETTLED)
    return Image.open(io.BytesIO(page.get_screenshot_as_png())).convert("RGB")


def main() -> None:
    """Write the four pictures."""
    with tempfile.TemporaryDirectory() as profile:
        page = browser(profile)
        try:
            for language, ending in LANGUAGES.items():
                page.get((DEMO / "report.html").as_uri())
                page.find_element(By.CSS_SELECTOR, f"label[for='in-{language}']").click()
                shown = photograph(page, (1160, 760)).quantize(128, dither=Image.Dither.NONE)
                shown.save(HERE / f"report{ending}.png", optimize=True)
                page.get((DEMO / "review" / "index.html").as_uri())
                page.execute_script("localStorage.clear()")
                choose(page, language)
                photograph(page, (1260, 900)).save(HERE / f"review{ending}.jpg", quality=82, optimize=True)
        finally:
            page.quit()


def choose(page: webdriver.Chrome, language: str) -> None:
    """Have the review page speak a language."""
    time.sleep(SETTLED)
    Select(page.find_element(By.ID, "language")).select_by_value(language)


if __name__ == "__main__":
    main()
