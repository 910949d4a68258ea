"""Publish: report.html, the review pages and the manifests, from the finished tables."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pyarrow as pa
import yaml

from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.record.run_record import code_version, input_snapshot
from mirrorfold.pipelines.savings import summarise_run
from mirrorfold.transforms.publish.decoding import DecoderPool
from mirrorfold.transforms.publish.manifests.csv import write_manifests
from mirrorfold.transforms.publish.publish import Options, Story, publish_pages
from mirrorfold.transforms.retain.policy import policy_hash
from mirrorfold.transforms.retain.sidecar import read_sidecar
from mirrorfold.transforms.retain.verdicts import read_verdicts, rule_on
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.sources import open_stores

DECODERS = 2
SETTINGS_FILE = "settings.yaml"


def publish(run: RunContext) -> None:
    """Write everything that people open; on the driver, from the tables alone and what the sources still hold."""
    settings = run.settings.publish.model_dump()
    stores = open_stores(run.sources)
    with DecoderPool(DECODERS, run.settings.fingerprint.max_pixels) as decoders:
        publish_pages(run.store, story(run), Options(**settings), stores.read, decoders.decode, catalogue(run))
    stores.close()
    write_manifests(run.store)


def catalogue(run: RunContext) -> Iterator[pa.Table]:
    """Read the sidecar catalogue, where there is one."""
    return read_sidecar(run.settings.catalogue) if run.settings.catalogue else iter(())


def story(run: RunContext) -> Story:
    """Say what the report tells beside the tables."""
    reviewers = run.policy["review"]["reviewers"]
    rulings = rule_on(read_verdicts(run.store), reviewers)
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
        ),
        commands=commands(run),
        rulings={pair: ruling.outcome for pair, ruling in rulings.items()},
    )


def commands(run: RunContext) -> dict[str, str]:
    """Write the shell lines that make this run again, check it and ask its tables."""
    output = shlex.quote(run.output)
    sources = " ".join(shlex.quote(source_argument(spec)) for spec in run.sources)
    decisions = run.store.url("decisions/*.parquet").replace("'", "''")
    question = f"SELECT action, count(*), sum(bytes_freed) FROM '{decisions}' GROUP BY action"
    config = f" --config {SETTINGS_FILE}" if settings_source(run) else ""
    run_again = f"mirrorfold run {sources}{config} --output {output}"
    roles = run.policy["approval"]["required_roles"]
    return {
        "again": run_again,
        "import": f"mirrorfold review import {output} mirrorfold-review-*.jsonl\n{run_again}",
        "approve": "\n".join(f"mirrorfold approve {output} --role {shlex.quote(role)} --by NAME" for role in roles),
        "export": f"mirrorfold export {output} --what quarantine --to s3-batch",
        "check": f"mirrorfold verify {output}",
        "ask": f"duckdb -c {shlex.quote(question)}",
    }


def settings_source(run: RunContext) -> str:
    """Write the settings that differ from the defaults as a file; '' when none does."""
    changed = run.settings.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(changed, sort_keys=True, allow_unicode=True) if changed else ""


def source_argument(spec: SourceSpec) -> str:
    """Write a source as the command line takes it."""
    if spec.kind == "listing":
        return f"{spec.library}=listing+{spec.manifest}"
    if spec.kind != "live":
        return f"{spec.library}={spec.kind}+{spec.manifest}"
    if spec.store == "file":
        return f"{spec.library}={spec.bucket}"
    return f"{spec.library}={spec.store}://{spec.bucket}/{spec.prefix}"
