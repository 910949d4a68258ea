"""Read cases blind, from the definitions alone, and say how readers agree.

`python -m standard.reading draw SUITE DIR --key KEY`, then `python -m standard.reading score KEY one.csv two.csv`.
People, who see two files and the definitions and nothing else, say which relation holds. Where they part, from each
other or from how the pair was made, a definition doesn't say enough. DIR holds what a reader gets; KEY, which no reader
may see, what each pair is by construction.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from standard.words import relations, vocabulary

SHEET = ["pair", "relation", "note"]
DRAWS = 2_000
"""Samples that an interval is taken from (bootstrap of pairs, percentiles)."""
TASK = """# Reading pairs

Each folder holds two files, A and B, and `names.txt`: where they lay, and what lay beside them. Say in sheet.csv which
relation of the table holds between them, by its id. Where several hold, the lowest in the table counts. Where one
of them has a direction, either file may be the one that it speaks of. Use whatever looks into files. `note`: what the
definition left open.

"""


def draw(suite: Path, folder: Path, key: Path, pairs: int, seed: int) -> int:
    """Draw pairs of all relations alike from a suite and copy them, without their names; give how many.

    Raises:
      ValueError: there is no suite, or something is in the way.
    """
    if not (suite / "labels.json").is_file():
        raise ValueError(f"{suite} holds no suite: make one with python -m standard.suite.build")
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} isn't empty: name a folder to make")
    order, by_relation = random.Random(seed), defaultdict(list)
    for case in json.loads((suite / "labels.json").read_text("utf-8"))["cases"]:
        for a, b, relation in case["pairs"]:
            if relation != "undecided":
                by_relation[relation].append((a, b, relation, sorted(case["files"])))
    for found in by_relation.values():
        order.shuffle(found)
    turns = max(map(len, by_relation.values()))
    rounds = [[found[turn] for found in by_relation.values() if turn < len(found)] for turn in range(turns)]
    for found in rounds:
        order.shuffle(found)
    chosen = [pair for found in rounds for pair in found][:pairs]
    order.shuffle(chosen)
    folder.mkdir(parents=True, exist_ok=True)
    for number, (a, b, _, names) in enumerate(chosen, 1):
        place = folder / f"{number:03d}"
        place.mkdir()
        for letter, path in (("A", a), ("B", b)):
            shutil.copyfile(suite / "files" / path, place / f"{letter}{Path(path).suffix}")
        marks = {a: "A = ", b: "B = "}
        beside = [name for name in names if Path(name).parent in (Path(a).parent, Path(b).parent) or name in marks]
        (place / "names.txt").write_text("".join(f"{marks.get(name, '')}{name}\n" for name in beside), "utf-8")
    lines = [f"| {r['id']} | {r['definition']['en']} | {', '.join(r['evidence'])} |\n" for r in relations().values()]
    evidence = [f"- {name}: {said['en']}\n" for name, said in vocabulary()["evidence"].items()]
    table = ["| id | definition | evidence |\n|---|---|---|\n", *lines, "\n", *evidence]
    (folder / "README.md").write_text(TASK + "".join(table), "utf-8")
    sheet = [f"{number:03d},,\n" for number in range(1, len(chosen) + 1)]
    (folder / "sheet.csv").write_text("".join([",".join(SHEET) + "\n", *sheet]), "utf-8")
    key.write_text(json.dumps({f"{n:03d}": pair[2] for n, pair in enumerate(chosen, 1)}, indent=1) + "\n", "utf-8")
    return len(chosen)


def read_sheet(path: Path, pairs: Sequence[str]) -> dict[str, str]:
    """Read what a reader said of each pair.

    Raises:
      ValueError: the first line that is malformed, by file and line.
    """
    said: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="") as opened:
        reader = csv.DictReader(opened)
        if reader.fieldnames != SHEET:
            raise ValueError(f"{path}:1: the columns must be {','.join(SHEET)}")
        for row in reader:
            where = f"{path}:{reader.line_num}"
            if row["pair"] not in pairs:
                raise ValueError(f"{where}: there is no pair {row['pair']!r}")
            if row["relation"] not in relations():
                raise ValueError(f"{where}: no relation is called {row['relation']!r}")
            said[row["pair"]] = row["relation"]
    if missing := sorted(set(pairs) - said.keys()):
        raise ValueError(f"{path}: nothing is said of pair {missing[0]}")
    return said


def kappa(labels: Sequence[tuple[str, str]]) -> float:
    """Give Cohen's kappa: agreement beyond what two readers with these habits would reach by chance.

    Cohen, J. (1960), A coefficient of agreement for nominal scales.
    """
    firsts, seconds = (Counter(pair[side] for pair in labels) for side in (0, 1))
    agreed = sum(a == b for a, b in labels) / len(labels)
    chance = sum(firsts[name] * seconds[name] for name in firsts) / len(labels) ** 2
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)


def interval(labels: Sequence[tuple[str, str]], of: Callable, seed: int = 1) -> tuple[float, float]:
    """Give the 95 % interval of a figure over pairs, by drawing them again with replacement."""
    order = random.Random(seed)
    found = sorted(of(order.choices(labels, k=len(labels))) for _ in range(DRAWS))
    return found[int(0.025 * DRAWS)], found[int(0.975 * DRAWS)]


def report(key: dict[str, str], sheets: dict[str, dict[str, str]]) -> list[str]:
    """Say how readers agree with each other and with how the pairs were made, and name each pair on which they part."""
    voices = {"construction": key} | sheets
    names, lines = list(voices), []
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            labels = [(voices[one][pair], voices[other][pair]) for pair in sorted(key)]
            low, high = interval(labels, kappa)
            agreed = sum(a == b for a, b in labels)
            figures = f"{agreed} of {len(labels)} alike, kappa {kappa(labels):.2f} ({low:.2f} to {high:.2f})"
            lines.append(f"{one} and {other}: {figures}")
    for pair in sorted(key):
        said = {name: voice[pair] for name, voice in voices.items()}
        if len(set(said.values())) > 1:
            lines.append(f"  {pair}: " + ", ".join(f"{name}: {relation}" for name, relation in said.items()))
    return lines


def main(arguments: list[str]) -> int:
    """Draw pairs to read, or score what was read, as the command line asks."""
    parser = argparse.ArgumentParser(prog="python -m standard.reading", description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    drawn = verbs.add_parser("draw", help="copy pairs, without their names, for readers")
    drawn.add_argument("suite", type=Path)
    drawn.add_argument("folder", type=Path)
    drawn.add_argument("--key", type=Path, required=True, help="where the answers go; no reader may see them")
    drawn.add_argument("--pairs", type=int, default=50)
    drawn.add_argument("--seed", type=int, default=1)
    scored = verbs.add_parser("score", help="say how readers agree")
    scored.add_argument("key", type=Path)
    scored.add_argument("sheets", type=Path, nargs="+")
    given = parser.parse_args(arguments)
    try:
        if given.verb == "draw":
            print(f"{draw(given.suite, given.folder, given.key, given.pairs, given.seed)} pairs: {given.folder}")
        else:
            key = json.loads(given.key.read_text("utf-8"))
            print("\n".join(report(key, {path.stem: read_sheet(path, list(key)) for path in given.sheets})))
    except (ValueError, OSError) as error:
        print(f"reading: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
