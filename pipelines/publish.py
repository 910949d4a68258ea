"""Publish: report.html, the review pages and the manifests, from the finished tables."""

from __future__ import annotations

import datetime as dt
import shlex
from collections.abc import Iterator
from dataclasses import asdict

import pyarrow as pa
import yaml

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.finished.deciders import deciders
from mirrorfold.pipelines.finished.signed import signing_of
from mirrorfold.pipelines.lists import UNMATCHED, joined_lists, tell
from mirrorfold.pipelines.record.run_record import code_version, input_snapshot
from mirrorfold.pipelines.savings import summarise_run
from mirrorfold.pipelines.sources import names_library
from mirrorfold.transforms.blocks.cores import cores
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.publish.decoding import DecoderPool
from mirrorfold.transforms.publish.manifests.csv import write_manifests
from mirrorfold.transforms.publish.publish import Options, Story, publish_pages
from mirrorfold.transforms.publish.team import read_split
from mirrorfold.transforms.retain import acceptance
from mirrorfold.transforms.retain.merged_record import ASKED, INPUTS, merged_record
from mirrorfold.transforms.retain.policy import compile_policy, policy_hash
from mirrorfold.transforms.retain.sidecar import read_sidecar
from mirrorfold.transforms.retain.verdicts import looked_at, read_sample, read_verdicts, rule_on
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.sources import open_stores

SETTINGS_FILE = "settings.yaml"
MERGED = "_work/steps/merge.json"
"""Left by a merge: its tables come from other runs, so no list of sources makes it again."""


def publish(run: RunContext) -> None:
    """Write everything that people open; on the driver, from the tables alone and what the sources still hold."""
    settings = run.settings.publish.model_dump()
    stores = open_stores(run.sources)
    with DecoderPool(cores(), run.settings.fingerprint.max_pixels) as decoders:
        publish_pages(
            run.store, story(run), Options(**settings), stores.read, decoders.decode, catalogue(run), proposals(run)
        )
    stores.close()
    write_manifests(run.store, who=deciders(run.store, policy_hash(run.policy), signed=False).of)


def proposals(run: RunContext) -> pa.Table:
    """Gather what copies state beyond the kept one, of clusters that people are asked about."""
    with connect(run.store, *INPUTS) as connection:
        return merged_record(connection, ASKED)


def depends_on(run: RunContext) -> list:
    """Name what the pages depend on beside the tables: the settings, answers on the quality sample, the split."""
    answers = [answer["id"] for answer in read_sample(run.store)]
    split = read_split(run.store)
    drawn = [plan.id for plan, _ in acceptance.read(run.store)]
    return [run.settings.publish.model_dump(mode="json"), answers, asdict(split) if split else None, drawn]


def catalogue(run: RunContext) -> Iterator[pa.Table]:
    """Read the sidecar catalogue, where there is one."""
    return read_sidecar(run.settings.catalogue) if run.settings.catalogue else iter(())


def story(run: RunContext) -> Story:
    """Say what the report tells beside the tables."""
    policy = compile_policy(run.policy)
    said = read_verdicts(run.store)
    rulings = rule_on(said, policy.reviewers, policy.may_review)
    plans = acceptance.read(run.store)
    judged_ = acceptance.standing(run.store, said, policy)
    return Story(
        policy=run.policy,
        policy_hash=policy_hash(run.policy),
        policy_source=yaml.safe_dump(run.policy, sort_keys=True, allow_unicode=True),
        settings_source=settings_source(run),
        summary=summarise_run(run),
        provenance=(
            ("version", code_version()),
            ("policy_hash", policy_hash(run.policy)),
            ("snapshot", input_snapshot(run.store)),
            *(("lists", line) for line in tell(joined_lists(run.store), UNMATCHED)),
        ),
        commands=commands(run),
        rulings={pair: ruling.outcome for pair, ruling in rulings.items()},
        looked=looked_at(said + read_sample(run.store)),
        said=tuple(said),
        samples=tuple(sample_row(judged, plans) for judged in judged_),
        drawn=frozenset(drawn_pairs(plans, judged_)),
        reviewers=policy.reviewers,
        signing=signing_of(run.store, run.policy),
        made=dt.datetime.now(dt.UTC).date().isoformat(),
    )


def sample_row(judged: acceptance.Judged, plans: list) -> dict:
    """Write where a stratum stands as plain values."""
    promised = next(plan for plan, _ in plans if plan.id == judged.plan)
    stands = {"state": judged.state, "answered": judged.answered, "found": judged.errors}
    return asdict(judged.stratum) | stands | {"max_error": promised.max_error, "confidence": promised.confidence}


def drawn_pairs(plans: list, judged: list[acceptance.Judged]) -> Iterator[tuple[str, str]]:
    """Give the pairs whose answers still decide on a stratum."""
    open_ = {(found.plan, found.stratum.name) for found in judged if found.state == "open"}
    for plan, rows in plans:
        for row in rows:
            if row["place"] is not None and (plan.id, row["stratum"]) in open_:
                yield row["content_a"], row["content_b"]


def commands(run: RunContext) -> dict[str, str]:
    """Write the shell lines that make this run again, check it, ask its tables, and carry its plan on.

    Each is one that the command line takes as it stands; an audit's names the run before it.
    """
    output = shlex.quote(run.output)
    sources = " ".join(shlex.quote(source_argument(spec)) for spec in run.sources)
    decisions = run.store.url("decisions/*.parquet").replace("'", "''")
    question = f"SELECT action, count(*), sum(bytes_freed) FROM '{decisions}' GROUP BY action"
    config = f" --config {SETTINGS_FILE}" if settings_source(run) else ""
    previous = f" --previous {shlex.quote(run.previous)}" if run.previous else ""
    run_again = f"mirrorfold run {sources}{config}{previous} --output {output}"
    roles = run.policy["approval"]["required_roles"]
    return {
        "again": "" if run.store.exists(MERGED) else run_again,
        "import": f"mirrorfold review import {output} FILE.jsonl\nmirrorfold publish --output {output}",
        "approve": "\n".join(f"mirrorfold approve {output} --role {shlex.quote(role)} --by NAME" for role in roles),
        "export": "\n".join(f"mirrorfold export {output} --what quarantine --to {tool}" for tool in tools(run)),
        "check": f"mirrorfold verify {output}",
        "ask": f"duckdb -c {shlex.quote(question)}",
    }


def settings_source(run: RunContext) -> str:
    """Write the settings that differ from the defaults as a file; '' when none does."""
    changed = run.settings.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(changed, sort_keys=True, allow_unicode=True) if changed else ""


def source_argument(spec: SourceSpec) -> str:
    """Write a source as the command line takes it."""
    if spec.kind != "live":
        place = f"{spec.kind}+{spec.manifest}"
    elif spec.store == "file":
        place = spec.bucket
    else:
        place = f"{spec.store}://{spec.bucket}/{spec.prefix}"
    named = f"{spec.library}={place}"
    # A folder's own name may be one that can't be written before "=": then it is its default, and goes without saying.
    return named if names_library(named) else place


def tools(run: RunContext) -> list[str]:
    """Name the tools that can act on what is quarantined: S3 Batch Operations reach versioned buckets alone."""
    with connect(run.store, "objects", "decisions") as tables:
        rows = tables.execute(
            """SELECT o.store, bool_and(o.version NOT IN ('', 'null'))
            FROM objects o JOIN decisions d USING (uri, version)
            WHERE d.action = 'quarantine' GROUP BY ALL ORDER BY ALL"""
        ).fetchall()
    own = {"gs": "storage-transfer", "az": "azcopy"}
    found = {own.get(s) or ("s3-batch" if s == "s3" and fixed else "rclone") for s, fixed in rows}
    return sorted(found) or ["csv"]
