"""A plan in waves: a canary first, the rest in order, and what belongs together in one wave."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.waves import WAVES
from mirrorfold.transforms.blocks.union_find import Forest
from mirrorfold.transforms.publish.manifests.rows import PlanRow


@dataclass
class Wave:
    """A part of a plan that is handed out by itself.

    Attributes:
      number: from 1; of: how many there are; named: what it is of.
      keys: (uri, version) of its rows.
      refused: why a row is in no list, once they are written.
    """

    number: int
    of: int
    named: str
    keys: frozenset[tuple[str, str]]
    refused: dict[tuple[str, str], str] = field(default_factory=dict)

    def __contains__(self, row: object) -> bool:
        return isinstance(row, PlanRow) and (row.uri, row.version) in self.keys

    @property
    def folder(self) -> str:
        """Name its folder below an export's."""
        return f"wave-{self.number:04d}/"


WAYS = ("library", "prefix", "bytes", "risk")
RISKS = (
    "equal bytes, more than one copy stays",
    "equal bytes that were read",
    "equal bytes by a digest that the store states",
    "other bytes, by a person's word",
    "other bytes, by the policy",
)
"""What a row that goes rests on, the surest first."""
CANARY = "canary"
ROWS_SQL = """
    SELECT d.uri, d.version, d.library, d.size, d.cluster_id, d.package, d.companions,
        concat(d.library, ' ', o.store, '://', o.bucket, '/',
            CASE WHEN contains(o.key, '/') THEN split_part(o.key, '/', 1) || '/' ELSE '' END) AS prefix,
        CASE WHEN d.tier_to_kept <> 'identical' THEN CASE WHEN starts_with(d.rule, 'verdict-') THEN 3 ELSE 4 END
            WHEN d.copies_left > 1 THEN 0 WHEN o.identity_evidence IN ('read', 'previous') THEN 1 ELSE 2 END AS risk
    FROM decisions d JOIN objects o USING (uri, version) WHERE d.action = 'quarantine' ORDER BY d.uri, d.version"""
"""What `part` asks of a plan's tables."""


def check_share(share: float) -> None:
    """Refuse a share that makes no canary.

    Raises:
      ValueError: one line saying what to write.
    """
    if not 0 < share < 1:
        raise ValueError(f"--wave {share:.4g}: a canary is a share of the plan above 0 and below 100%, like 1%")


def part(rows: pa.Table, share: float, by: str, plan: str) -> pa.Table:
    """Give each row of a plan its wave: the table `waves`.

    The canary is a share drawn at random over everything (the plan's name is the seed). After it comes a wave for each
    library, prefix or level of risk, the smallest first (of risk, the surest), or with `bytes` waves that double.
    Libraries and prefixes that are smaller than the canary share a wave. What
    belongs together goes with the last of it, and may make a wave larger than asked for.

    Args:
      rows: as ROWS_SQL gives them.
      share: of the canary, of the rows, or of the bytes with `bytes`.
    """
    if not rows.num_rows:
        return WAVES.schema.empty_table()
    units = _together(rows)
    _, unit = np.unique(units, return_inverse=True)
    size = rows.column("size").to_numpy()
    weight = np.bincount(unit, weights=size if by == "bytes" else np.ones(len(size)))
    draw = np.argsort(_numbers(plan, rows.column("uri").take(pa.array(np.unique(units))).to_pylist()), kind="stable")
    canary = _fill(weight, draw, share)
    if by == "bytes":
        level, names = _doubling(weight, draw, canary, share)
    else:
        of_row, names = _levels(rows, by)
        level = np.zeros(len(weight), np.int64)
        np.maximum.at(level, unit, of_row)
        if by != "risk":
            level, names = _joined(level, np.where(canary, 0, weight), names, weight.sum() * share)
    level = np.where(canary, -1, level)
    used, wave = np.unique(level[unit], return_inverse=True)
    said = [CANARY if number < 0 else names[number] for number in used]
    uris = rows.column("uri")
    return pa.table(
        [
            uris,
            rows.column("version"),
            pa.array(wave + 1, pa.int32()),
            pa.array(said).take(pa.array(wave)),
            uris.take(pa.array(units)),
            rows.column("size"),
            pa.nulls(rows.num_rows, pa.string()),
            pa.repeat(plan, rows.num_rows),
        ],
        schema=WAVES.schema,
    )


def _together(rows: pa.Table) -> np.ndarray:
    """Give each row the first row that it belongs together with."""
    forest, numbers = Forest(rows.num_rows), np.arange(rows.num_rows)
    for name in ("cluster_id", "package"):
        _link(forest, numbers, rows.column(name).combine_chunks())
    companions = rows.column("companions").combine_chunks()
    beside = pc.list_parent_indices(companions).to_numpy()
    names = pa.chunked_array([*rows.column("uri").chunks, pc.list_flatten(companions)], pa.string()).combine_chunks()
    _link(forest, np.concatenate([numbers, beside]), names)
    return forest.labels()


def _link(forest: Forest, numbers: np.ndarray, values: pa.Array) -> None:
    """Unite the rows that have a value in common."""
    known = values.is_valid().to_numpy(zero_copy_only=False)
    if not known.any():
        return
    codes = values.drop_null().dictionary_encode().indices.to_numpy()
    mine = numbers[known]
    _, first = np.unique(codes, return_index=True)
    forest.unite(mine, mine[first][codes])


def _fill(weight: np.ndarray, draw: np.ndarray, share: float) -> np.ndarray:
    """Choose units in the order of a draw, as many as fit into a share; at least the smallest one."""
    left, chosen = weight.sum() * share, np.zeros(len(weight), bool)
    for unit, heavy in zip(draw.tolist(), weight[draw].tolist(), strict=True):
        if heavy <= left:
            chosen[unit], left = True, left - heavy
    if not chosen.any():
        chosen[draw[np.argmin(weight[draw])]] = True
    return chosen


def _doubling(weight: np.ndarray, draw: np.ndarray, canary: np.ndarray, share: float) -> tuple[np.ndarray, list[str]]:
    """Give units in the order of a draw to waves of twice, four times ... the canary's share."""
    rest, steps = draw[~canary[draw]], [share * 2]
    while sum(steps) < 1 - share:
        steps.append(steps[-1] * 2)
    before = (np.cumsum(weight[rest]) - weight[rest]) / max(weight.sum(), 1)
    level = np.zeros(len(weight), np.int64)
    level[rest] = np.minimum(np.searchsorted(np.cumsum(steps), before, side="right"), len(steps) - 1)
    return level, [*(f"{step * 100:.3g}% of the bytes" for step in steps[:-1]), "the rest of the bytes"]


def _levels(rows: pa.Table, by: str) -> tuple[np.ndarray, list[str]]:
    """Give each row the number of its library, prefix or risk in the order in which they go, and their names."""
    if by == "risk":
        return rows.column("risk").to_numpy().astype(np.int64), list(RISKS)
    codes = rows.column(by).combine_chunks().dictionary_encode()
    names, counts = codes.dictionary.to_pylist(), np.bincount(codes.indices.to_numpy())
    order = sorted(range(len(names)), key=lambda number: (counts[number], names[number]))
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    return rank[codes.indices.to_numpy()], [names[number] for number in order]


def _joined(level: np.ndarray, weight: np.ndarray, names: list[str], least: float) -> tuple[np.ndarray, list[str]]:
    """Put levels that follow one another into one wave until it is as large as the canary: nobody waits 900 times."""
    sizes, new = np.bincount(level, weights=weight, minlength=len(names)), np.zeros(len(names), np.int64)
    told: list[list[str]] = []
    reached = least
    for number in np.flatnonzero(sizes).tolist():
        if reached >= least:
            told.append([])
            reached = 0.0
        new[number] = len(told) - 1
        told[-1].append(names[number])
        reached += sizes[number]
    return new[level], [found[0] + (f" and {len(found) - 1:,} more" if found[1:] else "") for found in told]


def _numbers(seed: str, names: list[str]) -> np.ndarray:
    """Draw a number for each name, the same on every machine."""
    drawn = (hashlib.sha256(f"{seed} {name}".encode()).digest()[:8] for name in names)
    return np.frombuffer(b"".join(drawn), np.dtype(">u8")).astype(np.uint64)
