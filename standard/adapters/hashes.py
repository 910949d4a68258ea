"""What a hash and a limit answer: `python -m standard.adapters.hashes imagehash|pdq DIR answer.csv`.

imagehash's `phash` of 64 bits, pairs within 8; PDQ of 256 bits, pairs within 31, the limit that its authors name. Both
find and decide nothing: every pair within the limit is a question. A file that can't be read has no hash.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from standard.adapters.answers import files_of, write

LIMITS = {"imagehash": 8, "pdq": 31}


def bits_of(tool: str, path: Path) -> np.ndarray | None:
    """Give a file's hash as bits; None for what can't be read."""
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    if tool == "imagehash":
        import imagehash

        return imagehash.phash(picture).hash.flatten()
    import pdqhash

    return pdqhash.compute(np.asarray(picture))[0].astype(bool)


def main(tool: str, suite: Path, answer: Path) -> int:
    """Hash every file, and ask about every pair within the limit."""
    hashed = [(path, bits_of(tool, path)) for path in files_of(suite)]
    known = [(str(path.relative_to(suite / "files")), bits) for path, bits in hashed if bits is not None]
    every = np.array([bits for _, bits in known]).astype(np.int32)
    ones = every.sum(axis=1)
    apart = ones[:, None] + ones[None, :] - 2 * every @ every.T
    first, second = np.nonzero(np.triu(apart <= LIMITS[tool], 1))
    write(answer, ((known[i][0], known[j][0], "", "ask") for i, j in zip(first, second, strict=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
