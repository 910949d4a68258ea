"""What decides and what verifies are written apart: over random whole archives, under any policy, they must agree."""

from __future__ import annotations

import json
import random

import pyarrow as pa
import pytest

from mirrorfold.configs.policy import load_policy, ready_policies
from mirrorfold.pipelines.finished.verify import describe, verify
from mirrorfold.transforms.retain.verdicts import checked_verdict
from tests.retain.pure import FakeStores
from tests.retain.runs import write_run
from tests.retain.tables import clusters, content, content_id, contents, failures, obj, objects, pairs, twin

TIERS = ("same-picture", "near-certain", "probable")
RULES = {"same-picture": "picture-digest", "near-certain": "rule-a", "probable": "aligned"}
CODES = (("decode", "truncated"), ("fetch", "denied"), ("skipped", "not-an-image"), ("skipped", "archived"))


class Archive:
    """An archive of two libraries with everything in it that a decision has to mind."""

    def __init__(self, seed: int):
        self.rnd = random.Random(seed)
        self.objects: list[dict] = []
        self.failures: list[dict] = []
        self.clusters: list[dict] = []
        self.pairs: list[dict] = []
        self.contents: list[dict] = []
        self.verdicts: list[dict] = []
        for number in range(25):
            self.family(number)
        for number in range(10):
            self.unread(number)

    def rarely(self, share: float = 0.1) -> bool:
        return self.rnd.random() < share

    def object(self, name: str, number: int) -> dict:
        bucket = self.rnd.choice(("hk-a", "gz-b", "desk", "else"))
        folder = self.rnd.choice(("", "", "", "masters/", "web/", "published/", "eval/"))
        row = obj(
            f"s3://{bucket}/{folder}{name}-{number}", name, version=self.rnd.choice(("", f"v{number}")),
            size=self.rnd.choice((1_000, 50_000_000)), hold=self.rnd.choice(("no", "no", "no", "unknown", "yes")),
            is_latest=not self.rarely(), archived=self.rarely(0.05), expires_at=0 if self.rarely(0.05) else None,
            physical_id=f"8:{name}" if self.rarely(0.2) else None,
            replication_status="REPLICA" if self.rarely(0.05) else None,
            identity_evidence=self.rnd.choice(("read", "read", "read", "previous", "sha256", "md5")),
        )  # fmt: skip
        self.objects.append(row)
        return row

    def content(self, name: str) -> None:
        kind = self.rnd.choice(("image/jpeg", "image/jpeg", "image/tiff"))
        licence = self.rnd.choice((None, None, "CC0", "all rights reserved"))
        self.contents.append(content(name, media_type=kind, width=self.rnd.randint(1, 99), licence=licence))

    def family(self, number: int) -> None:
        names = [f"f{number}c{n}" for n in range(self.rnd.randint(1, 4))]
        master, rows = names[0], []
        for name in names:
            self.content(name)
            rows += [(self.object(name, n), name) for n in range(self.rnd.randint(1, 5))]
        if len(rows) < 2:
            return
        family = min(names, key=content_id)
        tiers = {name: self.rnd.choice(TIERS) for name in names[1:]} | {master: "identical"}
        for place, (row, name) in enumerate(rows):
            kind = "copy" if name == master else "resized"
            version = {"version": row["version"], "is_master": place == 0}
            self.clusters.append(twin(row["uri"], name, master, family, tier=tiers[name], kind=kind, **version))
        for name in names[1:]:
            self.pair(master, name, tiers[name])
        if self.rarely(0.5):
            self.word(*self.rnd.choices(names, k=2))

    def pair(self, one: str, other: str, tier: str) -> None:
        first, second = sorted((content_id(one), content_id(other)))
        good = self.rarely(0.6)
        self.pairs.append(
            {
                "content_a": first, "content_b": second, "tier": tier, "kind": "resized", "in_cluster": True,
                "reason": "master", "rule": RULES[tier], "correlation": 0.999 if good else 0.7, "aspect": 0.0,
                "residual": 0.01 if good else 0.9, "capture_conflict": self.rarely(),
            }
        )  # fmt: skip

    def word(self, one: str, other: str) -> None:
        choices = ("same", "different", "split") if one == other else ("same", "different", "keep-a", "keep-b", "defer")
        for reviewer in ("ann", "bo")[: self.rnd.randint(1, 2)]:
            row = {"content_a": content_id(one), "content_b": content_id(other), "verdict": self.rnd.choice(choices)}
            self.verdicts.append(checked_verdict(row | {"reviewer": reviewer, "at": "2026-01-01"}, "x"))

    def unread(self, number: int) -> None:
        uri = f"s3://hk-a/unread-{number}"
        stage, error = self.rnd.choice(CODES)
        self.objects.append(obj(uri, hold=self.rnd.choice(("no", "yes", "unknown"))))
        self.failures.append({"uri": uri, "stage": stage, "error": error})

    def tables(self) -> dict[str, pa.Table]:
        return {
            "objects": objects(*self.objects), "contents": contents(*self.contents), "pairs": pairs(*self.pairs),
            "clusters": clusters(*self.clusters), "failures": failures(*self.failures),
        }  # fmt: skip

    def stores(self) -> FakeStores:
        keys = [row["key"] for row in self.objects]
        holds = {key: self.rnd.choice(("yes", "unknown")) for key in keys if self.rarely()}
        # The bytes of a content are its name: an object without the right ones is refuted or can't be read.
        data = {key: key.rsplit("/", 1)[-1].rsplit("-", 1)[0].encode() for key in keys if not self.rarely()}
        return FakeStores(holds, data)


STRICT = """
min_archival_copies: 2
scopes:
  - {name: hk, match: "s3://hk-*/**", jurisdiction: HK, min_copies: 1}
  - {name: gz, match: "s3://gz-*/**", jurisdiction: CN, min_copies: 2}
"""
LAX = """
keep_roles: []
conflict_review: []
replicas: ordinary
identity: {md5: accept}
review: {min_bytes_freed: 0}
tiers:
  same-picture: {action: quarantine, verification: {rules: [picture-digest]}}
  near-certain: {action: quarantine, verification: {min_correlation: 0.99, max_residual: 0.1}}
  probable: {action: quarantine, verification: {min_correlation: 0.99, max_residual: 0.1}}
"""


def policy_text(name: str) -> str:
    if name in ("strict", "lax"):
        return {"strict": STRICT, "lax": LAX}[name]
    resolved = load_policy(name)
    del resolved["version"]
    return "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in resolved.items())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("policy", [*ready_policies(), "strict", "lax"])
def test_decisions_on_any_archive_verify(tmp_path, policy, seed):
    archive = Archive(seed)
    made = write_run(tmp_path, archive.tables(), policy_text(policy), archive.verdicts, archive.stores())
    assert [describe(broken) for broken in verify(str(tmp_path))] == []
    actions = set(made["decisions"]["action"].to_pylist())
    assert actions >= {"keep", "blocked"}
    assert "quarantine" in actions or policy in ("museum", "strict")
