"""The one inner loop that every union-find here shares."""

from __future__ import annotations

from mirrorfold.transforms.blocks.compiled import inlined


@inlined
def find(parent, i):
    """Find a root, halving the path."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i
