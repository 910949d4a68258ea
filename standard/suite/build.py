"""Build the suite: `python -m standard.suite.build DIR [--seed N]`; another seed gives cases that nobody tuned for.

DIR/files is what a tool is given: two libraries, `hk` and `gz`, which lie in two jurisdictions and must each keep a
copy of what it has. DIR/holds.csv names files under a legal hold. DIR/labels.json holds the answers: no tool may see
it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # products of a few hundred rows: threads only wait for each other

from standard.suite.cases import EACH, Case, cases

SEED = 1
DIGESTS = Path(__file__).parent / "digests.json"
"""The digests of the public suite: of all its bytes, and of each class's."""


def write(made: Iterable[Case], folder: Path, seed: int) -> dict[str, str]:
    """Write a suite into an empty folder, and give its digest by class, and under `all`."""
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} isn't empty: name a folder to make")
    labels, holds, digests = [], [], {}
    for number, case in enumerate(made, 1):
        for path, data in case.files.items():
            target = folder / "files" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        files = {path: hashlib.sha256(data).hexdigest() for path, data in sorted(case.files.items())}
        label = {
            "case": f"{number:04d}", "class": case.kind, "files": files, "pairs": case.pairs, "keep": case.keep,
            "groups": case.groups,
        }  # fmt: skip
        digests.setdefault(case.kind, hashlib.sha256()).update(json.dumps(label, sort_keys=True).encode())
        labels.append(label)
        holds += case.holds
    text = json.dumps({"version": 1, "seed": seed, "cases": labels}, indent=1, ensure_ascii=False) + "\n"
    (folder / "labels.json").write_text(text, "utf-8")
    (folder / "holds.csv").write_text("".join(f"{line}\n" for line in ("file", *sorted(holds))), "utf-8")
    found = {kind: digest.hexdigest() for kind, digest in digests.items()}
    return {"all": hashlib.sha256(text.encode()).hexdigest()} | found


def main(arguments: list[str]) -> int:
    """Build a suite as the command line asks."""
    parser = argparse.ArgumentParser(prog="python -m standard.suite.build", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("--seed", type=int, default=SEED, help="a number of your own makes a held-out suite")
    parser.add_argument("--each", type=int, default=EACH, help=f"cases of each class, {EACH} by default")
    given = parser.parse_args(arguments)
    try:
        digests = write(cases(given.seed, given.each), given.folder, given.seed)
    except ValueError as error:
        print(f"suite: {error}", file=sys.stderr)
        return 2
    print(f"{given.folder}: digest {digests['all']}")
    if (given.seed, given.each) == (SEED, EACH):
        want = json.loads(DIGESTS.read_text("utf-8")) if DIGESTS.exists() else {}
        wrong = sorted(kind for kind, digest in digests.items() if want.get(kind) != digest)
        if wrong:
            print(f"suite: not the public suite: {', '.join(wrong)} have other bytes here", file=sys.stderr)
            return 1
        print("the public suite, byte for byte")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
