"""Of two files of one picture the better is kept, and nothing goes unasked that has something the kept one hasn't."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from mirrorfold.configs.policy import load_policy
from mirrorfold.pipelines.confirming.confirmer import Confirmer
from mirrorfold.transforms.fingerprint.decode import decode
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier
from mirrorfold.transforms.retain.keep_order import object_priority

from .better_pairs import PAIRS
from .pure import FakeStores, decide_tables
from .tables import clusters, failures, obj, objects, pairs

POLICIES = {name: load_policy(name) for name in ("training-set", "default")}
for _policy in POLICIES.values():
    _policy["review"] |= {"min_bytes_freed": 0}
WORSE, BETTER = "a-worse", "b-better"
"""Keys by which the worse one would win every tie."""


@pytest.fixture(scope="module")
def fingerprinted() -> dict[bytes, Content]:
    """Read every file of every pair once."""
    options = FingerprintOptions()
    pool = SandboxPool(2, options.sandbox_bytes, options.max_seconds)
    files = {data for pair in PAIRS.values() for data in (pair.better, pair.worse)}
    try:
        return {data: Content(len(data), decode(data, options, pool)) for data in files}
    finally:
        pool.close()


@pytest.fixture(scope="module")
def judged(fingerprinted) -> dict[str, tuple]:
    """Verify every pair once; by name."""
    return {name: _judged(name, pair, fingerprinted) for name, pair in PAIRS.items()}


@pytest.fixture(scope="module", params=POLICIES)
def decided(request, judged) -> dict[str, dict]:
    """Decide on all pairs at once, each a family of its own; by URI, the rows of decisions."""
    policy = POLICIES[request.param]
    found = [(rows, contents, *_linked(rows, contents, link, policy)) for rows, contents, link in judged.values()]
    data = {row["key"]: bytes_ for rows, *_ in found for row, bytes_ in rows}
    tables = {
        "objects": objects(*(row for rows, *_ in found for row, _ in rows)),
        "contents": pa.concat_tables([contents for _, contents, *_ in found]),
        "clusters": clusters(*(row for *_, rows, _ in found for row in rows)),
        "pairs": pairs(*(row for *_, rows in found for row in rows)),
        "failures": failures(),
    }
    stores = FakeStores(data=data)
    confirm = lambda given: Confirmer(given, FingerprintOptions())  # noqa: E731
    made = decide_tables(tables, policy, stores=stores, confirmer=confirm)["decisions"]
    return {row["uri"]: row for row in made.to_pylist()} | {"policy": request.param}


def _judged(name: str, pair, fingerprinted) -> tuple[list, pa.Table, dict]:
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


@pytest.mark.parametrize("name", PAIRS)
def test_the_better_one_stays_and_the_other_goes_only_where_nothing_is_lost(name, decided):
    pair = PAIRS[name]
    better, worse = (decided[f"s3://x/{name}/{key}"] for key in (BETTER, WORSE))
    assert better["action"] != "quarantine", better["reason"]
    unasked = pair.unasked if decided["policy"] == "training-set" else False
    if unasked is not None:
        assert (worse["action"] == "quarantine") == unasked, (worse["rule"], worse["reason"])
    if pair.by and (decided["policy"] == "training-set" or not pair.seen):
        assert better["action"] == "keep", better["reason"]
        if worse["action"] != "keep":
            assert worse["kept_uri"] == better["uri"], worse["reason"]
            assert pair.by in worse["reason"]
    if pair.by and decided["policy"] == "default":
        assert worse["action"] == "review" or pair.seen, worse["reason"]
