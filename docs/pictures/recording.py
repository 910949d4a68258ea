"""Record docs/pictures/first-run.svg: a terminal in which mirrorfold runs over the demo's folders, from a real run.

The program runs in a pseudo-terminal; what it prints, and when, becomes an animated SVG that needs no
script. A longer run is shown faster, and the picture says how many times; nothing else is changed.
"""

from __future__ import annotations

import codecs
import html
import itertools
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyte

from demo.archive import build, write_folder

HERE = Path(__file__).resolve().parent
PLACE = Path("/tmp/first-run")
COLUMNS, ROWS = 92, 42
COMMAND = "mirrorfold run hk=hk-archive gz=gz-mirror --output out --policy policy.yaml"
TYPED, SHOWN, LAST_WAIT, APART = 2.0, 14.0, 8.0, 0.5
"""Seconds: until the command is typed; that the run is shown for, at most; of the last screen; between two screens."""
WIDTH, HEIGHT, SIZE = 8.43, 18, 14
COLOURS = {
    "default": "#d7dde2", "green": "#5fd38d", "brown": "#e6c15c", "red": "#ff7b72", "cyan": "#6cd4e4",
    "blue": "#79b8ff", "magenta": "#d2a8ff", "white": "#ffffff", "black": "#6a737d", "brightblack": "#8b949e",
    "brightgreen": "#5fd38d",
}  # fmt: skip

Screen = list[list[tuple[str, str, bool]]]
"""Each line's runs of text with a colour and weight."""


def record(command: list[str], folder: Path) -> Iterator[tuple[float, bytes]]:
    """Run a program in a terminal; give what it prints with the seconds since its start."""
    mine, its = pty.openpty()
    terminal = {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS), "PYTHONWARNINGS": "ignore"}
    place = os.environ | terminal
    start = time.monotonic()
    program = subprocess.Popen(command, cwd=folder, env=place, stdin=its, stdout=its, stderr=its, close_fds=True)
    os.close(its)
    while True:
        if select.select([mine], [], [], 0.1)[0]:
            try:
                data = os.read(mine, 65536)
            except OSError:  # the terminal's other end is closed
                data = b""
            if not data:
                break
            yield time.monotonic() - start, data
    os.close(mine)
    if program.wait():
        raise SystemExit(f"{command[0]} ended with {program.returncode}")


def screens(recorded: Iterator[tuple[float, bytes]]) -> Iterator[tuple[float, Screen]]:
    """Give each screen that differs from the one before, with the seconds at which it came."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream, decoder = pyte.Stream(screen), codecs.getincrementaldecoder("utf-8")("replace")
    last: Screen = []
    for at, data in recorded:
        stream.feed(decoder.decode(data))
        now = [_runs(screen.buffer[row]) for row in range(ROWS)]
        if now != last:
            yield at, now
            last = now


def _runs(line) -> list[tuple[str, str, bool]]:
    runs: list[tuple[str, str, bool]] = []
    for column in range(COLUMNS):
        cell = line[column]
        colour = cell.fg if cell.fg in COLOURS or len(cell.fg) == 6 else "default"
        if runs and runs[-1][1:] == (colour, cell.bold):
            runs[-1] = (runs[-1][0] + cell.data, colour, cell.bold)
        else:
            runs.append((cell.data, colour, cell.bold))
    return runs


def paced(found: list[tuple[float, Screen]]) -> tuple[float, list[tuple[float, Screen]]]:
    """Give how many times as fast it is shown, and screens with the seconds for which each stays."""
    speed = max(1.0, (found[-1][0] - TYPED) / SHOWN)
    kept: list[tuple[float, Screen]] = []
    for at, screen in found:
        at = min(at, TYPED) + max(0.0, at - TYPED) / speed
        if kept and kept[-1][0] > TYPED and at - kept[-1][0] < APART:
            kept[-1] = (kept[-1][0], screen)
        else:
            kept.append((at, screen))
    waits = [after[0] - before[0] for before, after in itertools.pairwise(kept)]
    return speed, [(wait, screen) for wait, (_, screen) in zip([*waits, LAST_WAIT], kept, strict=True)]


def draw(speed: float, shown: list[tuple[float, Screen]]) -> str:
    """Draw screens one after the other as an SVG; a line that many screens have is written once."""
    total = sum(wait for wait, _ in shown)
    rows = max(row for _, screen in shown for row, line in enumerate(screen) if _text(line).strip()) + 1
    width, height = COLUMNS * WIDTH + 32, rows * HEIGHT + 60
    lines: dict[str, int] = {}
    frames = "".join(_frame(number, screen, lines) for number, (_, screen) in enumerate(shown))
    at = itertools.accumulate((wait for wait, _ in shown), initial=0.0)
    rules = [
        _rule(n, 100 * start / total, 100 * stop / total, total)
        for n, (start, stop) in enumerate(itertools.pairwise(at))
    ]
    defined = "".join(f'<text id="l{number}">{line}</text>' for line, number in lines.items())
    still = f".f{len(shown) - 1}{{visibility:visible}}"
    said = f", {speed:.0f} times as fast" if speed >= 1.5 else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        'aria-label="A terminal: mirrorfold runs over two folders and says what it found">'
        f"<style>text{{font:{SIZE}px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}}"
        f"{''.join(rules)}@media (prefers-reduced-motion:reduce){{g{{animation:none!important}}{still}}}</style>"
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="9" fill="#161b22"/>'
        '<circle cx="20" cy="18" r="5.5" fill="#ff5f57"/><circle cx="38" cy="18" r="5.5" fill="#febc2e"/>'
        '<circle cx="56" cy="18" r="5.5" fill="#28c840"/>'
        f'<text x="{width / 2:.0f}" y="22" text-anchor="middle" fill="#8b949e">the demo\'s folders{said}</text>'
        f"<defs>{defined}</defs>{frames}</svg>\n"
    )


def _rule(number: int, start: float, stop: float, total: float) -> str:
    """Show one screen from one percentage of the time to another."""
    after = f"{stop:.2f}%,100%{{visibility:hidden}}" if stop < 99.99 else "100%{visibility:visible}"
    before = f"0%,{start - 0.01:.2f}%{{visibility:hidden}}" if start > 0 else ""
    return (
        f"@keyframes k{number}{{{before}{start:.2f}%{{visibility:visible}}{after}}}"
        f".f{number}{{visibility:hidden;animation:k{number} {total:.1f}s step-end infinite}}"
    )


def _frame(number: int, screen: Screen, lines: dict[str, int]) -> str:
    uses = []
    for row, runs in enumerate(screen):
        if _text(runs).strip():
            name = lines.setdefault(_line(runs), len(lines))
            uses.append(f'<use href="#l{name}" y="{50 + row * HEIGHT}"/>')
    return f'<g class="f{number}">{"".join(uses)}</g>'


def _text(line: list[tuple[str, str, bool]]) -> str:
    return "".join(text for text, _, _ in line)


def _line(line: list[tuple[str, str, bool]]) -> str:
    parts, column = [], 0
    for text, colour, bold in line:
        if text.strip():
            fill = COLOURS.get(colour, f"#{colour}")
            # Each run begins where its column does, and is as long as its columns: whatever font stands in.
            parts.append(
                f'<tspan x="{16 + column * WIDTH:.1f}" fill="{fill}" textLength="{len(text.rstrip()) * WIDTH:.1f}"'
                f"{' font-weight=' + chr(34) + '700' + chr(34) if bold else ''}>{html.escape(text.rstrip())}</tspan>"
            )
        column += len(text)
    return "".join(parts)


def typed() -> list[tuple[float, bytes]]:
    """Give the prompt, and the command a word at a time."""
    words = COMMAND.split(" ")
    steps = [(0.4 + TYPED * 0.6 * n / len(words), f"{word} ".encode()) for n, word in enumerate(words)]
    return [(0.0, b"\x1b[32m$\x1b[0m "), *steps, (TYPED, b"\r\n")]


def main() -> None:
    """Run it in a clean folder, and write the picture."""
    PLACE.mkdir()  # its name is printed, and so always the same
    try:
        for name, files in zip(("hk-archive", "gz-mirror"), build(), strict=True):
            write_folder(files, PLACE / name)
        shutil.copy(HERE.parents[1] / "demo" / "policy.yaml", PLACE)
        program = [str(Path(sys.executable).parent / "mirrorfold"), *COMMAND.split()[1:]]
        recorded = [*typed(), *((TYPED + at, data) for at, data in record(program, PLACE))]
    finally:
        shutil.rmtree(PLACE)
    picture = draw(*paced(list(screens(iter(recorded)))))
    (HERE / "first-run.svg").write_text(picture, "utf-8")
    print(f"docs/pictures/first-run.svg: {len(picture) / 1000:.0f} KB")


if __name__ == "__main__":
    main()
