"""The review of many pairs: seconds to the first picture in a browser, and what clicks of twenty reviewers cost.

    python -m benchmarks.bench_review [--pairs 1e5] [--answers 4000]

Clusters by rows alone, a photograph behind the first. The pages are published, `mirrorfold review serve` is started on
them, and a headless Chromium opens them: from the folder, and from the server, the first time and again. Then twenty
reviewers click at once as fast as the server answers. CPU seconds beside seconds by the clock: the machine may be busy.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from mirrorfold.transforms.publish.publish import Options
from tests.browser.conftest import CHROMIUM, DRIVER, start_chromium
from tests.publish.publish_archive import Archive, encode, photographs
from tests.publish.publish_rows import add_clusters
from tests.serving.running import Server, finish, serve

REVIEWERS = [f"Reviewer {number}" for number in range(20)]
WATCH = """
const look = () => {
  const images = [...document.querySelectorAll(".layer img")];
  const there = images.length && images.every((image) => image.complete && image.naturalWidth);
  if (there) window.shownAt = performance.now();
  else requestAnimationFrame(look);
};
look();
"""
"""Notes when both pictures are there, in ms from the start of loading; runs before the page's own scripts."""
SHOWN = """
const done = arguments[0];
const wait = () => (window.shownAt ? done(window.shownAt / 1000) : requestAnimationFrame(wait));
wait();
"""


def cpu_of(process: int) -> float:
    """Give the CPU seconds that a process has used so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def click(server: Server, name: str, count: int, waits: list[float]) -> None:
    """Answer as one reviewer, one pair after the other."""
    headers = {
        "Content-Type": "application/json",
        "Origin": server.root,
        "Cookie": f"mirrorfold-{server.root.rsplit(':', 1)[1]}={server.token(name)}",
    }
    for number in range(count):
        said = {"content_a": f"{2 * number:064x}", "content_b": f"{2 * number + 1:064x}", "verdict": "same"}
        body = json.dumps([said | {"seen": True}]).encode()
        asked = urllib.request.Request(f"{server.root}/answers", body, headers)
        start = time.perf_counter()
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert json.loads(answer.read())["saved"] == 1
        waits.append(time.perf_counter() - start)


def clicks(server: Server, answers: int) -> None:
    """Let twenty reviewers answer at once; print what it costs the server."""
    waits: list[float] = []
    before, start = cpu_of(server.process.pid), time.perf_counter()
    share = answers // len(REVIEWERS)
    people = [threading.Thread(target=click, args=(server, name, share, waits)) for name in REVIEWERS]
    for person in people:
        person.start()
    for person in people:
        person.join()
    took, cpu = time.perf_counter() - start, cpu_of(server.process.pid) - before
    waits.sort()
    print(
        f"{len(waits):,} answers of {len(REVIEWERS)} reviewers: {1000 * cpu / len(waits):.2f} ms CPU each, "
        f"{len(waits) / took:,.0f} a second by the clock, half within {1000 * waits[len(waits) // 2]:.0f} ms, "
        f"95 % within {1000 * waits[int(0.95 * len(waits))]:.0f} ms"
    )


def first_pictures(folder: str, server: Server, scratch: Path) -> None:
    """Open the pages in a browser; print when both pictures of the first pair are there."""
    if not CHROMIUM or not DRIVER:
        print("first picture: not measured, needs chromium and chromedriver")
        return
    browser = start_chromium(scratch / "profile", scratch)
    try:
        browser.set_script_timeout(60)
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        for name, address in (
            ("from the folder", Path(folder, "review/index.html").as_uri()),
            ("from the server", server.addresses[REVIEWERS[0]]),
            ("from the server, again", server.root),
        ):
            browser.get("about:blank")
            before = cpu_of(server.process.pid)
            browser.get(address)
            seconds = browser.execute_async_script(SHOWN)
            used = cpu_of(server.process.pid) - before
            print(f"first pictures {name}: {seconds:.2f} s" + (f" ({used:.2f} s CPU of the server)" if used else ""))
    finally:
        browser.quit()


def main() -> int:
    """Publish, serve, look and click."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=float, default=1e5)
    parser.add_argument("--answers", type=int, default=4_000)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    pairs = 5_000 if options.quick else int(options.pairs)
    scratch = Path(tempfile.mkdtemp(prefix="mirrorfold-bench-review-"))
    try:
        archive = Archive(scratch)
        add_clusters(archive, pairs)
        data = encode(photographs()["coffee"], "JPEG", quality=85)
        for number in range(2):
            archive.add_object("hk", f"{number}.jpg", data, {"content_id": f"{number:064x}"})
        archive.write()
        start = time.process_time()
        folder = finish(archive, Options(thumbnails=0, proofs=0, sketches=5_000, sample=0))
        print(f"{pairs:,} pairs published: {time.process_time() - start:.1f} s CPU")
        server = serve(folder, ",".join(REVIEWERS))
        try:
            first_pictures(folder, server, scratch)
            clicks(server, options.answers)
        finally:
            server.process.terminate()
            server.process.wait(20)
    finally:
        shutil.rmtree(scratch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
