"""What comparing near duplicates at full detail takes, counted in the tables before the first pair is read again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from mirrorfold.pipelines.commands.printing import many
from mirrorfold.pipelines.commands.summary import format_bytes, hours_text
from mirrorfold.pipelines.confirming import carried
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.savings import book, load_constants, money_settings
from mirrorfold.schemas.clusters import CLUSTERS
from mirrorfold.schemas.confirmations import CONFIRMATIONS
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.pairs import LIES_OTHERWISE
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.tables import open_tables
from mirrorfold.transforms.estimate.capacity import Model
from mirrorfold.transforms.estimate.price_list import PriceList
from mirrorfold.transforms.estimate.summary import scan_cost
from mirrorfold.transforms.retain.policy import Policy, compile_policy
from mirrorfold.transforms.retain.records import Ruling
from mirrorfold.transforms.retain.stand_ins import COMPARED
from mirrorfold.transforms.stores.output import open_output

_log = logging.getLogger("mirrorfold.retain")

SAID = ("same", "keep-a", "keep-b", "accepted")
"""Words about a pair, a batch or a sample after which the pair is compared."""

WANTED = {
    CLUSTERS: ("cluster_id", "content_id", "uri", "version", "tier", "kind"),
    OBJECTS: ("uri", "version", "library", "store", "bucket", "storage_class", "size"),
    CONTENTS: ("content_id", "width", "height"),
}

PAIRS = f"""
CREATE TABLE near AS
WITH pair AS (
    SELECT DISTINCT content_id AS one, cluster_id AS other, tier, kind IN {LIES_OTHERWISE} AS otherwise FROM clusters
    WHERE content_id <> cluster_id AND tier IN {COMPARED}
),
lying AS (
    SELECT content_id, min_by({{'store': store, 'bucket': bucket, 'library': library, 'class': storage_class,
        'size': size}}, uri) AS place
    FROM clusters JOIN objects USING (uri, version) GROUP BY content_id
),
shown AS (
    SELECT content_id, place, coalesce(width::DOUBLE * height / 1e6, 0) AS mp
    FROM lying JOIN contents USING (content_id)
)
SELECT p.tier, p.otherwise, a.place AS place_a, b.place AS place_b, a.place.size + b.place.size AS size,
    least(a.mp, b.mp) AS small, greatest(a.mp, b.mp) AS large,
    EXISTS (SELECT 1 FROM said s WHERE s.a = least(one, other) AND s.b = greatest(one, other)) AS said,
    EXISTS (SELECT 1 FROM known k WHERE k.content_a = least(one, other) AND k.content_b = greatest(one, other)) AS known
FROM pair p JOIN shown a ON a.content_id = one JOIN shown b ON b.content_id = other
"""

LEFT = "SELECT count(*) FROM near WHERE NOT (said OR otherwise) AND list_contains(?, tier)"
ASKED = """
DELETE FROM near
WHERE known OR NOT (said OR list_contains(?, tier) OR (NOT otherwise AND list_contains(?, tier)))
"""
SUMS = """
SELECT count(*), coalesce(sum(size), 0)::BIGINT, coalesce(avg(small), 0), coalesce(avg(large), 0) FROM near
"""
PLACES = """
SELECT place.store, place.bucket, place.library, place.class, count(*), sum(place.size)::BIGINT
FROM (SELECT place_a AS place FROM near UNION ALL SELECT place_b FROM near) GROUP BY ALL
"""


@dataclass(frozen=True)
class Comparing:
    """What is to be compared, at most.

    Attributes:
      pairs: of contents; each takes two GETs.
      bytes: that are read again.
      cpu_hours: as the capacity model says.
      cost: `summary.scan_cost` of it.
      near: bytes that comparing every near duplicate reads, whatever was compared before.
      left: pairs that wait for people and aren't compared, since that reads more than the policy says.
    """

    pairs: int
    bytes: int
    cpu_hours: float
    cost: Mapping
    near: int
    left: int


def count(run: RunContext, rulings: Mapping[tuple[str, str], Ruling]) -> Comparing:
    """Count what decisions under the run's policy will compare: what goes unasked, what people spoke of, what waits.

    Args:
      rulings: what people said, which lets pairs go.
    """
    with open_tables(run.store, WANTED) as tables:
        said = [pair for pair, ruling in rulings.items() if ruling.outcome in SAID]
        tables.register("said", pa.table({"a": [a for a, _ in said], "b": [b for _, b in said]}, _TEXTS))
        tables.register("known", _known(run))
        tables.execute(PAIRS)
        [(near,)] = tables.execute("SELECT coalesce(sum(size) FILTER (NOT otherwise), 0)::BIGINT FROM near").fetchall()
        policy = compile_policy(run.policy, near_bytes=near)
        goes, waits = _tiers(policy)
        limited = policy.review_compare_bytes is not None and not policy.review_compare
        [(left,)] = tables.execute(LEFT, [waits if limited else []]).fetchall()
        tables.execute(ASKED, [goes, waits if policy.review_compare else []])
        [(pairs, size, small, large)] = tables.execute(SUMS).fetchall()
        places = tables.execute(PLACES).fetchall()
    hours = Model(load_constants()).comparing(pairs, small, large)
    return Comparing(pairs, size, hours, _cost(run, places, hours), near, left)


_TEXTS = pa.schema([("a", pa.string()), ("b", pa.string())])


def _tiers(policy: Policy) -> tuple[list[str], list[str]]:
    """Give the tiers whose pairs are compared because they go, and those whose pairs wait for people."""
    rules = {tier: policy.tier(tier) for tier in COMPARED}
    goes = [tier for tier, rule in rules.items() if rule.action == "quarantine" and rule.when != "accepted"]
    return goes, [tier for tier, rule in rules.items() if rule.action != "keep" and tier not in goes]


def _known(run: RunContext) -> pa.Table:
    """Give the pairs that were compared before, and won't be again."""
    names = ["content_a", "content_b", "width", "kind", "algorithm"]
    blocks = (
        carried.lasting(block).select(names[:2])
        for folder in carried.folders(run)
        for block in parquet.table_blocks(open_output(folder), CONFIRMATIONS.name, names)
    )
    empty = CONFIRMATIONS.schema.empty_table().select(names[:2])
    return pa.concat_tables([empty, *blocks])


def _cost(run: RunContext, places: list[tuple], hours: float) -> dict:
    settings = money_settings(run.settings, run.policy)
    counted: dict[tuple, dict] = {}
    for store, bucket, library, storage_class, gets, size in places:
        region = settings["regions"].get(bucket) or settings["regions"].get(library)
        counts = counted.setdefault((store, region, storage_class), {"list": 0, "get": 0, "bytes": 0})
        counts["get"] += gets
        counts["bytes"] += size
    totals = {"request_places": counted, "cpu_hours": hours}
    return scan_cost(totals, PriceList.make(book(run.settings), settings), settings)


def say(run: RunContext, found: Comparing) -> None:
    """Log before the first pair is read again what comparing takes, or what is left out and how to have it."""
    if found.pairs:
        cost = found.cost["cost"]
        money = "no price known" if cost is None else f"{run.settings.prices.currency} {cost:,.2f}"
        _log.log(
            logging.WARNING if found.bytes > MUCH else logging.INFO,
            "comparing at full detail, before anything is decided on them: %s at most, %s GETs, %s read again, %s of "
            "CPU, %s",
            many(found.pairs, "pair"), f"{2 * found.pairs:,}", format_bytes(found.bytes),
            hours_text(found.cpu_hours), money,
        )  # fmt: skip
    if found.left:
        _log.warning(
            "%s pairs that wait for people aren't compared at full detail: reading %s again is more than the policy's "
            "review.compare. Which of two is a blow-up or damaged isn't told there; compare: true compares them all",
            f"{found.left:,}", format_bytes(found.near),
        )  # fmt: skip


MUCH = 10**9
"""Bytes from which a screen with bars says it too."""
