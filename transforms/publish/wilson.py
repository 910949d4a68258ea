"""How sure a tier is, from the verdicts that people gave on a random sample of its pairs."""

from __future__ import annotations

import math

Z95 = 1.959963984540054


def wilson(right: int, looked: int, z: float = Z95) -> tuple[float, float]:
    """Give the Wilson score interval of a proportion, both ends in 0..1 (Wilson 1927).

    Unlike the textbook interval it stays honest near 100 % and for small samples: where reviewed pairs lie.
    """
    if not looked:
        return 0.0, 1.0
    share, spread = right / looked, z * z / looked
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / looked + spread / (4 * looked))
    return max(0.0, middle - half), min(1.0, middle + half)
