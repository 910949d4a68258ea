"""Synthetic listings with heavy tails: sizes, and numbers of copies, as archives have them."""

import numpy as np

from mirrorfold.transforms.estimate.census import Listed


def listing(kind: str, rng: np.random.Generator, objects: int = 20_000) -> tuple[Listed, np.ndarray]:
    """Make a listing without checksums and the identity of each object; about a fifth are copies.

    Args:
      kind: photos (sizes rarely collide, copies follow a power law), viral (one picture copied thousands of times),
        scans (a third of the archive in a dozen sizes, as uncompressed formats have), or crowded (every size has dozens
        of objects, as in an archive of many millions).
    """
    copies = 1 + _power_law(rng, objects)
    if kind == "viral":
        copies[0] = objects // 10
    total = np.cumsum(copies)
    copies = copies[: np.searchsorted(total, objects) + 1]
    contents = len(copies)
    size = np.exp(rng.normal(12.2, 1.0, contents)).astype(np.int64) + 1000
    if kind == "scans":
        chosen = rng.random(contents) < 1 / 3
        size[chosen] = (20_000_000 // np.arange(1, 13))[rng.zipf(1.5, chosen.sum()) % 12]
    if kind == "crowded":
        size = (size // 20_000 + 1) * 20_000
    owner = np.repeat(np.arange(contents), copies)
    owner = owner[rng.permutation(len(owner))]
    empty = np.zeros(len(owner), np.uint64)
    place = rng.integers(0, 2, len(owner)).astype(np.int32)
    held = np.zeros(len(owner), bool)
    places = (("hk", "s3", "hk", "STANDARD"), ("gz", "file", "", "FILE"))
    return Listed(size[owner], empty, empty, place, held, places, {}), (owner + 1).astype(np.uint64)


def _power_law(rng: np.random.Generator, contents: int) -> np.ndarray:
    """Extra copies of each content: most have none, a few have hundreds; a fifth of the objects in all."""
    some = rng.random(contents) < 0.12
    return np.where(some, np.minimum(rng.zipf(2.2, contents), contents // 20), 0)
