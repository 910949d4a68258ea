"""Which found object stands for which expected one: by place where the bytes agree, then by content elsewhere."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

PLACE, UNPROVED, ELSEWHERE, CHANGED, STEM = "place", "unproved", "elsewhere", "changed", "stem"
MATCH = pa.schema([("e", pa.int64()), ("t", pa.int64()), ("how", pa.string()), ("evidence", pa.string())])

PROOF = r"""
    CASE WHEN t.was_read AND e.sha256 IS NOT NULL THEN CASE WHEN t.sha256 = e.sha256 THEN 'read' ELSE 'no' END
         WHEN t.size <> e.size THEN 'no'
         WHEN t.sha256 IS NOT NULL AND e.sha256 IS NOT NULL
             THEN CASE WHEN t.sha256 = e.sha256 THEN 'sha256' ELSE 'no' END
         WHEN e.size = 0 THEN 'empty'
         WHEN t.md5 IS NOT NULL AND e.md5 IS NOT NULL THEN CASE WHEN t.md5 = e.md5 THEN 'md5' ELSE 'no' END
         WHEN t.crc32c IS NOT NULL AND e.crc32c IS NOT NULL
             THEN CASE WHEN t.crc32c = e.crc32c THEN 'crc32c' ELSE 'no' END
         WHEN t.store = 's3' AND e.store = 's3' AND t.etag = e.etag AND e.etag <> '' THEN 'etag'
         WHEN t.uri = e.uri AND t.version = e.version AND t.etag = e.etag AND e.etag <> '' THEN 'listed'
         ELSE '' END"""
"""What shows that the bytes are the same; 'no': they aren't; '': only reading tells. An S3 ETag is either made from the
bytes or (under KMS) never twice the same, so equal ones of one size are proof."""

DIGESTS = ("sha256", "md5", "crc32c")


def match(expected: pa.Table, found: pa.Table, *, home: bool = False, only_place: bool = False) -> pa.Table:
    """Pair expected objects with found ones, each at most once.

    Args:
      expected: the rows of `plan.EXPECTED_SQL` that are looked for; found: rows of `plan.FOUND` to look among.
      home: by the very URI, its version first; else by the key below the target, with or without the bucket's name or
        the library's before it, as the tools that move objects write it.
      only_place: no renamed and no other bytes are looked for.

    Returns:
      MATCH. `how` is place (same bytes where they belong), unproved (name and size, no digest), elsewhere (same bytes
      under another key), changed (other bytes in its place), stem (the same but for the name's ending).
    """
    if not expected.num_rows or not found.num_rows:
        return MATCH.empty_table()
    db = duckdb.connect(config={"threads": 2, "preserve_insertion_order": "false"})
    db.register("e", expected)
    db.register("t", found)
    pairs = _Pairs(expected, found)
    placed = db.sql(_placed(home)).to_arrow_table()
    proof = placed.column("proof").to_numpy(zero_copy_only=False)
    proved = (proof != "") & (proof != "no")
    pairs.take(placed, proved, PLACE)
    pairs.take(placed, proof == "", UNPROVED)
    if not only_place:
        for digest in DIGESTS:
            pairs.elsewhere(digest)
        pairs.take(placed, proof == "no", CHANGED)
        if not home:
            pairs.stems(db)
    return pairs.table()


def _placed(home: bool) -> str:
    if home:
        where = "SELECT e.e, t.t, CASE WHEN e.version = t.version THEN 0 ELSE 1 END AS rank FROM e JOIN t USING (uri)"
        where += " WHERE e.version = t.version OR (t.is_latest AND e.is_latest)"
    else:
        folder = "regexp_extract(e.bucket, '[^/]*$')"
        names = (
            "e.key",
            f"{folder} || '/' || e.key",
            "e.library || '/' || e.key",
            "ltrim(e.bucket, '/') || '/' || e.key",
        )
        where = " UNION ALL ".join(
            f"SELECT e.e, t.t, {rank} AS rank FROM e JOIN t ON t.rel = {name}"
            " WHERE (t.serves IS NULL OR t.serves = e.library)" + (f" AND {folder} <> e.bucket" if rank == 3 else "")
            for rank, name in enumerate(names)
        )
    return f"""
        WITH places AS ({where})
        SELECT places.e AS e, places.t AS t, {PROOF} AS proof
        FROM places JOIN e ON e.e = places.e JOIN t ON t.t = places.t ORDER BY places.rank, places.e, places.t"""


class _Pairs:
    """Pairs made so far, and what is still free on either side."""

    def __init__(self, expected: pa.Table, found: pa.Table):
        self.expected, self.found = expected, found
        self.free_e = np.zeros(_top(expected, "e"), bool)
        self.free_t = np.zeros(_top(found, "t"), bool)
        self.free_e[expected.column("e").to_numpy()] = True
        self.free_t[found.column("t").to_numpy()] = True
        self.made: list[pa.Table] = []

    def take(self, candidates: pa.Table, among: np.ndarray, how: str) -> None:
        """Take candidates in their order as long as both sides are free."""
        es, ts = (candidates.column(name).to_numpy()[among] for name in ("e", "t"))
        proofs = candidates.column("proof").to_numpy(zero_copy_only=False)[among]
        kept = []
        free_e, free_t = self.free_e, self.free_t
        for row, (e, t) in enumerate(zip(es.tolist(), ts.tolist(), strict=True)):
            if free_e[e] and free_t[t]:
                free_e[e] = free_t[t] = False
                kept.append(row)
        chosen = np.array(kept, np.int64)
        self._add(es[chosen], ts[chosen], how, [proof if proof not in ("", "no") else None for proof in proofs[chosen]])

    def elsewhere(self, digest: str) -> None:
        """Pair what is left and has the same digest and size, whatever its name."""
        e, t = self._left()
        if not e.num_rows or not t.num_rows:
            return
        db = duckdb.connect(config={"threads": 2})
        db.register("e", e)
        db.register("t", t)
        found = db.sql(f"""
            WITH a AS (SELECT e, library, {digest} AS d, size,
                           row_number() OVER (PARTITION BY {digest}, size ORDER BY e) AS n
                       FROM e WHERE {digest} IS NOT NULL),
                 b AS (SELECT t, serves, was_read, {digest} AS d, size,
                           row_number() OVER (PARTITION BY {digest}, size ORDER BY t) AS n
                       FROM t WHERE {digest} IS NOT NULL)
            SELECT e, t, CASE WHEN was_read AND '{digest}' = 'sha256' THEN 'read' ELSE '{digest}' END AS proof
            FROM a JOIN b USING (d, size, n) WHERE serves IS NULL OR serves = library ORDER BY e, t""").to_arrow_table()
        self.take(found, np.ones(found.num_rows, bool), ELSEWHERE)

    def stems(self, db: duckdb.DuckDBPyConnection) -> None:
        """Pair what is left by its name without the ending: a converted file keeps the rest."""
        e, t = self._left()
        if not e.num_rows or not t.num_rows:
            return
        db.register("e_left", e)
        db.register("t_left", t)
        stem = r"regexp_replace({}, '[.][^./]*$', '')"
        rows = db.sql(f"""
            SELECT e_left.e, t_left.t, '' AS proof FROM e_left JOIN t_left ON {stem.format("t_left.rel")} IN (
                {stem.format("e_left.key")}) WHERE serves IS NULL OR serves = e_left.library
            ORDER BY 1, 2""").to_arrow_table()
        self.take(rows, np.ones(rows.num_rows, bool), STEM)

    def table(self) -> pa.Table:
        return pa.concat_tables(self.made).combine_chunks() if self.made else MATCH.empty_table()

    def _left(self) -> tuple[pa.Table, pa.Table]:
        return (
            self.expected.filter(pa.array(self.free_e[self.expected.column("e").to_numpy()])),
            self.found.filter(pa.array(self.free_t[self.found.column("t").to_numpy()])),
        )

    def _add(self, es: np.ndarray, ts: np.ndarray, how: str, evidence: list) -> None:
        columns = [pa.array(es), pa.array(ts), pa.repeat(how, len(es)), pa.array(evidence, pa.string())]
        self.made.append(pa.table(columns, schema=MATCH))


def _top(rows: pa.Table, name: str) -> int:
    return int(rows.column(name).to_numpy().max()) + 1 if rows.num_rows else 0
