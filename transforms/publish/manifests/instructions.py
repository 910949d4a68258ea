"""How to act on a plan with one tool, and how to undo it: text for people, and job descriptions for S3 Batch."""

from __future__ import annotations

import datetime
import json
import shlex
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from mirrorfold.transforms.publish.languages import lines
from mirrorfold.transforms.publish.manifests.formats import Job
from mirrorfold.transforms.publish.manifests.lifecycle import lifecycle
from mirrorfold.transforms.publish.manifests.script import scripts

Say = Callable[..., list[str]]
"""Gives the lines of a text below `readme.` in one language; see `languages.lines`."""


class Written(NamedTuple):
    """A file of an export: `ours` are the refused and precondition files, the others are the tool's lists."""

    stem: str
    name: str
    store: str
    bucket: str
    rows: int
    bytes: int
    newest: datetime.datetime | None
    unversioned: int
    ours: bool
    untagged: int = 0


READMES = {"en": "README.txt", "zh-Hant": "README.zh-Hant.txt", "zh-Hans": "README.zh-Hans.txt"}


def instructions(
    job: Job,
    to: str,
    policy: dict,
    written: list[Written],
    missing: list[str],
    *,
    rechecked: bool,
    reread: bool = True,
    undone: bool = False,
) -> dict[str, bytes]:
    """Write README.txt in every language and, for S3 Batch Operations, a job description per list.

    Args:
      undone: the lists that undo these lie below, in restore/.
    """
    undo = "restore/README.txt" if undone else f"mirrorfold export DIR --what restore --to {to}"
    undo = "sh quarantine.sh --undo" if to == "script" else undo
    lists = [found for found in written if not found.ours]
    files: dict[str, bytes] = {}
    for language, name in READMES.items():
        ends, how_it_ends = lifecycle(job, to, policy, language) if lists and not missing else ({}, [])
        text = _readme(job, to, policy, lists, missing, rechecked, reread, undo, partial(lines, language))
        files[name] = "\n".join([text.rstrip("\n"), *([""] if how_it_ends else []), *how_it_ends, ""]).encode()
        files |= ends
    if to == "s3-batch":
        for found in lists:
            files[f"{found.name}.job.json"] = _batch_job(job, policy, found)
    if to == "script":
        files |= scripts([found.name for found in lists])
    return files


def _readme(
    job: Job,
    to: str,
    policy: dict,
    lists: list[Written],
    missing: list[str],
    rechecked: bool,
    reread: bool,
    undo: str,
    say: Say,
) -> str:
    text = [*say("title", what=job.what, to=to), "", *say(job.what), ""]
    if missing:
        text += [*say("draft", missing=", ".join(missing)), ""]
    for found in lists:
        text += say("list", name=found.name, objects=f"{found.rows:,}", bytes=f"{found.bytes:,}")
        if found.unversioned and to not in ("csv", "script"):
            text += say("looked" if rechecked else "not_looked", n=f"{found.unversioned:,}")
        if found.untagged:
            text += say("untagged", n=f"{found.untagged:,}")
    if not reread:
        text += ["", *say("unread")]
    text += ["", *say("refused"), "", *say("how"), "", *_how(job, to, policy, lists, say), ""]
    if job.what == "quarantine":
        text += [*say("keep", days=policy["quarantine"]["days"]), *say("undo", undo=undo), *say("preconditions")]
    return "\n".join(text) + "\n"


def _how(job: Job, to: str, policy: dict, lists: list[Written], say: Say) -> list[str]:
    if to in ("script", "csv"):
        return say(to)
    writers = {"rclone": _rclone, "s5cmd": _s5cmd, "storage-transfer": _transfer, "s3-batch": _batch, "azcopy": _azcopy}
    return [line for found in lists for line in writers[to](job, policy, found, say)]


def _rclone(job: Job, policy: dict, found: Written, say: Say) -> list[str]:
    remote = {"s3": "s3", "gs": "gcs", "az": "azureblob"}.get(found.store)
    source = found.bucket if remote is None else f"{remote}:{found.bucket}"
    target = job.target or "TARGET"
    target = target if job.what == "migrate" else f"{target}/{found.stem}"
    source, target = (target, source) if job.what == "restore" else (source, target)
    command = ["rclone", "copy", "--files-from-raw", found.name, "--no-traverse", source, target]
    if found.store == "s3" and found.newest is not None and not found.unversioned and job.what != "restore":
        # Versions: the bucket as it was when its newest object of this list was written.
        # Stores that state whole seconds round down, so a whole second stands for all of it.
        fraction = found.newest.strftime("%f") if found.newest.microsecond else "999"
        moment = found.newest.strftime(f"%Y-%m-%dT%H:%M:%S.{fraction}Z")
        # In the source's name, since as an option it would hold for the target as well.
        command[command.index(source)] = f's3,version_at="{moment}":{found.bucket}'
    # rclone passes over a name that it doesn't find, and exits 0: only the count tells.
    return ["  " + shlex.join(command), *say("counts", rows=f"{found.rows:,}")]


def _s5cmd(job: Job, policy: dict, found: Written, say: Say) -> list[str]:
    return [f"  s5cmd run {shlex.quote(found.name)}"]


def _azcopy(job: Job, policy: dict, found: Written, say: Say) -> list[str]:
    """Tag the blobs where they lie, or copy them; ACCOUNT stands for what only the account knows."""
    quarantine, here = policy["quarantine"], f"https://ACCOUNT.blob.core.windows.net/{found.bucket}"
    if job.what == "migrate" or quarantine["method"] == "copy" or job.target:
        target = job.target or "https://ACCOUNT.blob.core.windows.net/TARGET"
        target = target if job.what == "migrate" else f"{target}/{found.stem}"
        source, target = (target, here) if job.what == "restore" else (here, target)
        command = ["azcopy", "copy", source, target, f"--list-of-files={found.name}", "--recursive=false"]
        return ["  " + shlex.join([*command, "--s2s-preserve-blob-tags=true"])]
    value = "restored" if job.what == "restore" else quarantine["tag_value"]
    act = ["azcopy", "set-properties", here, f"--list-of-files={found.name}"]
    told = ["  " + shlex.join([*act, f"--blob-tags={quarantine['tag_key']}={value}"]), *say("azcopy_tags")]
    if job.what == "quarantine":
        told += [*say("azcopy_tier"), "  " + shlex.join([*act, "--block-blob-tier=cool"])]
    return told


def _transfer(job: Job, policy: dict, found: Written, say: Say) -> list[str]:
    scheme = {"s3": "s3://", "gs": "gs://"}.get(found.store, "posix://")
    source, target = shlex.quote(scheme + found.bucket), shlex.quote(job.target or "gs://TARGET")
    return [
        *say("transfer", name=found.name),
        f"  gcloud transfer jobs create {source} {target} --manifest-file=gs://BUCKET/{shlex.quote(found.name)}",
    ]


def _batch(job: Job, policy: dict, found: Written, say: Say) -> list[str]:
    told = [
        *say("batch", name=found.name),
        f"  aws s3control create-job --cli-input-json file://{shlex.quote(found.name + '.job.json')}",
    ]
    if job.what != "migrate" and policy["quarantine"]["method"] == "tag":
        told += say("batch_tags")
    return told


def _batch_job(job: Job, policy: dict, found: Written) -> bytes:
    """Write the input of `aws s3control create-job`; what only the account knows stands in capitals."""
    quarantine = policy["quarantine"]
    target = (job.target or f"s3://{quarantine['bucket'] or 'TARGET'}").removeprefix("s3://")
    bucket, _, prefix = target.partition("/")
    if job.what == "migrate" or (job.what == "quarantine" and quarantine["method"] == "copy"):
        prefix = "/".join(part for part in (prefix, found.bucket if job.what == "quarantine" else "") if part)
        operation: dict = {"S3PutObjectCopy": {"TargetResource": f"arn:aws:s3:::{bucket}", "TargetKeyPrefix": prefix}}
    elif job.what == "quarantine":
        tag = {"Key": quarantine["tag_key"], "Value": quarantine["tag_value"]}
        operation = {"S3PutObjectTagging": {"TagSet": [tag]}}
    else:
        operation = {"S3DeleteObjectTagging": {}}
    document = {
        "AccountId": "ACCOUNT",
        "ConfirmationRequired": True,
        "Description": f"mirrorfold {job.what} {found.bucket}",
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key", "VersionId"]},
            "Location": {"ObjectArn": f"arn:aws:s3:::BUCKET/{found.name}", "ETag": "ETAG"},
        },
        "Operation": operation,
        "Priority": 10,
        "Report": {
            "Bucket": "arn:aws:s3:::BUCKET",
            "Enabled": True,
            "Format": "Report_CSV_20180820",
            "Prefix": "mirrorfold",
            "ReportScope": "AllTasks",
        },
        "RoleArn": "ROLE",
    }
    return json.dumps(document, indent=2).encode() + b"\n"
