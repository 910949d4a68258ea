"""What the report says, as numbers: each query's answer is small, whatever the archive's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from mirrorfold.transforms.blocks.tables import rows_of
from mirrorfold.transforms.publish.at_risk import AT_RISK
from mirrorfold.transforms.publish.queue import WAITING_BYTES, WAITS

LARGEST = 12
"""Clusters shown in the report."""

MEMBERS = 6
"""Different files shown of each."""


@dataclass(frozen=True)
class Facts:
    """The report's numbers, as lists of plain dicts.

    Attributes:
      totals: objects, bytes, contents, clusters, asked, unreadable, skipped; hold_unknown, lifecycle_unknown, nowhere
        (in no jurisdiction), protected, packages, packaged (objects in them), packaged_going,
        at_risk (contents without a copy that lasts).
      plan: by library, tier, action and ground (identical, people, policy): objects, bytes, freed, below, waits
        and waiting (bytes and objects that a person could free, see `queue.WAITING`).
      mirrors: by library and other library: objects and bytes that the other one holds too.
      libraries: objects and bytes of each library.
      thresholds: by tier and Hamming distance: objects and bytes that a person or a policy may still free.
      effort: pairs to look at and bytes they free, cumulated, largest first: at most 200 points.
      formats: by media type: contents, bytes.
      failures: by stage and code: objects, libraries, one example.
      largest: the clusters that free most.
      members: the different files of these clusters: what is kept, then what frees most.
      changes: by library: objects new, changed and gone since the previous run, and bytes: new duplication, savings
        realised, plans not acted on.
      goes: what is set aside, by `way` (rule, library, jurisdiction, class) and `name`: objects, bytes, an example.
      holds: by reason: objects that are held, or may be, and an example. clashes: the same by field that conflicts.
      relied: objects that changed or are gone and that the previous plan kept for others; the most relied on first.
      rotted: objects whose bytes changed unseen, with `copies`, how many there are in all.
    """

    totals: dict[str, int]
    plan: list[dict]
    mirrors: list[dict]
    libraries: list[dict]
    thresholds: list[dict]
    effort: list[dict]
    formats: list[dict]
    failures: list[dict]
    largest: list[dict]
    members: list[dict]
    changes: list[dict]
    relied: list[dict]
    goes: list[dict]
    holds: list[dict]
    clashes: list[dict]
    rotted: list[dict]


def gather(connection: duckdb.DuckDBPyConnection) -> Facts:
    """Ask the tables for everything that the report shows; needs the queue's `asked` table."""
    return Facts(**{name: _answer(connection, name, sql) for name, sql in QUERIES.items()})


def _answer(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> Any:
    rows = rows_of(connection, sql)
    return {key: value or 0 for key, value in rows[0].items()} if name == "totals" else rows


_LARGEST = f"""
    select cluster_id, count(*)::bigint objects, sum(size)::bigint bytes,
        coalesce(sum(bytes_freed) filter (where action = 'quarantine'), 0)::bigint freed,
        coalesce(sum(bytes_freed) filter (where action = 'review'), 0)::bigint review,
        list(distinct library order by library) libraries, count(distinct content_id)::bigint contents
    from decisions where cluster_id is not null
    group by cluster_id order by sum(bytes_freed) desc, bytes desc, cluster_id limit {LARGEST}
"""

QUERIES = {
    "totals": f"""
        select (select count(*) from decisions)::bigint objects, (select sum(size) from decisions)::bigint bytes,
            (select count(*) from contents)::bigint contents, (select count(*) from asked)::bigint asked,
            (select count(distinct cluster_id) from clusters)::bigint clusters,
            (select count(*) from failures where stage <> 'skipped')::bigint unreadable,
            (select count(*) from failures where stage = 'skipped')::bigint skipped,
            (select count(*) from decisions where "rule" = 'hold-unknown')::bigint hold_unknown,
            (select count(*) from decisions where "rule" = 'lifecycle-unknown')::bigint lifecycle_unknown,
            (select count(*) from decisions where jurisdiction is null)::bigint nowhere,
            (select count(*) from decisions where "rule" = 'protected')::bigint protected,
            (select count(distinct package) from decisions)::bigint packages,
            (select count(package) from decisions)::bigint packaged,
            (select count(package) from decisions where action = 'quarantine')::bigint packaged_going,
            (select count(distinct content_id) from ({AT_RISK}))::bigint at_risk
    """,
    "goes": """
        select case when grouping("rule") = 0 then 'rule' when grouping(library) = 0 then 'library'
                when grouping(jurisdiction) = 0 then 'jurisdiction' else 'class' end way,
            coalesce("rule", library, jurisdiction, storage_class) "name", count(*)::bigint objects,
            sum(size)::bigint bytes, min(uri) example
        from (select * replace (coalesce(jurisdiction, '') as jurisdiction) from decisions) where action = 'quarantine'
        group by grouping sets ("rule", library, jurisdiction, storage_class) order by all
    """,
    "holds": """
        select kind, count(*)::bigint objects, min(uri) example
        from hold_checks where hold <> 'no' group by kind
        union all
        select 'hold-list', count(*)::bigint, min(uri) from decisions where "rule" = 'hold'
            and (uri, version) not in (select uri, version from hold_checks) having count(*) > 0
        order by objects desc, kind
    """,
    "clashes": """
        select field, count(*)::bigint objects, min(uri) example
        from (select uri, unnest(conflicts) field from decisions where action <> 'quarantine') group by field
        order by objects desc, field
    """,
    "plan": f"""
        select library, coalesce(tier_to_kept, 'none') tier, action,
            case when starts_with("rule", 'verdict-') then 'people' when tier_to_kept = 'identical' then 'identical'
                else 'policy' end ground,
            count(*)::bigint objects,
            sum(size)::bigint bytes, sum(bytes_freed)::bigint freed, sum(bytes_below_cutoff)::bigint below,
            (count(*) filter (where bytes_below_cutoff > 0))::bigint below_objects,
            coalesce(sum({WAITING_BYTES}) filter (where {WAITS} and content_id is not null), 0)::bigint waits,
            (count(*) filter (where {WAITS} and content_id is not null))::bigint waiting
        from decisions d group by all order by all
    """,
    "libraries": """
        select library, count(*)::bigint objects, sum(size)::bigint bytes
        from decisions group by all order by bytes desc, library
    """,
    "mirrors": """
        with held as (select cluster_id, library, count(*) n from clusters group by all),
        sized as (select c.cluster_id, c.library, c.uri, d.size
                  from clusters c join decisions d on c.uri = d.uri and c.version = d.version)
        select s.library, h.library other, count(*)::bigint objects, sum(s.size)::bigint bytes
        from sized s join held h using (cluster_id)
        where s.library <> h.library or h.n > 1 group by all order by all
    """,
    "thresholds": """
        select c.tier, c.d_phash64 distance, count(*)::bigint objects,
            sum(d.bytes_freed + d.bytes_below_cutoff)::bigint bytes
        from decisions d join clusters c on c.uri = d.uri and c.version = d.version
        where d.action = 'review' or d.bytes_below_cutoff > 0 group by all order by all
    """,
    "effort": """
        with ranked as (select bytes_freed, row_number() over w n, sum(bytes_freed) over w bytes, count(*) over () pairs
            from asked where not sample_only and beside = ''
            window w as (order by bytes_freed desc, content_a, content_b rows unbounded preceding))
        select n::bigint pairs, bytes::bigint bytes from ranked
        where n = pairs or n % greatest(1, pairs // 200) = 0 or n <= 10 order by n
    """,
    "formats": """
        select media_type, count(*)::bigint contents, sum(size)::bigint bytes
        from contents group by all order by bytes desc, media_type
    """,
    "failures": """
        select stage, error, count(*)::bigint objects, list(distinct library order by library) libraries,
            min(uri) example, arg_min(message, uri) message
        from failures group by stage, error order by stage = 'skipped', objects desc, error
    """,
    "changes": """
        select library, (count(*) filter (where change = 'new'))::bigint new,
            (count(*) filter (where change in ('changed', 'replaced')))::bigint changed,
            (count(*) filter (where change = 'vanished'))::bigint gone, sum(bytes_duplicate)::bigint duplicate,
            sum(bytes_realised)::bigint realised, sum(bytes_waiting)::bigint waiting
        from changes group by library order by library
    """,
    "relied": f"""
        select uri, library, change, relied_on from changes where relied_on > 0
        order by relied_on desc, uri, version limit {LARGEST}
    """,
    "rotted": f"""
        select uri, sha256_before, sha256, (count(*) over ())::bigint copies from changes where change = 'rotted'
        order by relied_on desc, uri, version limit {LARGEST}
    """,
    "largest": _LARGEST,
    "members": f"""
        with shown as ({_LARGEST}),
        named as (select cluster_id, content_id, any_value(tier order by tier desc) tier,
                any_value(kind order by kind) kind,
                any_value(kind_text order by kind_text) kind_text, bool_or(is_master) is_master
            from clusters where cluster_id in (select cluster_id from shown) group by all),
        decided as (select cluster_id, content_id, count(*)::bigint objects, any_value(size) size,
                coalesce(min(uri) filter (where action = 'keep'), min(uri)) uri,
                bool_or(action in ('keep', 'blocked') and bytes_below_cutoff = 0) kept,
                coalesce(sum(bytes_freed) filter (where action = 'quarantine'), 0)::bigint freed,
                coalesce(sum(bytes_freed) filter (where action = 'review'), 0)::bigint review
            from decisions where cluster_id in (select cluster_id from shown) group by all),
        ranked as (select *, row_number() over (partition by cluster_id
                order by is_master desc, kept desc, freed + review desc, content_id) place
            from decided join named using (cluster_id, content_id))
        select r.*, c.width, c.height, c.media_type
        from ranked r left join contents c using (content_id) where place <= {MEMBERS} order by cluster_id, place
    """,
}
