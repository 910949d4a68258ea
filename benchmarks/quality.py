"""Quality of matching on real pictures: recall and precision by class and kind, and what each rule costs.

    python benchmarks/quality.py [--corpora FOLDER] [--files 10000] [--copies 2000] [--quick]

Files go through the real decoder, search, verification and clustering, in this process.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent))

from quality_corpus import COPIES, SMALLEST, File, corpora_folder, make_distinct, make_files, paths_of
from quality_rules import print_costs, rule_costs

from mirrorfold.transforms.cluster.components import label_components
from mirrorfold.transforms.cluster.resolve import resolve
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.match.collapse import collapse
from mirrorfold.transforms.match.join import Rule, edges_of, search
from mirrorfold.transforms.match.plan import make_plan
from mirrorfold.transforms.match.signatures import make_light, node_ids
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier

DISTINCT = {"photo": (7_900, (5, 5)), "document": (4_600, (10, 10))}
"""Files of each class whose pairs are all false: 31 million pairs of photographs, 10 million of documents."""


def fingerprint(files: list[bytes]) -> pa.Table:
    """Decode and hash files; give the rows of `contents`."""
    options = FingerprintOptions()
    found = {}
    for data in files:
        name = hashlib.sha256(data).hexdigest()
        if name not in found:
            found[name] = Content(len(data), decode(data, options, None))
    return content_rows(found)


def match(contents: pa.Table, radius: int = 8) -> tuple[list[dict], list[dict]]:
    """Search, verify and cluster contents in one process; larger pictures are preferred. Give (pairs, members)."""
    rule = Rule(radius, CHECK_LIMIT)
    light = make_light(contents, True)
    rows, edges, _ = collapse(light)
    plan = make_plan(radius, len(rows.hashes), np.unique(light.column("phash64").to_numpy()))
    pairs, _ = search(rows, plan, rule)
    labels = dict(label_components(np.concatenate([edges, edges_of(rows, pairs)])).tolist())
    nodes = node_ids(contents.column("content_id")).tolist()
    linked = np.array([node in labels for node in nodes], dtype=bool)
    routed = contents.filter(pa.array(linked))
    routed = routed.append_column("component", pa.array([labels[n] for n in nodes if n in labels], pa.uint64()))
    pixels = (routed.column("width").to_numpy().astype(np.int64) * routed.column("height").to_numpy()).tolist()
    sizes = routed.column("size").to_pylist()
    order = [
        (10**12 - p).to_bytes(8, "big") + (10**12 - s).to_bytes(8, "big") for p, s in zip(pixels, sizes, strict=True)
    ]
    found = list(resolve(routed.append_column("priority", pa.array(order)), Verifier(rule)))
    return (
        [row for part, _ in found for row in part.to_pylist()],
        [row for _, part in found for row in part.to_pylist()],
    )


def report(files: list[File], low: set[str], pairs: list[dict], members: list[dict], console: Console) -> dict:
    """Print recall by kind and class, precision, and the false pairs in each tier."""
    ids = [hashlib.sha256(file.data).hexdigest() for file in files]
    picture = dict(zip(ids, (file.picture for file in files), strict=True))
    group = dict(zip(ids, (file.group for file in files), strict=True))
    cluster = {row["content_id"]: row["cluster_id"] for row in members}
    where = [cluster.get(name, name) for name in ids]
    together = _pairs_by(where)
    true = sum(1 for a, b in together if files[a].picture == files[b].picture)
    wanted = _pairs_by([file.picture for file in files])
    found = sum(1 for a, b in wanted if where[a] == where[b])
    originals = {file.picture: place for place, file in enumerate(files) if file.kind == "original"}
    hits, totals = Counter(), Counter()
    for place, file in enumerate(files):
        if file.kind != "original":
            for key in ((file.kind, file.group), (file.kind, "all")):
                totals[key] += 1
                hits[key] += where[place] == where[originals[file.picture]]
    table = Table(title="Recall by kind of copy (share with its original's cluster_id)", title_justify="left")
    groups = ["all", *sorted({file.group for file in files if file.kind != "original"})]
    for name in ("kind", *groups):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind in COPIES:
        table.add_row(kind, *(_share(hits[kind, name], totals[kind, name]) for name in groups))
    console.print(table)
    figures = {"precision": true / max(1, len(together)), "recall": found / max(1, len(wanted))}
    console.print(
        f"files {len(files):,}, pairs wanted {len(wanted):,}, pairs found {len(together):,}, "
        f"precision {figures['precision']:.5f}, recall {figures['recall']:.4f}"
    )
    informed = [pair for pair in wanted if not {ids[pair[0]], ids[pair[1]]} & low]
    figures["informed"] = sum(1 for a, b in informed if where[a] == where[b]) / max(1, len(informed))
    console.print(f"without low-information pictures: {len(informed):,} pairs, recall {figures['informed']:.4f}")
    wrong: dict[tuple, list] = defaultdict(list)
    for row in pairs:
        if picture[row["content_a"]] != picture[row["content_b"]] and row["reason"] != "near-miss":
            wrong[row["tier"], group[row["content_a"]], row["kind"]].append(row)
    for key in sorted(wrong):
        console.print(f"false pairs, {' / '.join(key)}: {len(wrong[key])}")
    kinds = Counter()
    for row in members:
        if row["content_id"] != row["cluster_id"]:
            kinds[row["tier"], row["kind"]] += 1
    console.print("members by tier and kind:", dict(sorted(kinds.items())))
    figures["false"] = {key: wrong[key] for key in wrong}
    return figures


def others(folder: Path, radius: int) -> dict[str, dict[str, int]]:
    """Count the pairs of distinct frames of bursts, and of translated screenshots, that are listed in each way."""
    found = {}
    for group in ("burst", "screenshot"):
        files = [data for data in (path.read_bytes() for path in paths_of(folder, group)) if _large(data)]
        pairs, _ = match(fingerprint(files), radius)
        kinds = Counter("near miss" if row["reason"] == "near-miss" else row["tier"] for row in pairs)
        found[group] = {"files": len(files), **kinds}
    return found


def _large(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as picture:
        return min(picture.size) >= SMALLEST


def _pairs_by(labels: list) -> set[tuple[int, int]]:
    groups = defaultdict(list)
    for place, label in enumerate(labels):
        groups[label].append(place)
    return {pair for group in groups.values() for pair in itertools.combinations(group, 2)}


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f} ({whole})" if whole else "-"


def main() -> None:
    """Print the quality table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--copies", type=int, default=2_000)
    parser.add_argument("--radius", type=int, default=8)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    console = Console(width=120)
    folder = corpora_folder(options.corpora)
    if folder is None:
        console.print("skipped: no corpora (give --corpora or set MIRRORFOLD_CORPORA)")
        return
    size = (1_500, 480) if options.quick else (options.files, options.copies)
    files = make_files(folder, *size)
    contents = fingerprint([file.data for file in files])
    low = set(contents.filter(contents.column("low_information")).column("content_id").to_pylist())
    report(files, low, *match(contents, options.radius), console)
    console.print(f"bursts and screenshots: {others(folder, options.radius)}")
    many = {"photo": (1_000, (5, 5)), "document": (800, (9, 9))} if options.quick else DISTINCT
    costs = {
        group: rule_costs(fingerprint(make_distinct(folder, group, count, tiles)), options.radius)
        for group, (count, tiles) in many.items()
    }
    print_costs(costs, console)


if __name__ == "__main__":
    main()
