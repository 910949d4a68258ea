"""The review queue: which pairs people are asked about, the ones that free most first."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

import duckdb

from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.sql import parquet_files
from mirrorfold.transforms.blocks.tables import rows_of
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore

PAIRS_PER_ITEM = 24
"""A cluster with more variants than this is shown in parts: every pair is in exactly one."""

ROWS_PER_FILE = 250_000
FOLDER = "review/queue/"

SECONDS_EACH = 5
"""How long a person takes for one pair."""

WAITS = """(d.action = 'review' or d."rule" = 'identical-first')"""
"""Which decisions wait for a person: also copies that stay while their exact copies go, and are asked about after."""

WAITING_BYTES = """if(d."rule" = 'identical-first', d.size, d.bytes_freed)"""

WAITING = f"""
    select coalesce(d.cluster_id, d.content_id) cluster_id, coalesce(k.content_id, d.cluster_id) kept,
        d.content_id other, any_value(d.tier_to_kept order by d.tier_to_kept) tier,
        sum({WAITING_BYTES}) bytes_freed, count(*) objects,
        list(distinct d.library order by d.library) libraries,
        list_sort(list_distinct(flatten(list(d.conflicts)))) conflicts,
        any_value(d.reason order by d.reason) reason, any_value(d.rule order by d.rule) "rule"
    from decisions d
    left join decisions k on k.uri = d.kept_uri and k.version = d.kept_version
    where {WAITS} and d.content_id is not null
    group by 1, 2, 3
"""
"""The pairs that wait for a decision. Everything that counts them counts the rows of this query."""

ASKED = f"""
create table asked as
with contents_of as (
    select cluster_id, content_id, count(*) objects, list(distinct library order by library) libraries,
        any_value(tier order by tier) tier, any_value(kind order by kind) kind,
        any_value(kind_text order by kind_text) kind_text
    from clusters group by all
),
review as ({WAITING}),
stated as (
    select cluster_id, content_id, sum(coalesce(bytes_if_same, bytes_freed)) bytes_if_same,
        list_distinct(flatten(list(conflicts))) conflicts, any_value(reason order by uri, version) reason
    from decisions
    where cluster_id is not null and action <> 'quarantine' and coalesce(tier_to_kept, '') <> 'identical'
    group by all
),
drawn as (
    select cluster_id, content_id from (
        select cluster_id, content_id,
            row_number() over (partition by tier order by md5($seed || cluster_id || content_id), content_id) place
        from contents_of where content_id <> cluster_id)
    where place <= $sample
),
waiting as (
    select cluster_id, content_id, sum(bytes_below_cutoff) bytes from decisions
    where cluster_id is not null group by all
),
below as (
    select d.cluster_id, coalesce(k.content_id, d.cluster_id) kept, d.content_id other,
        any_value(d.tier_to_kept order by d.tier_to_kept) tier, sum(d.bytes_below_cutoff)::bigint bytes_freed,
        count(*) objects, list(distinct d.library order by d.library) libraries,
        list_sort(list_distinct(flatten(list(d.conflicts)))) conflicts, any_value(d.reason order by d.reason) reason
    from decisions d left join decisions k on k.uri = d.kept_uri and k.version = d.kept_version
    where d.bytes_below_cutoff > 0 and d.content_id is not null and d.cluster_id is not null
    group by 1, 2, 3
),
joined as (
    select coalesce(r.cluster_id, s.cluster_id) cluster_id, coalesce(r.kept, s.cluster_id) kept,
        coalesce(r.other, s.content_id) other, r.tier, r.bytes_freed, r.objects, r.libraries,
        coalesce(r.conflicts, []) conflicts, r.reason, coalesce(r."rule", 'quality-sample') "rule",
        s.content_id is not null sample, r.other is null sample_only, '' beside
    from review r full join drawn s
        on r.cluster_id = s.cluster_id and r.other = s.content_id and r.kept <> r.other
    union all by name
    select b.*, 'below-cutoff' "rule", false sample, false sample_only, 'below' beside
    from below b anti join drawn s on b.cluster_id = s.cluster_id and b.other = s.content_id
    where b.kept <> b.other
    union all by name
    select content_a cluster_id, content_a kept, content_b other, tier, 0 bytes_freed, 2 objects, [] libraries,
        [] conflicts, 'near miss' reason, 'near-miss' "rule", false sample, true sample_only, 'similar' beside
    from pairs n where n.reason = 'near-miss'
)
select j.cluster_id, least(j.kept, j.other) content_a, greatest(j.kept, j.other) content_b, j.kept, j.other,
    coalesce(j.tier, c.tier, p.tier, 'identical') tier,
    case when j.kept = j.other then 'copy' else coalesce(p.kind, c.kind, 'similar') end kind,
    case when j.kept = j.other then 'same bytes' else coalesce(p.kind_text, c.kind_text, '') end kind_text,
    coalesce(j.bytes_freed, 0)::bigint bytes_freed,
    coalesce(if(j.kept = j.other, j.bytes_freed, t.bytes_if_same), 0)::bigint bytes_if_same,
    coalesce(w.bytes, 0)::bigint bytes_below_cutoff,
    coalesce(j.objects, c.objects, 1)::bigint objects, coalesce(j.libraries, c.libraries, []) libraries,
    list_sort(list_distinct(if(j.kept = j.other, j.conflicts, list_concat(j.conflicts, coalesce(t.conflicts, [])))))
        conflicts,
    coalesce(j.reason, t.reason, '') reason, j."rule", j.sample, j.sample_only, j.beside,
    p.d_phash64, p.d_phash256, p.correlation, p.residual, p.warp, v.outcome, l.outcome found, l.people
from joined j
left join stated t on t.cluster_id = j.cluster_id and t.content_id = j.other
left join looked l on l.content_a = least(j.kept, j.other) and l.content_b = greatest(j.kept, j.other)
left join contents_of c on c.cluster_id = j.cluster_id and c.content_id = j.other
left join waiting w on w.cluster_id = j.cluster_id and w.content_id = j.other
left join pairs p on p.content_a = least(j.kept, j.other) and p.content_b = greatest(j.kept, j.other)
left join rulings v on v.content_a = least(j.kept, j.other) and v.content_b = greatest(j.kept, j.other)
"""

RANKED = f"""
create table queue as
with pairs_of as (
    select *, array_position(['', 'below', 'similar'], beside) last,
        row_number() over (partition by cluster_id, beside order by bytes_freed desc, content_a, content_b) - 1 place,
        sum(bytes_freed) over (partition by cluster_id, beside) total
    from asked
    where not sample_only or found is null or found = 'conflict'
)
select dense_rank() over (order by last, total desc, cluster_id, place // {PAIRS_PER_ITEM}) - 1 item,
    row_number() over (order by last, total desc, cluster_id, place) - 1 pair, * exclude (total, last)
from pairs_of
"""
"""What waits and the sample first; what is below the cut-off and near misses, which nobody has to look at, last."""

COLUMNS = (
    "pair", "item", "cluster_id", "content_a", "content_b", "kept", "other", "tier", "kind", "kind_text", "bytes_freed",
    "bytes_if_same", "bytes_below_cutoff", "objects", "libraries", "conflicts", "reason", "rule", "sample",
    "sample_only", "beside",
)  # fmt: skip


@dataclass(frozen=True)
class Work:
    """What people are asked: the one place from which the report, the pages and the summary take these numbers.

    Attributes:
      pairs: pairs that wait for a decision.
      clusters: clusters that they are in.
      sample: pairs beside these that only measure how sure a tier is.
      bytes_freed: what the decisions would free.
    """

    pairs: int
    clusters: int
    sample: int
    bytes_freed: int

    @property
    def seconds(self) -> int:
        """Say how long one person takes for the pairs that wait."""
        return self.pairs * SECONDS_EACH


def build_queue(connection: duckdb.DuckDBPyConnection, sample: int, seed: str) -> tuple[int, int]:
    """Make the `asked` and `queue` tables: the plan's review rows by pair, with a random sample of every tier.

    The sample is drawn by a hash of the pair, so the same pairs are in it run after run and their verdicts add up.

    Returns:
      (items, pairs): clusters (or parts of large ones) to show, and questions in them.
    """
    connection.execute(ASKED, {"seed": seed, "sample": sample})
    connection.execute(RANKED)
    (counted,) = rows_of(connection, "select coalesce(max(item) + 1, 0)::bigint items, count(*) pairs from queue")
    return counted["items"], counted["pairs"]


def count_work(connection: duckdb.DuckDBPyConnection) -> Work:
    """Count what people are asked, from the table decisions; what of the sample isn't looked at yet, from the queue."""
    (counted,) = rows_of(
        connection,
        f"""select count(*)::bigint pairs, count(distinct cluster_id)::bigint clusters,
            coalesce(sum(bytes_freed), 0)::bigint bytes_freed from ({WAITING})""",
    )
    there = rows_of(connection, "select 1 from duckdb_tables() where table_name = 'queue'")
    sample = (
        rows_of(connection, "select count(*)::bigint n from queue where sample_only and beside = ''")[0]["n"]
        if there
        else 0
    )
    return Work(sample=sample, **counted)


@dataclass(frozen=True)
class Found:
    """What people found who looked at a tier's sample: pairs, how many show the same picture, how many people."""

    looked: int = 0
    same: int = 0
    people: int = 0


def sample_verdicts(connection: duckdb.DuckDBPyConnection) -> dict[str, Found]:
    """Count, by tier, the pairs of the random sample that people looked at, and those they found to be the same.

    `split` says that both stay though they show one picture: for the tier's precision that is right. What was said of a
    whole filter at once isn't counted: nobody looked at the pair.
    """
    rows = rows_of(
        connection,
        """select tier, count(*)::bigint looked, (count(*) filter (where found <> 'different'))::bigint same,
            len(list_distinct(flatten(list(people))))::bigint people
        from asked where sample and found in ('same', 'keep-a', 'keep-b', 'split', 'different') group by tier""",
    )
    return {row.pop("tier"): Found(**row) for row in rows}


def write_queue(connection: duckdb.DuckDBPyConnection, store: OutputStore, pairs: int) -> list[str]:
    """Write the whole queue as Parquet below review/queue/, for tools that would rather read it than look."""
    files = max(1, -(-pairs // ROWS_PER_FILE))
    written = []
    for index in range(files):
        rows = connection.sql(
            f"select {', '.join(COLUMNS)} from queue where pair >= ? and pair < ? order by pair",
            params=[index * ROWS_PER_FILE, (index + 1) * ROWS_PER_FILE],
        ).to_arrow_table()
        written.append(f"{FOLDER}part-{index:05d}-of-{files:05d}.parquet")
        store.put(written[-1], parquet.to_parquet(rows))
    return written


def open_queue_files(connection: duckdb.DuckDBPyConnection, store: OutputStore, folder: str) -> None:
    """Make the view `queue` from the files below review/queue/; those in a bucket are copied to a folder.

    Raises:
      ValueError: there are none, or they are of an older version.
    """
    paths = [path for path in sorted(store.list(FOLDER)) if path.endswith(".parquet")]
    local = []
    for path in paths:
        if isinstance(store, LocalOutput):
            local.append(store.url(path))
            continue
        local.append(os.path.join(folder, os.path.basename(path)))
        with store.open(path) as source, open(local[-1], "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    if not local:
        raise ValueError(f"{store.url()} has no review queue: run `mirrorfold publish` first")
    connection.execute(f"create view queue as select * from {parquet_files(local)}")
    names = {row[0] for row in connection.execute("describe queue").fetchall()}
    if set(COLUMNS) - names:
        raise ValueError(f"{store.url(FOLDER)} is of an older version: run `mirrorfold publish` again")
