"""Compare generated pairs at full detail: honest copies that are confirmed, changed ones that must not be.

python -m benchmarks.bench_confirm [--quick] [--seed N]
python -m benchmarks.bench_confirm --speed      what reading and comparing pairs of up to 12 megapixels takes
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

from PIL import Image

from benchmarks.confirm_pairs import CHANGES, FLAT, changed, honest, pictures, shown
from demo.archive import encode, photographs
from mirrorfold.pipelines.confirming.worker import answer
from mirrorfold.transforms.confirm.compare import compare
from mirrorfold.transforms.fingerprint.limits import Limits


def main() -> None:
    """Print how many of each are confirmed, and the milliseconds of CPU that a pair takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", action="store_true")
    asked = parser.parse_args()
    if asked.speed:
        print_speed()
        return
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


def print_speed() -> None:
    """Print the CPU seconds of decoding and comparing two JPEGs, by megapixels of the larger and of the smaller one."""
    known = [picture.convert("RGB") for name, picture in photographs() if name not in FLAT]
    print("megapixels, of the smaller one: CPU seconds a pair (the least of three)")
    for width, height in ((500, 330), (1_000, 1_000), (2_000, 2_000), (4_000, 3_000)):
        picture = beside_each_other(known, width, height)
        for share in (1, 0.5):
            copy = picture.resize((round(width * share), round(height * share)))
            first, second = encode(picture, "JPEG", quality=95), encode(copy, "JPEG", quality=80)
            spent = []
            for _ in range(3):
                start = time.process_time()
                answer(f"pair:{len(first)}", first + second, Limits(10**9, 1, 2**32))
                spent.append(time.process_time() - start)
            print(f"{width * height / 1e6:.2f}, {copy.width * copy.height / 1e6:.2f}: {min(spent):.2f}")


def beside_each_other(known: list[Image.Image], width: int, height: int) -> Image.Image:
    """Lay photographs side by side until a picture of a size is full."""
    whole, number, side = Image.new("RGB", (width, height)), 0, min(min(picture.size) for picture in known)
    for top in range(0, height, side):
        for left in range(0, width, side):
            whole.paste(known[number % len(known)].crop((0, 0, side, side)), (left, top))
            number += 1
    return whole


if __name__ == "__main__":
    main()
