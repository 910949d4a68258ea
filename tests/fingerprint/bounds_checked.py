"""Run mutated JPEGs through the compiled loops; `NUMBA_BOUNDSCHECK=1` makes a step outside an array an error."""

from __future__ import annotations

import random
import re
import sys

import numpy as np
from numba import njit

from mirrorfold.transforms.fingerprint import jpeg, jpeg_means
from mirrorfold.transforms.fingerprint.errors import DecodeError
from tests.fingerprint.worlds import encode, photo

MOST_PIXELS = 200_000_000


@njit
def beyond(values):
    return values[np.uint64(len(values))]


def seeds() -> list[bytes]:
    large, small = photo("rocket.jpg", (1203, 797)), photo("chelsea.png", (400, 300))
    codings = ({}, {"optimize": True}, {"restart_marker_blocks": 3}, {"progressive": True}, {"subsampling": "4:4:4"})
    found = [encode(image, "JPEG", quality=60, **coding) for image in (large, small) for coding in codings]
    return [*found, encode(small.convert("L"), "JPEG"), encode(small, "JPEG", progressive=True, restart_marker_rows=1)]


def mutate(data: bytes, source: random.Random) -> bytes:
    changed, scan = bytearray(data), jpeg.read_header(data).scan_marker
    if source.random() < 0.05:  # more rows than there is data for, and nothing else wrong
        frame = re.search(rb"\xff[\xc0\xc2]\0[\x0b\x11]\x08", data)
        changed[frame.end()] = source.randrange(8, 200)
        return bytes(changed)
    for _ in range(source.choice((1, 1, 2, 5, 30))):
        first, last = (2, scan + 20) if source.random() < 0.4 else (scan, len(changed))
        at = source.randrange(first, last)
        changed[at] = source.choice((0, 255, 0xD0, 0xD9, source.randrange(256), changed[at] ^ 1 << source.randrange(8)))
    return bytes(changed[: source.randrange(100, len(changed))] if source.random() < 0.1 else changed)


def main(count: int) -> None:
    """Print how many were taken by the loops, of how many tried."""
    try:
        beyond(np.zeros(3))
    except IndexError:
        pass
    else:
        sys.exit("bounds aren't checked")
    source, files, taken, tried = random.Random(11), seeds(), 0, 0
    for _ in range(count):
        data = mutate(source.choice(files), source)
        try:
            header = jpeg.read_header(data)
        except DecodeError:
            continue
        if header.width * header.height <= MOST_PIXELS:
            tried += 1
            taken += jpeg_means.read_means(data, header) is not None
    print(taken, tried)


if __name__ == "__main__":
    main(int(sys.argv[1]))
