"""The rules that stop a run: they protect against acting on a listing or a reading that went wrong."""

from __future__ import annotations

import collections
import logging

import pyarrow.compute as pc

from mirrorfold.pipelines import list_objects
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import SafetyStop, UsageError
from mirrorfold.pipelines.merging.moved_places import check_moved_places
from mirrorfold.pipelines.merging.same_bucket import check_same_buckets
from mirrorfold.pipelines.record.steps import count_rows
from mirrorfold.schemas.failures import CODES, FAILURES, STORE_CODES
from mirrorfold.schemas.uri import make_uri
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.stores.output import open_output

_log = logging.getLogger("mirrorfold.safety")


def check_listing(run: RunContext) -> None:
    """Stop on an empty source, on a listing that shrank against the previous run's, and on one bucket named twice.

    Raises:
      UsageError: a source lists nothing (a wrong prefix, most likely).
      SafetyStop: the previous run had objects there, or noticeably more; or two sources look like one bucket.
    """
    listed: collections.Counter[str] = collections.Counter()
    for spec, rows in list_objects.listed_by_source(run).items():
        listed.update(dict.fromkeys(_places(spec.library, spec.store, spec.bucket), rows))
    before = _previous_rows(run.previous)
    for place in sorted(listed):
        now, then = listed[place], before[place]
        if then and now < then * (1 - run.settings.listing.max_shrink):
            raise SafetyStop(
                f"{place} shrank from {then:,} to {now:,} objects since {run.previous}: if that is right, say so with "
                "--confirm-shrunk; otherwise check the source and its credentials"
            )
    for place, now in sorted(listed.items()):
        if not now:
            raise UsageError(f"{place} lists no objects: check the bucket, the prefix and the permissions")
    check_same_buckets(run)
    check_moved_places(run)
    _tell_unknown_rules(run)


def _tell_unknown_rules(run: RunContext) -> None:
    """Say of each bucket whose lifecycle rules couldn't be read what that means, once."""
    policy = run.policy or {}
    vouched = policy.get("lifecycle", {}).get("unknown") == "lasting"
    buckets = {(spec.store, spec.bucket) for spec in run.sources if spec.bucket and spec.store != "file"}
    for store, bucket in sorted(buckets):
        specs = [spec for spec in run.sources if (spec.store, spec.bucket) == (store, bucket)]
        if any(_says_unknown(run, path) for path in list_objects.block_paths(run, specs)):
            right = "s3:GetLifecycleConfiguration" if store == "s3" else "storage.buckets.get"
            means = (
                "the policy takes its copies for lasting" if vouched else "what lies there is kept, and not relied on"
            )
            _log.warning("%s://%s: its lifecycle rules can't be read (grant %s): %s", store, bucket, right, means)


def _says_unknown(run: RunContext, path: str) -> bool:
    blocks = parquet.read_blocks(run.store, path, ["lifecycle"])
    return any(pc.any(pc.equal(block.column("lifecycle"), "unknown")).as_py() for block in blocks)


def _places(library: str, store: str, bucket: str) -> tuple[str, str]:
    """Name what may not shrink: the library, and each bucket or folder for itself."""
    return f"library {library}", f"library {library} at {make_uri(store, bucket, '')}"


def _previous_rows(previous: str | None) -> collections.Counter[str]:
    counts: collections.Counter[str] = collections.Counter()
    if previous is None:
        return counts
    store, columns = open_output(previous), ["library", "store", "bucket"]
    for block in parquet.table_blocks(store, "objects", columns):
        for row in block.group_by(columns).aggregate([([], "count_all")]).to_pylist():
            counts.update(dict.fromkeys(_places(*(row[name] for name in columns)), row["count_all"]))
    return counts


def check_failures(run: RunContext) -> None:
    """Stop when too large a share of the objects couldn't be read.

    Raises:
      SafetyStop: which codes, how often, and what the threshold is.
    """
    store, settings = run.store, run.settings.fingerprint
    codes: collections.Counter[tuple[str, str]] = collections.Counter()
    for block in parquet.table_blocks(store, FAILURES.name, ["stage", "error"]):
        codes.update(zip(block.column("stage").to_pylist(), block.column("error").to_pylist(), strict=True))
    objects = max(1, count_rows(store, "objects"))
    stores = {code: n for (_, code), n in codes.items() if code in STORE_CODES}
    files = {code: n for (stage, code), n in codes.items() if stage == "decode"}
    for found, limit, name in (
        (stores, settings.max_store_failures, "max_store_failures"),
        (files, settings.max_decode_failures, "max_decode_failures"),
    ):
        if sum(found.values()) > limit * objects:
            listed = ", ".join(f"{n:,} {code} ({CODES[code]})" for code, n in sorted(found.items()))
            raise SafetyStop(
                f"{sum(found.values()):,} of {objects:,} objects failed, more than {name} allows ({limit:.1%}): "
                f"{listed}. Mend the cause and run the same command again: what was read is kept"
            )
