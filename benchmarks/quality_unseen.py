"""What a stranger's corpus would show: recall by class and kind of copy on sources that no threshold was set on.

    python benchmarks/quality_unseen.py [--corpora FOLDER] [--bases 60] [--strengths] [--quick]

Each class is a corpus of its own: the second half of each folder (by a digest of the name; thresholds are set on the
first), the fresh pictures, and pages drawn from templates that no rule was tried on. Each copy is laid beside its
original alone. A second table tells where the others are lost: not searched (low in information), no candidate (beyond
the radius), or refused by verification. Pairs of different originals of a class that join are counted as false.
"""

from __future__ import annotations

import argparse
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image
from quality import detail_of, fingerprint
from quality_corpus import COPIES, corpora_folder, encode, fresh_pictures, pictures
from quality_strengths import STRENGTHS, held_out
from rendered_pages import PAGES
from rich.console import Console
from rich.table import Table

from mirrorfold.transforms.match.features import DETAIL, Features
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier

NAMES = {
    "dogcat": "photographs",
    "clothing": "products",
    "tapuscorpus": "typescripts",
    "lectaurep": "registers",
    "testaments": "manuscripts",
}
"""Class by the corpus's folder."""
TEMPLATES = range(100, 108)
"""Templates that are kept for this view; rules are tried on those below 100."""
STAGES = ("found", "not searched", "no candidate", "refused")


def unseen(folder: Path, bases: int) -> Iterator[tuple[str, str, Image.Image]]:
    """Give (class, source, picture) of sources that no threshold was set on, at most so many of each class."""
    taken: Counter = Counter()
    wholes = (
        (picture, source) for group in ("photo", "document") for picture, source in pictures(folder, group, 1, (1, 1))
    )
    found = [(NAMES[source.split("/")[0]], source, picture) for picture, source in wholes if held_out(source)]
    found += [(f"fresh {group}", source, picture) for picture, group, source in fresh_pictures(folder)]
    found.sort(key=lambda entry: hashlib.sha256(entry[1].encode()).digest())
    for group, source, picture in found:
        taken[group] += 1
        if taken[group] <= bases:
            yield group, source, picture
    for kind, draw in PAGES.items():
        for number in range(bases):
            source = f"{kind} {TEMPLATES[number % len(TEMPLATES)]} {number}"
            yield f"drawn {kind}", source, draw(TEMPLATES[number % len(TEMPLATES)], random.Random(source))


def copies(picture: Image.Image, data: bytes, source: str, strengths: bool) -> Iterator[tuple[str, bytes]]:
    """Make the copies of one picture: the twelve kinds, or every other strength."""
    kinds: dict[str, Callable] = STRENGTHS if strengths else COPIES
    for name, make in kinds.items():
        chance = random.Random(f"{source} {name}")
        yield name, make(picture, chance) if strengths else make(picture, data, chance)


def stages(features: Features, verifier: Verifier, pairs: np.ndarray) -> np.ndarray:
    """Tell how far each pair gets, as numbers of STAGES."""
    pairs = np.sort(pairs, axis=1)
    same = pairs[:, 0] == pairs[:, 1]
    found = [len(verifier.candidates(features, pair[:1], pair[1:])) > 0 for pair in pairs]
    met = same | np.array(found, dtype=bool)
    joins = verifier.verify(features, pairs).column("joins").to_numpy()
    unsearched = features.low[pairs].any(axis=1)
    return np.select([met & (joins | same), unsearched, ~met], [0, 1, 2], 3)


def false_pairs(features: Features, verifier: Verifier, rows: np.ndarray) -> tuple[int, int]:
    """Count the pairs of different originals that join, and how many of them in a sure tier."""
    found = verifier.verify(features, np.unique(verifier.candidates(features, rows, rows), axis=0))
    joined = found.filter(found.column("joins"))
    return len(joined), sum(tier != "probable" for tier in joined.column("tier").to_pylist())


def show(title: str, kinds: list[str], groups: list[str], cell: Callable[[str, str], str], console: Console) -> None:
    """Print a table of kinds by classes."""
    table = Table(title=title, title_justify="left")
    for name in ("kind", *groups):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind in kinds:
        table.add_row(kind, *(cell(kind, group) for group in groups))
    console.print(table)


def main() -> None:
    """Print what is found and where the rest is lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora")
    parser.add_argument("--bases", type=int, default=60, help="originals of each class, at most")
    parser.add_argument("--radius", type=int, default=8)
    parser.add_argument("--strengths", action="store_true", help="other strengths than the twelve kinds'")
    parser.add_argument("--quick", action="store_true", help="ten originals of each class")
    options = parser.parse_args()
    console = Console(width=190)
    folder = corpora_folder(options.corpora)
    if folder is None:
        console.print("skipped: no corpora (give --corpora or set MIRRORFOLD_CORPORA)")
        return
    files: list[bytes] = []
    pairs, labels, originals = [], [], {}
    for group, source, picture in unseen(folder, 10 if options.quick else options.bases):
        original = len(files)
        files.append(encode(picture))
        originals.setdefault(group, []).append(original)
        for kind, data in copies(picture, files[original], source, options.strengths):
            pairs.append((original, len(files)))
            labels.append((kind, group))
            files.append(data)
    contents = fingerprint(files)
    place = {name: row for row, name in enumerate(contents.column("content_id").to_pylist())}
    at = np.array([place[hashlib.sha256(data).hexdigest()] for data in files])
    document = contents.column("document").to_pylist()
    details = {hashlib.sha256(data).hexdigest(): data for data in files}
    finer = [detail_of(details[name]) if document[row] else None for name, row in place.items()]
    verifier, groups = Verifier(Rule(options.radius, CHECK_LIMIT)), list(originals)
    kinds = list(STRENGTHS if options.strengths else COPIES)
    for again, table in (
        ("from stored signatures alone", contents),
        ("documents read again", contents.append_column(DETAIL, pa.array(finer, pa.binary()))),
    ):
        features = verifier.features(table)
        reached = stages(features, verifier, at[np.array(pairs)])
        tally = Counter(zip(labels, reached.tolist(), strict=True))

        def share(kind: str, group: str, tally=tally) -> str:
            counts = [tally[(kind, group), stage] for stage in range(4)]
            return f"{counts[0] / sum(counts):.2f}"

        def lost(kind: str, group: str, tally=tally) -> str:
            return " ".join(str(tally[(kind, group), stage]) for stage in (1, 2, 3)).replace("0 0 0", "")

        show(f"Found, {again}", kinds, groups, share, console)
        show("Lost: not searched, no candidate, refused", kinds, groups, lost, console)
        for group in groups:
            whole = [(stage, count) for ((_, name), stage), count in tally.items() if name == group]
            found = sum(count for stage, count in whole if stage == 0) / sum(count for _, count in whole)
            rows = np.unique(at[originals[group]])
            false, sure = false_pairs(features, verifier, rows)
            console.print(
                f"{group}: {len(rows)} originals, all kinds {found:.3f}, "
                f"false pairs {false} of {len(rows) * (len(rows) - 1) // 2:,}, in a sure tier {sure}"
            )


if __name__ == "__main__":
    main()
