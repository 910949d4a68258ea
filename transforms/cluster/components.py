"""Connected components of edges: one union-find, or stars by parts, whatever the order of the edges.

Stars by parts are the large-star and small-star steps of Kiveris, Lattanzi, Mirrokni, Rastogi and Vassilvitskii,
"Connected Components in MapReduce and Beyond" (2014): each looks at one node and its neighbours alone, keeps the
components, and makes no more edges than there are; in turns they end with a star around each component's smallest
node.
"""

from __future__ import annotations

import numpy as np

from mirrorfold.transforms.blocks.union_find import Forest


def label_components(edges: np.ndarray) -> np.ndarray:
    """Give (node, component) of every linked node, uint64 (nodes, 2), sorted; a component is its smallest node."""
    if not len(edges):
        return np.empty((0, 2), np.uint64)
    nodes, rows = np.unique(edges, return_inverse=True)
    rows = rows.reshape(-1, 2)
    forest = Forest(len(nodes))
    forest.unite(rows[:, 0], rows[:, 1])
    return np.stack([nodes, nodes[forest.labels()]], axis=1)


def both_ways(edges: np.ndarray) -> np.ndarray:
    """Give edges, uint64 (edges, 2), from either end."""
    return np.concatenate([edges, edges[:, ::-1]])


def large_star(edges: np.ndarray) -> np.ndarray:
    """Link the larger neighbours of each node with the smallest of it and all its neighbours.

    Args:
      edges: uint64 (edges, 2), node and neighbour, both ways; all of a node are here.

    Returns:
      uint64 (edges, 2), the larger node first.
    """
    node, other, smallest = _smallest_neighbours(edges)
    larger = other > node
    return np.unique(np.stack([other[larger], np.minimum(smallest, node)[larger]], axis=1), axis=0)


def small_star(edges: np.ndarray) -> np.ndarray:
    """Link each node and its smaller neighbours with the smallest of these.

    Args:
      edges: uint64 (edges, 2), the larger node first; all of a larger node are here.

    Returns:
      The same form.
    """
    node, other, smallest = _smallest_neighbours(edges)
    linked = np.concatenate([np.stack([node, smallest], axis=1), np.stack([other, smallest], axis=1)])
    return np.unique(linked[linked[:, 0] != linked[:, 1]], axis=0)


def open_stars(edges: np.ndarray) -> np.ndarray:
    """Give what still links stars, uint64 (edges, 2): a node's smaller neighbours, where it has another neighbour too.

    Args:
      edges: as for `large_star`.
    """
    node, other, _ = _smallest_neighbours(edges)
    starts = _runs(node)
    each = np.diff(starts, append=len(node))
    between = (other < node) & (np.repeat(each, each) > 1)
    return np.stack([node[between], other[between]], axis=1)


def _smallest_neighbours(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort edges; give node, neighbour, and the node's smallest neighbour."""
    edges = np.unique(edges[edges[:, 0] != edges[:, 1]], axis=0)
    node, other = edges[:, 0], edges[:, 1]
    starts = _runs(node)
    return node, other, np.repeat(other[starts], np.diff(starts, append=len(node)))


def _runs(values: np.ndarray) -> np.ndarray:
    """Give where each run of equal sorted values starts."""
    return np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1]))) if len(values) else np.empty(0, int)
