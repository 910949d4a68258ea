"""Quality of matching on real pictures: recall and precision by class and kind, and what each rule costs.

    python benchmarks/quality.py [--corpora FOLDER] [--files 10000] [--copies 2000] [--refetch BYTES] [--quick]

Files go through the real decoder, search, verification and clustering, in this process. Figures are printed apart for
two halves of the sources (by a digest of the name: thresholds are set on the first; older ones saw both), and for
pictures of other corpora on which none was ever set.
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
import pyarrow.compute as pc
from PIL import Image
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent))

from quality_corpus import (
    COPIES,
    SMALLEST,
    File,
    corpora_folder,
    encode,
    fresh_pictures,
    make_distinct,
    make_files,
    make_fresh,
    paths_of,
    pictures,
)
from quality_rules import print_costs, rule_costs
from quality_strengths import copies_of, held_out, print_strengths

from mirrorfold.transforms.cluster.components import label_components
from mirrorfold.transforms.cluster.resolve import resolve
from mirrorfold.transforms.fingerprint.again import detail_options
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.match.edges import EDGES
from mirrorfold.transforms.match.in_process import candidate_edges, verified_edges
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.refetch import contents_of, within_budget
from mirrorfold.transforms.match.signatures import node_ids
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


def match(
    contents: pa.Table, radius: int = 8, files: dict[str, bytes] | None = None, refetch: int = 0
) -> tuple[list[dict], list[dict]]:
    """Search, verify and cluster contents in one process; larger pictures are preferred. Give (pairs, members).

    Args:
      files: bytes by content id, of which `refetch` may be read again.
    """
    verifier = Verifier(Rule(radius, CHECK_LIMIT))
    edges, requests = verified_edges(contents, candidate_edges(contents, verifier), verifier)
    if refetch:
        chosen = within_budget(requests, refetch)
        contents = contents.append_column("detail", read_again(contents, files or {}, chosen))
        settled, _ = verified_edges(contents, chosen.select(EDGES.names), verifier)
        edges = pa.concat_tables([edges, settled])
    links = edges.filter(edges.column("joins"))
    nodes = np.stack([node_ids(links.column(f"content_{side}")) for side in "ab"], axis=1)
    labels = dict(label_components(nodes).tolist())
    links = links.append_column("component", pa.array([labels[a] for a in nodes[:, 0].tolist()], pa.uint64()))
    of_contents = [labels.get(node) for node in node_ids(contents.column("content_id")).tolist()]
    contents = contents.append_column("component", pa.array(of_contents, pa.uint64()))
    contents = contents.filter(pc.is_valid(contents.column("component")))
    pixels = (contents.column("width").to_numpy().astype(np.int64) * contents.column("height").to_numpy()).tolist()
    sizes = contents.column("size").to_pylist()
    order = [
        (10**12 - p).to_bytes(8, "big") + (10**12 - s).to_bytes(8, "big") for p, s in zip(pixels, sizes, strict=True)
    ]
    found = list(resolve(contents.append_column("priority", pa.array(order, pa.binary())), links, verifier))
    return (
        [row for part, _ in found for row in part.to_pylist()],
        [row for _, part in found for row in part.to_pylist()],
    )


def detail_of(data: bytes) -> bytes:
    """Decode a file to its 256x256 luma."""
    return decode(data, detail_options(FingerprintOptions()), None).luma


def read_again(contents: pa.Table, files: dict[str, bytes], chosen: pa.Table) -> pa.Array:
    """Read again the contents of the chosen pairs; give the column `detail`."""
    wanted = [name for block in contents_of(chosen) for name in block.column("content_id").to_pylist()]
    lumas = {name: detail_of(files[name]) for name in wanted}
    return pa.array([lumas.get(name) for name in contents.column("content_id").to_pylist()], pa.binary())


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
    for held in (False, True):
        part = [(a, b) for a, b in wanted if held_out(files[a].source) == held]
        share = sum(1 for a, b in part if where[a] == where[b]) / max(1, len(part))
        figures["held out" if held else "set on"] = share
        console.print(f"  {'second' if held else 'first'} half of the sources: {len(part):,}, recall {share:.4f}")
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


def strengths(folder: Path, radius: int, console: Console, most: int) -> None:
    """Print recall at other strengths, over the whole documents, some of the photographs, and the fresh pictures."""
    chosen = [*itertools.islice(pictures(folder, "photo", 1.0, (1, 1)), 0, None, max(1, 800 // most))]
    bases = [(picture, "photo", source) for picture, source in chosen]
    bases += [(picture, "document", source) for picture, source in pictures(folder, "document", 1.0, (1, 1))][:most]
    bases += [(picture, f"fresh {group}", source) for picture, group, source in fresh_pictures(folder)][:most]
    files, rows, pairs = [], [], []
    for picture, group, source in bases:
        original = len(files)
        files.append(encode(picture))
        for name, data in copies_of(picture, source).items():
            pairs.append((original, len(files)))
            rows.append((name, group, held_out(source)))
            files.append(data)
    contents = fingerprint(files)
    place = {name: row for row, name in enumerate(contents.column("content_id").to_pylist())}
    at = np.array([place[hashlib.sha256(data).hexdigest()] for data in files])
    print_strengths(rows, contents, at[np.array(pairs)], Verifier(Rule(radius, CHECK_LIMIT)), console)


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
    parser.add_argument("--refetch", type=int, default=10**9, help="bytes that may be read again (match.refetch_bytes)")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    console = Console(width=120)
    folder = corpora_folder(options.corpora)
    if folder is None:
        console.print("skipped: no corpora (give --corpora or set MIRRORFOLD_CORPORA)")
        return
    size = (1_500, 480) if options.quick else (options.files, options.copies)
    for title, files in (
        ("All corpora", make_files(folder, *size)),
        ("Fresh pictures, on which no threshold was ever set", make_fresh(folder)),
    ):
        console.rule(title, align="left")
        contents = fingerprint([file.data for file in files])
        low = set(contents.filter(contents.column("low_information")).column("content_id").to_pylist())
        held = {hashlib.sha256(file.data).hexdigest(): file.data for file in files}
        for budget in (0, options.refetch):
            console.print("from stored signatures alone" if not budget else f"reading again up to {budget:,} bytes")
            report(files, low, *match(contents, options.radius, held, budget), console)
    strengths(folder, options.radius, console, 40 if options.quick else 400)
    console.print(f"bursts and screenshots: {others(folder, options.radius)}")
    many = {"photo": (1_000, (5, 5)), "document": (800, (9, 9))} if options.quick else DISTINCT
    costs = {}
    for group, (count, tiles) in many.items():
        held = {hashlib.sha256(data).hexdigest(): data for data in make_distinct(folder, group, count, tiles)}
        contents = fingerprint(list(held.values()))
        costs[group] = rule_costs(contents, options.radius, lambda name, held=held: detail_of(held[name]))
    print_costs(costs, console)


if __name__ == "__main__":
    main()
