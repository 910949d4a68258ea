"""Matches -> the table `reconciliation`."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from mirrorfold.schemas.reconciliation import RECONCILIATION
from mirrorfold.transforms.reconcile.match import MATCH

OTHERWISE = pa.schema([("e", pa.int64()), ("t", pa.int64()), ("tier", pa.string()), ("kind", pa.string())])
"""Found objects that show an expected picture in other bytes."""
NOTES = pa.schema([("t", pa.int64()), ("note", pa.string())])


@dataclass(frozen=True)
class Asked:
    """What was asked of each expected object, and how its matches came out.

    Attributes:
      homes, destinations: rows (e) whose own place, or whose destination, one of the targets covers.
      quarantine: whether a quarantine was named.
      over: whether the quarantine's days can be over by now.
      home, destination, brought, aside: MATCH of each: in its own place, at the destination, set aside and yet at the
        destination, in quarantine.
      otherwise: OTHERWISE; notes: NOTES, what a store answered instead of giving bytes.
      accept: a recompressed picture counts as the content that it shows.
    """

    homes: pa.Array
    destinations: pa.Array
    quarantine: bool
    over: bool
    home: pa.Table = field(default_factory=MATCH.empty_table)
    destination: pa.Table = field(default_factory=MATCH.empty_table)
    brought: pa.Table = field(default_factory=MATCH.empty_table)
    aside: pa.Table = field(default_factory=MATCH.empty_table)
    otherwise: pa.Table = field(default_factory=OTHERWISE.empty_table)
    notes: pa.Table = field(default_factory=NOTES.empty_table)
    accept: bool = False


HOME = """
    CASE WHEN h.e IS NULL THEN 'gone'
         WHEN h.how = 'changed' THEN 'changed'
         WHEN h.how = 'unproved' THEN 'unproved'
         WHEN h.how = 'elsewhere' THEN 'again'
         WHEN ht.version = e.version AND e.is_latest AND NOT ht.is_latest THEN 'hidden'
         WHEN ht.version = e.version AND ht.etag = e.etag THEN 'there'
         ELSE 'again' END"""

STATE = """
    CASE
      WHEN action = 'quarantine' THEN CASE
        WHEN b_t IS NOT NULL THEN 'unexpected'
        WHEN a_t IS NOT NULL AND home = 'again' THEN 'restored'
        WHEN a_t IS NOT NULL THEN 'quarantined'
        WHEN home IN ('there', 'unproved') THEN 'waiting'
        WHEN home = 'again' THEN 'restored'
        WHEN home = 'hidden' THEN 'quarantined'
        WHEN home = 'changed' THEN 'changed'
        WHEN home = 'gone' AND over THEN 'deleted'
        WHEN home = 'gone' AND quarantine THEN 'deleted-early'
        WHEN home = 'gone' THEN 'gone'
        WHEN to_destination THEN 'left-behind'
        ELSE 'not-asked' END
      WHEN to_destination AND is_latest THEN CASE
        WHEN d_how IN ('place', 'elsewhere') THEN 'arrived'
        WHEN d_how = 'unproved' THEN 'unproved'
        WHEN otherwise_tier IS NOT NULL THEN 'arrived-otherwise'
        WHEN d_how = 'changed' THEN 'changed'
        WHEN home = 'gone' THEN 'deleted-though-kept'
        ELSE 'missing' END
      WHEN home IN ('there', 'again') THEN 'in-place'
      WHEN home IN ('changed', 'hidden', 'unproved') THEN home
      WHEN home = 'gone' THEN 'deleted-though-kept'
      ELSE 'not-asked' END"""


def reconcile(expected: pa.Table, found: pa.Table, asked: Asked) -> pa.Table:
    """Say of every expected object, and of everything else that was found, what became of it: `reconciliation`."""
    db = duckdb.connect(config={"threads": 2, "preserve_insertion_order": "false"})
    named = {
        "e": expected, "t": found, "h": asked.home, "d": asked.destination, "b": asked.brought, "a": asked.aside,
        "o": asked.otherwise, "n": asked.notes, "homes": pa.table({"e": asked.homes}),
        "destinations": pa.table({"e": asked.destinations}),
    }  # fmt: skip
    for name, table in named.items():
        db.register(name, table)
    flags = [f"{asked.quarantine} AS quarantine", f"{asked.over} AS over"]
    db.execute(f"""
        CREATE TABLE joined AS
        SELECT e.*, {", ".join(flags)}, dest.e IS NOT NULL AS to_destination,
            CASE WHEN homes.e IS NOT NULL THEN {HOME} END AS home,
            h.t AS h_t, h.evidence AS h_evidence, h.how AS h_how, d.t AS d_t, d.how AS d_how, d.evidence AS d_evidence,
            b.t AS b_t, b.evidence AS b_evidence, a.t AS a_t, a.how AS a_how, a.evidence AS a_evidence,
            o.t AS o_t, o.tier AS otherwise_tier, o.kind AS otherwise_kind
        FROM e LEFT JOIN homes ON homes.e = e.e LEFT JOIN destinations dest ON dest.e = e.e
        LEFT JOIN h ON h.e = e.e LEFT JOIN t ht ON ht.t = h.t LEFT JOIN d ON d.e = e.e LEFT JOIN b ON b.e = e.e
        LEFT JOIN a ON a.e = e.e LEFT JOIN o ON o.e = e.e""")
    db.execute(f"CREATE TABLE judged AS SELECT *, {STATE} AS state FROM joined")
    db.execute(_somewhere(asked.accept))
    return db.sql(_rows()).to_arrow_table().cast(RECONCILIATION.schema)


def _somewhere(accept: bool) -> str:
    """Name the contents that some target has. What was never read is a content of its own, by its URI and version."""
    otherwise = " OR state = 'arrived-otherwise'" if accept else ""
    return f"""
        CREATE TABLE somewhere AS
        SELECT DISTINCT coalesce(content_id, uri || chr(10) || version) AS content FROM judged
        WHERE d_how IN ('place', 'elsewhere', 'unproved') OR home IN ('there', 'again', 'hidden', 'unproved')
            OR b_t IS NOT NULL OR (a_t IS NOT NULL AND a_how <> 'changed'){otherwise}
        UNION SELECT sha256 FROM t WHERE sha256 IS NOT NULL"""


def _rows() -> str:
    used = " UNION ".join(
        f"SELECT {name}_t FROM judged WHERE {name}_t IS NOT NULL" + (" AND d_how <> 'stem'" if name == "d" else "")
        for name in "hdbao"
    )
    return f"""
        WITH planned AS (
            SELECT *, CASE WHEN state = 'arrived-otherwise' THEN o_t
                WHEN action = 'quarantine' THEN coalesce(b_t, a_t, h_t)
                WHEN d_how <> 'stem' THEN coalesce(d_t, h_t) ELSE h_t END AS f FROM judged)
        SELECT p.uri, p.version, p.library, p.action, p.content_id, p.size, p.state, p.home, ft.uri AS found_uri,
            ft.version AS found_version, ft.size AS found_size,
            CASE WHEN p.f IS NULL THEN NULL WHEN p.f = p.o_t THEN CASE WHEN p.d_t = p.o_t AND p.d_how = 'changed'
                THEN 'same' ELSE 'elsewhere' END
                WHEN p.f = p.d_t AND p.d_how = 'elsewhere' OR p.f = p.a_t AND p.a_how = 'elsewhere'
                    OR p.f = p.h_t AND p.h_how = 'elsewhere' THEN 'elsewhere' ELSE 'same' END AS place,
            CASE WHEN p.f = p.o_t THEN NULL WHEN p.f = p.b_t THEN p.b_evidence WHEN p.f = p.a_t THEN p.a_evidence
                WHEN p.f = p.d_t THEN p.d_evidence WHEN p.f = p.h_t THEN p.h_evidence END AS evidence,
            CASE WHEN p.state = 'arrived-otherwise' THEN p.otherwise_tier END AS tier,
            CASE WHEN p.state = 'arrived-otherwise' THEN p.otherwise_kind END AS kind,
            p.action <> 'quarantine' AND p.state <> 'not-asked' AND s.content IS NULL AS nowhere,
            coalesce(n.note, CASE WHEN p.b_t IS NOT NULL THEN 'the plan sets it aside, and it was brought along' END,
                CASE WHEN p.state = 'missing' AND s.content IS NOT NULL THEN 'its content lies elsewhere' END) AS detail
        FROM planned p LEFT JOIN t ft ON ft.t = p.f LEFT JOIN n ON n.t = p.f
        LEFT JOIN somewhere s ON s.content = coalesce(p.content_id, p.uri || chr(10) || p.version)
        UNION ALL
        SELECT t.uri, t.version, t.library, NULL, t.sha256, t.size, 'unexpected', NULL, t.uri, t.version, t.size, NULL,
            NULL, NULL, NULL, false, coalesce(n.note, CASE WHEN k.sha256 IS NOT NULL
                THEN 'one more copy of a content of the plan' END, 'nothing in the plan explains it')
        FROM t LEFT JOIN n USING (t) LEFT JOIN (SELECT DISTINCT sha256 FROM e WHERE sha256 IS NOT NULL) k
            ON k.sha256 = t.sha256
        WHERE t.is_latest AND t.t NOT IN (
            {used})
            AND NOT EXISTS (SELECT 1 FROM e WHERE e.uri = t.uri AND e.version = t.version)
        ORDER BY uri, version"""
