"""What the tests do in a page: press keys, wait, and measure what a person would see."""

from __future__ import annotations

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

CONTRAST = """
const luminance = ([r, g, b]) => {
  const part = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
};
const pixel = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
const canvas = pixel.getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
const ground = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
  const page = rgba(getComputedStyle(document.body).backgroundColor);
  return layers.reverse().reduce((under, top) => over(top, under), page);
};
const found = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  const box = element.getBoundingClientRect();
  const style = getComputedStyle(element);
  if (!own || !box.width || !box.height || style.visibility === "hidden" || style.opacity === "0") continue;
  if (element.closest("svg, option, select, :disabled, figcaption, .top + [hidden]")) continue;
  const under = ground(element);
  const ink = over(rgba(style.color), under);
  const [light, dark] = [luminance(ink), luminance(under)].sort((a, b) => b - a);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  const ratio = (light + 0.05) / (dark + 0.05);
  const named = `${element.tagName}.${element.className}: ${element.textContent.slice(0, 40)}`;
  if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${named}`);
}
return found;
"""
"""Texts whose contrast with what lies behind them is below WCAG 2 AA (4.5, large text 3)."""

UNNAMED = """
return [...document.querySelectorAll("button, input, select, a, summary, [tabindex]")].filter((element) => {
  if (element.hidden || !element.getClientRects().length || element.id === "stage") return false;
  const labels = [...(element.labels || [])].map((label) => label.textContent).join("");
  return !(element.textContent.trim() || element.getAttribute("aria-label") || labels.trim() || element.title);
}).map((element) => element.outerHTML.slice(0, 120));
"""
"""Controls that a screen reader would have no name for."""


def dark(browser, on: bool = True) -> None:
    """Ask for the dark or the light theme as the system would."""
    value = "dark" if on else "light"
    feature = {"name": "prefers-color-scheme", "value": value}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def open_review(browser, published, fresh: bool = True) -> None:
    """Open the review pages from their folder; `fresh` forgets earlier progress."""
    url = (published.folder / "review" / "index.html").as_uri()
    browser.get(url)
    if fresh:
        browser.execute_script("localStorage.clear()")
        browser.get(url)
    wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "#metadata tr"))
    wait(browser, pictures_shown)


def pictures_shown(browser) -> bool:
    """Tell whether both pictures on the stage are painted."""
    return browser.execute_script(
        "return [...document.querySelectorAll('.layer img')].every((image) => image.complete && image.naturalWidth > 0)"
    )


def wait(browser, condition, seconds: float = 10) -> object:
    """Wait until a condition holds."""
    takes = condition.__code__.co_argcount
    return WebDriverWait(browser, seconds, 0.05).until(condition if takes else lambda _: condition())


def press(browser, keys: str) -> None:
    """Type keys at the page, as with nothing focused."""
    browser.find_element(By.TAG_NAME, "body").send_keys(keys)


def text(browser, selector: str) -> str:
    """Read an element's visible text."""
    return browser.find_element(By.CSS_SELECTOR, selector).text


def settle(browser) -> None:
    """Wait for the answer of an asynchronous step of the page."""
    browser.execute_async_script("const done = arguments[0]; setTimeout(() => requestAnimationFrame(() => done()), 60)")


def state(browser) -> dict:
    """Read the verdicts that the page holds, by pair number."""
    return {int(k): v for k, v in browser.execute_script("return mirrorfold.progress.all()")}


def silent(browser) -> list[str]:
    """Give what the browser complained of: refused scripts, missing files, errors."""
    return [entry["message"] for entry in browser.get_log("browser")]
