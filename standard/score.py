"""Score a tool's answers: `python -m standard.score DIR answer.csv`.

DIR is what standard.suite.build made. The answer is a CSV with the columns file_a, file_b, relation, action: two paths
below DIR/files; a relation's id or nothing; `remove-a` or `remove-b` (without asking anybody), `ask`, or `keep` (found,
and nothing is asked). Levels: A, nothing is lost; AA, and nothing false is asked; AAA, and everything is found.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from standard.words import relations

COLUMNS = ["file_a", "file_b", "relation", "action"]
ACTIONS = ("remove-a", "remove-b", "ask", "keep")
Z95 = 1.959963984540054


class AnswerError(ValueError):
    """A line of an answer that can't be read, in words."""


@dataclass(frozen=True)
class Row:
    """One line of an answer."""

    a: str
    b: str
    relation: str
    action: str


@dataclass
class Tally:
    """How the cases of one class went. Files lost, pairs asked falsely; pairs to be found, and those that were."""

    cases: int = 0
    lost: list[str] = field(default_factory=list)
    cases_lost: int = 0
    false: list[str] = field(default_factory=list)
    cases_false: int = 0
    wanted: Counter = field(default_factory=Counter)
    found: Counter = field(default_factory=Counter)
    named: int = 0


def read_answer(path: Path, files: Iterable[str]) -> list[Row]:
    """Read an answer.

    Raises:
      AnswerError: the first line that is malformed, by file and line.
    """
    known, rows, seen = set(files), [], set()
    try:
        with path.open(encoding="utf-8", newline="") as opened:
            reader = csv.reader(opened, strict=True)
            head = next(reader, [])
            if head != COLUMNS:
                raise AnswerError(f"{path}:1: the columns must be {','.join(COLUMNS)}, not {','.join(head)}")
            for line in reader:
                row = _row(line, known, f"{path}:{reader.line_num}")
                if (row.a, row.b, row.action) in seen:
                    raise AnswerError(f"{path}:{reader.line_num}: this pair was answered before")
                seen.add((row.a, row.b, row.action))
                rows.append(row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise AnswerError(f"{path}: no CSV in UTF-8: {error}") from error
    except OSError as error:
        raise AnswerError(f"{path}: can't be read: {error.strerror}") from error
    return rows


def _row(line: Sequence[str], known: set[str], where: str) -> Row:
    if len(line) != len(COLUMNS):
        raise AnswerError(f"{where}: {len(line)} values instead of {len(COLUMNS)}")
    row = Row(*line)
    for path in (row.a, row.b):
        if path not in known:
            raise AnswerError(f"{where}: the suite has no file {path!r}")
    if row.a == row.b:
        raise AnswerError(f"{where}: a file can't be a duplicate of itself")
    if row.relation and row.relation not in relations():
        raise AnswerError(f"{where}: no relation is called {row.relation!r}")
    if row.action not in ACTIONS:
        raise AnswerError(f"{where}: the action must be one of {', '.join(ACTIONS)}, not {row.action!r}")
    return row


def score(labels: dict, rows: Iterable[Row]) -> dict[str, Tally]:
    """Score an answer: a tally by class, in the suite's order."""
    rows = list(rows)
    digests = {path: digest for case in labels["cases"] for path, digest in case["files"].items()}
    home = {path: number for number, case in enumerate(labels["cases"]) for path in case["files"]}
    removed = {row.a if row.action == "remove-a" else row.b for row in rows if row.action.startswith("remove")}
    by_case: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        for number in {home[row.a], home[row.b]}:
            by_case[number].append(row)
    tallies: dict[str, Tally] = {}
    for number, case in enumerate(labels["cases"]):
        tally = tallies.setdefault(case["class"], Tally())
        tally.cases += 1
        lost, false = _lost(case, removed), _false(case, by_case[number], digests)
        tally.lost += lost
        tally.cases_lost += bool(lost)
        tally.false += false
        tally.cases_false += bool(false)
        _found(case, by_case[number], tally)
    return tallies


def _lost(case: dict, removed: set[str]) -> list[str]:
    lost = [path for path in case["keep"] if path in removed]
    for files, least in case["groups"]:
        left = [path for path in files if path not in removed]
        lost += [path for path in files if path in removed and len(left) < least]
    return sorted(set(lost))


def _relations(case: dict) -> dict[frozenset, str]:
    return {frozenset((a, b)): relation for a, b, relation in case["pairs"]}


def _false(case: dict, rows: Iterable[Row], digests: dict[str, str]) -> list[str]:
    """Name the pairs that were asked about, or acted on, though they are different; files of equal bytes never are."""
    known = _relations(case)
    return [
        f"{row.a} and {row.b}"
        for row in rows
        if row.action != "keep"
        and digests[row.a] != digests[row.b]
        and relations()[known.get(frozenset((row.a, row.b)), "different")]["find"] == "must-not"
    ]


def _found(case: dict, rows: Iterable[Row], tally: Tally) -> None:
    """Count what was found: a pair that is named, or that named pairs of the case link."""
    known, at = _relations(case), {path: path for path in case["files"]}

    def root(path: str) -> str:
        while at[path] != path:
            path = at[path]
        return path

    said = {}
    for row in rows:
        pair = frozenset((row.a, row.b))
        if pair in known and relations()[known[pair]]["find"] != "must-not":
            at[root(row.a)] = root(row.b)
            said[pair] = row.relation
    for pair, relation in known.items():
        level = relations()[relation]["find"]
        if level == "must-not" or relation == "undecided":
            continue
        one, other = sorted(pair)
        tally.wanted[level] += 1
        tally.found[level] += root(one) == root(other)
        tally.named += said.get(pair) == relation


def wilson(right: int, looked: int) -> tuple[float, float]:
    """Give the Wilson score interval of a share at 95 % (Wilson 1927); (0, 1) for none looked at."""
    if not looked:
        return 0.0, 1.0
    share, spread = right / looked, Z95 * Z95 / looked
    half = Z95 / (1 + spread) * math.sqrt(share * (1 - share) / looked + spread / (4 * looked))
    middle = (share + spread / 2) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def level(tallies: Iterable[Tally]) -> str:
    """Give the level: AAA, AA, A, or - for none."""
    tallies = list(tallies)
    if any(one.lost for one in tallies):
        return "-"
    if any(one.false for one in tallies):
        return "A"
    everything = all(one.found[name] == one.wanted[name] for one in tallies for name in ("must", "should"))
    return "AAA" if everything else "AA"


def total(tallies: dict[str, Tally]) -> Tally:
    """Add the classes up."""
    out = Tally()
    for one in tallies.values():
        for name, value in vars(one).items():
            setattr(out, name, getattr(out, name) + value)
    return out


def lines(tallies: dict[str, Tally]) -> list[str]:
    """Say the scores for people, one class a line."""
    head = ("class", "level", "cases", "lost", "false", "MUST found", "SHOULD found", "MAY found", "named right")
    table = [head]
    for name, one in [*tallies.items(), ("all", total(tallies))]:
        known = sum(one.wanted.values())
        cells = [_share(one.cases_lost, one.cases), _share(one.cases_false, one.cases)]
        cells += [_share(one.found[kind], one.wanted[kind]) for kind in ("must", "should", "may")]
        table.append(
            (
                name,
                level(tallies.values() if name == "all" else [one]),
                str(one.cases),
                *cells,
                _share(one.named, known),
            )
        )
    widths = [max(len(row[k]) for row in table) for k in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _share(right: int, looked: int) -> str:
    if not looked:
        return "-"
    low, high = wilson(right, looked)
    return f"{right}/{looked} ({low:.2f}-{high:.2f})"


def as_json(tallies: dict[str, Tally]) -> dict:
    """Give the scores for programs."""
    said = {}
    for name, one in [*tallies.items(), ("all", total(tallies))]:
        said[name] = vars(one) | {"level": level(tallies.values() if name == "all" else [one])}
    return said


def main(arguments: list[str]) -> int:
    """Print the scores that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m standard.score", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("suite", metavar="DIR", type=Path)
    parser.add_argument("answer", metavar="answer.csv", type=Path)
    parser.add_argument(
        "--json", action="store_true", help="print the scores, and what was lost and asked falsely, as JSON"
    )
    given = parser.parse_args(arguments)
    try:
        labels = json.loads((given.suite / "labels.json").read_text("utf-8"))
        tallies = score(labels, read_answer(given.answer, (path for case in labels["cases"] for path in case["files"])))
    except AnswerError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{given.suite}: no suite: {error.strerror}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(as_json(tallies), indent=1, ensure_ascii=False))
        return 0
    print("\n".join(lines(tallies)))
    print(f"\nLevel {level(tallies.values())}. Shares with their 95 % interval (Wilson).")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
