"""Compare generated pairs at full detail: honest copies that are confirmed, changed ones that must not be.

python -m benchmarks.bench_confirm [--quick] [--seed N]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

from benchmarks.confirm_pairs import CHANGES, changed, honest, pictures, shown
from mirrorfold.transforms.confirm.compare import compare


def main() -> None:
    """Print how many of each are confirmed, and the milliseconds of CPU that a pair takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    copies, pairs = (60, 45) if asked.quick else (2_000, 500)
    spent = megapixels = 0.0
    refused: list[str] = []
    for picture, chance in pictures(asked.seed, copies):
        first, second, name = honest(picture, chance)
        one, other = shown(first), shown(second)
        start = time.process_time()
        found = compare(one, other)
        spent += time.process_time() - start
        megapixels += found.width * found.height / 1e6
        if not found.confirmed:
            refused.append(f"  {name}, {picture.width}x{picture.height}: {found.kind}, {found.excess:.2f}")
    print(f"honest copies confirmed: {copies - len(refused)} of {copies}, {1000 * spent / copies:.0f} ms CPU a pair of "
          f"{megapixels / copies:.2f} megapixels", *refused, sep="\n")  # fmt: skip
    kinds, let_through, least = Counter[str](), [], float("inf")
    for number, (picture, chance) in enumerate(pictures(asked.seed + 1_000, pairs)):
        kind = list(CHANGES)[number % len(CHANGES)]
        first, second, size = changed(kind, picture, chance)
        found = compare(shown(first), shown(second))
        kinds[found.kind] += 1
        least = min(least, found.excess)
        if found.confirmed:
            let_through.append(f"  {kind} of {size} px in {picture.width}x{picture.height}: {found.excess:.2f}")
    print(
        f"changed pairs confirmed: {len(let_through)} of {pairs}; smallest excess {least:.2f}", *let_through, sep="\n"
    )
    print("named:", dict(kinds.most_common()))


if __name__ == "__main__":
    main()
