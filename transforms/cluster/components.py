"""Connected components of edges: one union-find, whatever the order of the edges."""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.compiled import compiled
from mirrorfold.transforms.blocks.union_find import find


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


def spanning_forest(edges: np.ndarray) -> np.ndarray:
    """Reduce edges, uint64 (edges, 2), to stars around the smallest node of each of their components."""
    labels = label_components(edges)
    return labels[labels[:, 0] != labels[:, 1]][:, ::-1]


def label_components(edges: np.ndarray) -> np.ndarray:
    """Give (node, component) of every linked node, uint64 (nodes, 2), sorted; a component is its smallest node."""
    if not len(edges):
        return np.empty((0, 2), np.uint64)
    nodes, rows = np.unique(edges, return_inverse=True)
    rows = rows.reshape(-1, 2)
    forest = Forest(len(nodes))
    forest.unite(rows[:, 0], rows[:, 1])
    return np.stack([nodes, nodes[forest.labels()]], axis=1)
