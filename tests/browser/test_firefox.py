"""The pages in Debian's Firefox: driven over WebDriver BiDi, which it speaks by itself, with no driver beside it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path

import aiohttp
import pytest

from tests.servers import free_port

pytestmark = pytest.mark.slow

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
SHOWN = """
(async () => {
  for (let tries = 0; tries < 200; tries++) {
    const images = [...document.querySelectorAll(".layer img")];
    if (document.querySelector("#metadata tr") && images.every((image) => image.complete && image.naturalWidth)) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  const keys = "iad".split("");
  for (const key of keys) {
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await new Promise((done) => setTimeout(done, 300));
  }
  const text = (id) => document.getElementById(id).textContent;
  return JSON.stringify({
    pictures: [...document.querySelectorAll(".layer img")].filter((image) => image.naturalWidth).length,
    entries: document.querySelectorAll(".entry").length,
    progress: text("progress-text"),
    verdicts: mirrorfold.progress.all().map(([, said]) => said.verdict),
    kept: Object.keys(localStorage).length,
    looks: [...document.querySelectorAll(".looks span")].map((one) => one.textContent),
    wide: document.documentElement.scrollWidth <= innerWidth,
  });
})()
"""
REPORT = """
JSON.stringify({
  title: document.querySelector("h1").textContent.trim(),
  wide: document.documentElement.scrollWidth <= innerWidth,
  bar: document.querySelector(".bar rect").getBoundingClientRect().height > 5,
})
"""


class Tab:
    """One tab of a running Firefox."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse):
        self.socket, self.numbers, self.context = socket, itertools.count(1), ""

    async def call(self, method: str, **parameters) -> dict:
        number = next(self.numbers)
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = await asyncio.wait_for(self.socket.receive_json(), 60)
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                return answer["result"]

    async def open(self, address: str) -> None:
        await self.call("browsingContext.navigate", context=self.context, url=address, wait="complete")

    async def say(self, script: str) -> dict:
        """Run a script that gives JSON."""
        found = await self.call(
            "script.evaluate", expression=script, target={"context": self.context}, awaitPromise=True
        )
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])


@contextlib.asynccontextmanager
async def firefox(profile: Path):
    port = free_port()
    command = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        async with aiohttp.ClientSession() as session:
            for _ in range(300):
                with contextlib.suppress(aiohttp.ClientError):
                    socket = await session.ws_connect(f"ws://127.0.0.1:{port}/session", max_msg_size=0)
                    break
                await asyncio.sleep(0.2)
            else:
                raise AssertionError("Firefox didn't answer")
            tab = Tab(socket)
            await tab.call("session.new", capabilities={})
            tab.context = (await tab.call("browsingContext.getTree"))["contexts"][0]["context"]
            yield tab
            await socket.close()
    finally:
        process.terminate()
        process.wait(30)


async def look(folder: Path, profile: Path, pictures: Path) -> tuple[dict, dict]:
    async with firefox(profile) as tab:
        await tab.call("browsingContext.setViewport", context=tab.context, viewport={"width": 1440, "height": 900})
        await tab.open((folder / "review" / "index.html").as_uri())
        review = await tab.say(SHOWN)
        shot = await tab.call("browsingContext.captureScreenshot", context=tab.context)
        (pictures / "review.png").write_bytes(base64.b64decode(shot["data"]))
        await tab.call("browsingContext.setViewport", context=tab.context, viewport={"width": 500, "height": 800})
        await tab.open((folder / "report.html").as_uri())
        return review, await tab.say(REPORT)


def test_review_and_report_work_in_firefox(published, tmp_path) -> None:
    if FIREFOX is None:
        if os.environ.get("CI") == "true":
            raise AssertionError("needs firefox-esr: make tools-browser")
        pytest.skip("needs firefox-esr: make tools-browser")
    (tmp_path / "profile").mkdir()
    review, report = asyncio.run(look(published.folder, tmp_path / "profile", tmp_path))
    assert review["pictures"] == 2
    assert review["entries"] > 5
    assert review["progress"].startswith("2 of ")
    assert review["verdicts"] == ["same", "different"]
    assert review["kept"] > 1, "decisions are kept in a page from a folder too"
    assert all("sharpness" in text for text in review["looks"])
    assert review["wide"]
    assert "can be freed now" in report["title"]
    assert report["wide"]
    assert report["bar"]
