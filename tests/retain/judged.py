"""Pairs of files read, verified and decided on as a run would, without Beam: each pair a family of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from mirrorfold.pipelines.confirming.confirmer import Confirmer
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier
from mirrorfold.transforms.retain.keep_order import object_priority

from .better_pairs import Pair
from .pure import FakeStores, decide_tables
from .tables import clusters, failures, obj, objects, pairs

WORSE, BETTER = "a-worse", "b-better"
"""Keys by which the worse one would win every tie."""
Judged = dict[str, tuple[list, pa.Table, dict]]


def judge_pairs(found: Mapping[str, Pair]) -> Judged:
    """Read all files of some pairs, and verify each pair; by name."""
    options = FingerprintOptions()
    pool = SandboxPool(2, options.sandbox_bytes, options.max_seconds)
    files = {data for pair in found.values() for data in (pair.better, pair.worse)}
    try:
        contents = {data: Content(len(data), decode(data, options, pool)) for data in files}
    finally:
        pool.close()
    return {name: _judged(name, pair, contents) for name, pair in found.items()}


def decide_pairs(judged: Judged, policy: dict) -> dict[str, dict]:
    """Decide on judged pairs at once; by URI, the rows of decisions."""
    found = [(rows, contents, *_linked(rows, contents, link, policy)) for rows, contents, link in judged.values()]
    data = {row["key"]: bytes_ for rows, *_ in found for row, bytes_ in rows}
    tables = {
        "objects": objects(*(row for rows, *_ in found for row, _ in rows)),
        "contents": pa.concat_tables([contents for _, contents, *_ in found]),
        "clusters": clusters(*(row for *_, rows, _ in found for row in rows)),
        "pairs": pairs(*(row for *_, rows in found for row in rows)),
        "failures": failures(),
    }
    confirm = lambda given: Confirmer(given, FingerprintOptions())  # noqa: E731
    made = decide_tables(tables, policy, stores=FakeStores(data=data), confirmer=confirm)["decisions"]
    return {row["uri"]: row for row in made.to_pylist()}


def _judged(name: str, pair: Pair, fingerprinted: Mapping[bytes, Content]) -> tuple[list, pa.Table, dict]:
    """Give (objects with their bytes, contents, how they compare) of one pair, as matching would."""
    files = {f"{name}/{WORSE}": pair.worse, f"{name}/{BETTER}": pair.better}
    ids = {key: hashlib.sha256(data).hexdigest() for key, data in files.items()}
    rows = [
        (obj(f"s3://x/{key}", size=len(data)) | {"content_id": ids[key], "identity_evidence": "read"}, data)
        for key, data in files.items()
    ]
    contents = content_rows({ids[key]: fingerprinted[data] for key, data in files.items()})
    verifier = Verifier(Rule(8, CHECK_LIMIT))
    return rows, contents, verifier.verify(verifier.features(contents), np.array([[0, 1]])).to_pylist()[0]


def _linked(rows: list, contents: pa.Table, judged: dict, policy: dict) -> tuple[list[dict], list[dict]]:
    """Give (clusters, pairs) of one pair, its master chosen by the policy."""
    if not judged["joins"]:
        return [], []
    order = object_priority(objects(*(row for row, _ in rows)), contents, policy)
    master = min(zip(order["priority"].to_pylist(), order["content_id"].to_pylist(), strict=True))[1]
    a, b = sorted(row["content_id"] for row, _ in rows)
    linked = {"content_a": a, "content_b": b, "in_cluster": True, "reason": "master"}
    linked |= {name: judged[name] for name in ("tier", "kind", "rule", "correlation", "residual", "highpass")}
    linked |= {name: judged[name] for name in ("crop_area", "aspect", "capture_conflict")}
    named = [
        {
            "uri": row["uri"], "library": "x", "content_id": row["content_id"], "cluster_id": master, "family_id": a,
            "is_master": row["content_id"] == master, "tier": judged["tier"], "kind": judged["kind"], "kind_text": "",
        }
        for row, _ in rows
    ]  # fmt: skip
    return named, [linked]
