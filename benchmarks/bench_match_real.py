"""All of matching over tiles of real photographs, crops on: its cost, its candidates, the planted copies it finds.

    python -m benchmarks.bench_match_real [--photos DIR...] [--sizes 5e3,1e4] [--keep DIR] [--quick]

The match step of an ordinary local run at default settings, in a process of its own, over contents that the project's
own code fingerprinted; one in ten is an altered copy of the one before it. CPU of the process and its children, beside
fingerprinting the same files. CI runs 10^4; 4*10^4 and 10^5 are run by hand with more photographs, and keep their rows
in --keep for the next time. Where photographs run out, mixtures of two tiles fill up, and are marked so. Then 300 whole
photographs in 16 variants each, and hostile corpora with synthetic features. Limits of memory (7 GiB) and of CPU hold.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa

from benchmarks import hostile_contents, match_run, real_tiles
from benchmarks.match_density import measure_density, recall_of

LARGEST = 6
"""Shuffles shown, the largest first."""
DENSITY_ROWS = 100_000
"""Contents among which candidates are counted: a larger corpus is judged by so many of its own."""


def main() -> None:
    """Print each table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", nargs="+", default=[], help="folders of photographs, searched to any depth")
    parser.add_argument("--sizes", help="numbers of contents, smallest first (default 5e3,1e4)")
    parser.add_argument("--side", type=int, help="side of a tile in pixels (default: the largest that gives enough)")
    parser.add_argument("--keep", type=Path, help="folder where fingerprinted tiles stay for the next run")
    parser.add_argument("--families", type=int, help="photographs with 16 variants each (default 300; 0: none)")
    parser.add_argument("--hostile", type=int, help="files of each hostile corpus (default 2,000; 0: none)")
    parser.add_argument("--most-seconds", type=int, default=3_600, help="CPU seconds after which a run is given up")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--quick", action="store_true", help="2,000 contents, 20 photographs, 500 files")
    options = parser.parse_args()
    sizes = options.sizes or ("1e3,2e3" if options.quick else "5e3,1e4")
    families = options.families if options.families is not None else 20 if options.quick else 300
    hostile = options.hostile if options.hostile is not None else 500 if options.quick else 2_000
    photos = real_tiles.photographs(options.photos)
    figures: dict = {}
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        bench = Bench(photos, options.keep or work / "kept", work, options.most_seconds)
        if sizes != "0":
            figures["tiles"] = bench.tiles([int(float(size)) for size in sizes.split(",")], options.side)
        if families:
            figures["variants"] = bench.variants(families)
        if hostile:
            figures["hostile"] = bench.hostile(hostile)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


class Bench:
    """The tables of the benchmark over given photographs."""

    def __init__(self, photos: list[real_tiles.Photograph], keep: Path, work: Path, most_seconds: int):
        self.photos, self.keep, self.work, self.most_seconds = photos, keep, work, most_seconds
        self.runs = itertools.count()

    def tiles(self, sizes: list[int], side: int | None) -> list[dict]:
        """Match tiles, at each size."""
        wanted = max(sizes)
        side = side or real_tiles.side_for(self.photos, round(wanted * 0.92))
        name = f"tiles-{side}-{real_tiles.key_of(self.photos, side)}"
        paths = real_tiles.keep_blocks(self.keep / name, real_tiles.files(real_tiles.tiles(self.photos, side)), wanted)
        reading = real_tiles.fingerprint_ms(paths)
        print(
            f"Tiles of {side} pixels of {len(self.photos):,} photographs; fingerprinting a file: {reading:.2f} ms CPU"
        )
        found = []
        for size in sizes:
            found.append(self._tiles(paths, size, reading))
            _print_tiles(found[-1])
        for low, high in itertools.pairwise(found):
            if "ms" in low and "ms" in high:
                ratio = (high["seconds"] / low["seconds"]) ** (1 / math.log2(high["rows"] / low["rows"]))
                high["growth"] = ratio
                print(f"growth from {low['rows']:,} to {high['rows']:,}: {ratio:.2f} times the CPU a doubling")
        return found

    def _tiles(self, paths: list[Path], size: int, reading: float) -> dict:
        real = pa.concat_tables(list(real_tiles.read_rows(paths, min(size, DENSITY_ROWS))))
        density = measure_density(real)
        took, output = self._match(real_tiles.filled(paths, size))
        found = {"rows": size, "fingerprint_ms": reading, **vars(density), **took}
        found["mixtures"] = max(0, size - sum(map(len, real_tiles.read_rows(paths, size))))
        if "failed" not in took:
            found |= {"ms": took["seconds"] / size * 1e3} | judged(real, output)
        return found

    def variants(self, count: int) -> dict:
        """Match whole photographs, each with its variants."""
        name = f"variants-{count}-{real_tiles.key_of(self.photos, count)}"
        wanted = 10**9
        paths = real_tiles.keep_blocks(self.keep / name, real_tiles.variants(self.photos, count), wanted)
        rows = pa.concat_tables(list(real_tiles.read_rows(paths, wanted)))
        reading, density = real_tiles.fingerprint_ms(paths), measure_density(rows)
        took, output = self._match([rows])
        found = {"rows": len(rows), "fingerprint_ms": reading, **vars(density), **took}
        if "failed" not in took:
            found |= {"ms": took["seconds"] / len(rows) * 1e3} | judged(rows, output)
        print(
            f"\n{count} photographs in {len(real_tiles.VARIANTS)} variants each: fingerprinting {reading:.2f} ms a file"
        )
        _print_tiles(found)
        return found

    def hostile(self, count: int) -> dict[str, dict]:
        """Match each hostile corpus."""
        found = {}
        print(f"\nHostile corpora (synthetic features)\n{'':28}{'files':>9}{'ms CPU':>9}{'peak MB':>9}  outcome")
        for name in hostile_contents.CORPORA:
            size = count + 1 if name.endswith("variants") else count
            took, output = self._match(hostile_contents.blocks(name, size))
            found[name] = took | {"rows": size}
            if "failed" in took:
                print(f"{name:28}{size:>9,}{'-':>9}{'-':>9}  {took['failed']}")
                continue
            outcome = outcome_of(output)
            found[name]["outcome"] = outcome
            print(f"{name:28}{size:>9,}{took['seconds'] / size * 1e3:>9.2f}{took['peak']:>9,.0f}  {outcome}")
        return found

    def _match(self, blocks) -> tuple[dict, Path]:
        folder = self.work / f"{next(self.runs)}"
        (folder / "in").mkdir(parents=True)
        match_run.write_blocks(folder / "in", blocks)
        return match_run.match(folder / "in", folder / "out", most_seconds=self.most_seconds), folder / "out"


def judged(rows: pa.Table, output: Path) -> dict:
    """Compare clusters with the truth: recall by kind, the largest family, families that unite pictures."""
    place = {name: row for row, name in enumerate(rows.column("content_id").to_pylist())}
    picture = rows.column("picture").to_pylist()
    clusters = match_run.read(output, "clusters", ["content_id", "cluster_id", "family_id"]).to_pylist()
    families: dict[str, set[str]] = {}
    members: dict[str, list[int]] = {}
    for row in clusters:
        families.setdefault(row["family_id"], set()).add(row["content_id"])
        if row["content_id"] in place:
            members.setdefault(row["cluster_id"], []).append(place[row["content_id"]])
    together = {
        (a, b)
        for rows_of in members.values()
        for a, b in itertools.combinations(sorted(rows_of), 2)
        if picture[a] == picture[b]
    }
    joined, _ = recall_of(rows, together)
    wrong = sum(len({picture[place[name]] for name in names if name in place}) > 1 for names in families.values())
    return {"joined": joined, "family": max(map(len, families.values()), default=1), "wrong_families": wrong}


def outcome_of(output: Path) -> str:
    """Say in a line what became of a corpus."""
    clusters = match_run.read(output, "clusters", ["family_id", "tier", "is_master"])
    tiers = Counter(clusters.filter(pa.compute.invert(clusters.column("is_master"))).column("tier").to_pylist())
    pairs = len(match_run.read(output, "pairs", ["content_a"]))
    families = len(set(clusters.column("family_id").to_pylist()))
    members = ", ".join(f"{count:,} {tier}" for tier, count in sorted(tiers.items()))
    return f"families {families:,}, pairs {pairs:,}, members: {members or 'none'}"


def _shuffled_by(found: dict) -> list[tuple[str, str]]:
    parts = sorted(found["shuffled_by"].items(), key=lambda part: -part[1])[:LARGEST]
    return [(f"  {name.rsplit('/', 2)[-2]}", f"{size / found['rows'] / 1e3:.1f}") for name, size in parts]


def _print_tiles(found: dict) -> None:
    mixed = f", {found['mixtures']:,} of them mixtures of two" if found.get("mixtures") else ""
    print(f"\n{found['rows']:,} contents{mixed} ({found['low']:,} show too little to be searched)")
    lines = [
        ("chance candidates in a million pairs", f"{found['million']:.1f} ({found['chance']:,})"),
        ("largest component of candidates", f"{found['component']:,}"),
        ("verifying a chance pair, ms CPU", f"{found['verify_ms']:.3f}"),
        ("verifying a true pair, ms CPU", f"{found['verify_true_ms']:.3f}"),
    ]
    if "failed" in found:
        lines.append(("all of match", found["failed"]))
    else:
        lines += [
            ("all of match, ms CPU a content", f"{found['ms']:.3f}"),
            ("  times fingerprinting", f"{found['ms'] / found['fingerprint_ms']:.2f}"),
            ("shuffled, KB a content", f"{found['shuffled'] / found['rows'] / 1e3:.1f}"),
            *_shuffled_by(found),
            ("peak memory, MB", f"{found['peak']:,.0f}"),
            ("largest family", f"{found['family']:,}"),
            ("families that unite different pictures", f"{found['wrong_families']:,}"),
        ]
    for name, value in lines:
        print(f"  {name:42}{value:>18}")
    joined = found.get("joined", Counter())
    print(f"  {'planted copies: kind (number)':42}{'candidates':>18}{'same cluster':>14}")
    for kind, number in [*found["planted"].items(), ("all", sum(found["planted"].values()))]:
        shares = [
            (sum(counts.values()) if kind == "all" else counts[kind]) / max(1, number)
            for counts in (found["found"], joined)
        ]
        print(f"  {f'{kind} ({number})':42}{shares[0]:>18.3f}{shares[1]:>14.3f}")


if __name__ == "__main__":
    main()
