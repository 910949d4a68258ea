"""Union-find over rows, and the one inner loop that every union-find here shares."""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled, inlined


@inlined
def find(parent, i):
    """Find a root, halving the path."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@compiled
def _unite(parent, a, b):
    used = np.zeros(len(a), np.bool_)
    for k in range(len(a)):
        x, y = find(parent, a[k]), find(parent, b[k])
        if x != y:
            parent[max(x, y)] = min(x, y)
            used[k] = True
    return used


@compiled
def _roots(parent):
    roots = np.empty_like(parent)
    for i in range(len(parent)):
        roots[i] = find(parent, i)
    return roots


class Forest:
    """Union-find over rows 0..n-1; the root of a tree is its smallest row."""

    def __init__(self, rows: int):
        self.parent = np.arange(rows)

    def unite(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Unite the ends of edges; tell which edges joined two trees."""
        return _unite(self.parent, np.asarray(a, np.int64), np.asarray(b, np.int64))

    def labels(self) -> np.ndarray:
        """Give every row's root."""
        return _roots(self.parent)
