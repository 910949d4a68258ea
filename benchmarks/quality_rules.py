"""What each rule costs: false pairs per million over all pairs of distinct pictures of one class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from rich.console import Console
from rich.table import Table

from mirrorfold.transforms.match.features import DETAIL, Features
from mirrorfold.transforms.match.in_process import candidate_edges
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.signatures import node_ids
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier

NAMES = ("phash64", "phash256", "dhash256", "pdq256")
RULES = (
    ("phash64 <= 4", 0, 4),
    ("phash64 <= 6", 0, 6),
    ("phash64 <= 8", 0, 8),
    ("phash256 <= 32", 1, 32),
    ("phash256 <= 60", 1, 60),
    ("dhash256 <= 26", 2, 26),
    ("PDQ <= 31", 3, 31),
    ("PDQ <= 66", 3, 66),
)


JOINING = ("picture-digest", "rule-a", "aligned", "marked")
"""Verification rules by which a pair joins a cluster; `aligned-256` needs the files again."""


@njit(cache=True)
def _count(hashes, large, column, limit):
    found = 0
    for i in range(len(hashes)):
        for j in range(i + 1, len(hashes)):
            distance = 0
            if column == 0:
                distance = _bits(hashes[i] ^ hashes[j])
            else:
                for word in range(4):
                    distance += _bits(large[i, column - 1, word] ^ large[j, column - 1, word])
            found += distance <= limit
    return found


@njit(cache=True, inline="always")
def _bits(x):
    x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


def rule_costs(contents: pa.Table, radius: int, detail: Callable[[str], bytes]) -> dict[str, int]:
    """Count the pairs of distinct pictures that pass each rule, and the pairs there are.

    Args:
      detail: reads a content again, as match.refetch_bytes lets a run do.
    """
    verifier = Verifier(Rule(radius, CHECK_LIMIT))
    features = verifier.features(contents)
    rows = len(features)
    counts = {"pairs": rows * (rows - 1) // 2}
    for name, column, limit in RULES:
        counts[name] = _count(np.ascontiguousarray(features.hashes[:, 0]), features.large, column, limit)
    pairs = _candidates(contents, features, radius)
    counts["candidates of the search"] = len(pairs)
    judged = verifier.verify(features, pairs)
    joined = judged.filter(judged.column("joins"))
    for column, names in (("rule", JOINING), ("tier", ("same-picture", "near-certain", "probable"))):
        found = Counter(joined.column(column).to_pylist())
        counts |= {f"{column} {name}, joins a cluster": found[name] for name in names}
    return counts | _detail_costs(contents, verifier, pairs[judged.column("undecided").to_numpy()], detail)


def _detail_costs(contents: pa.Table, verifier: Verifier, pairs: np.ndarray, detail) -> dict[str, int]:
    """Count the undecided pairs, and those of them that join once both are read again."""
    wanted = set(pairs.ravel().tolist())
    names = contents.column("content_id").to_pylist()
    details = [detail(name) if row in wanted else None for row, name in enumerate(names)]
    features = verifier.features(contents.append_column(DETAIL, pa.array(details, pa.binary())))
    joins = pc.sum(verifier.verify(features, pairs).column("joins")).as_py() or 0
    return {"undecided, worth reading again": len(pairs), "rule aligned-256, joins a cluster": joins}


def _candidates(contents: pa.Table, features: Features, radius: int) -> np.ndarray:
    edges = candidate_edges(contents, Verifier(Rule(radius, CHECK_LIMIT)))
    nodes = node_ids(contents.column("content_id"))
    order = np.argsort(nodes)
    ends = np.stack([edges.column(side).to_numpy() for side in "ab"], axis=1)
    return np.sort(order[np.searchsorted(nodes[order], ends)], axis=1)


def print_costs(tables: dict[str, dict[str, int]], console: Console) -> None:
    """Print false pairs per million of each rule, a column for each class."""
    table = Table(title="False pairs per million distinct pairs (count)", title_justify="left")
    table.add_column("rule")
    for group, counts in tables.items():
        table.add_column(f"{group}: {counts['pairs'] / 1e6:.1f} M pairs", justify="right")
    for rule in list(next(iter(tables.values())))[1:]:
        cells = [f"{1e6 * counts[rule] / counts['pairs']:.3g} ({counts[rule]:,})" for counts in tables.values()]
        table.add_row(rule, *cells)
    console.print(table)
