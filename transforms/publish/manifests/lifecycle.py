"""The lifecycle rule that empties a quarantine once its days are over: for people to put, mirrorfold puts none.

S3 counts `Days` from when an object was written, not from when it was tagged: a rule of 90 days would delete an object
of last year on the day after its tag. So what is tagged where it lies ends on a date, which people fill in; copies in
a quarantine of their own are new, and end after so many days. Documents: S3's PutBucketLifecycleConfiguration and
https://cloud.google.com/storage/docs/lifecycle.
"""

from __future__ import annotations

import json

from mirrorfold.transforms.publish.languages import lines
from mirrorfold.transforms.publish.manifests.formats import Job

NAME = "lifecycle.json"
RULE = "mirrorfold-quarantine"
DATE = "DATE"
"""Stands for what only people know: the day on which the quarantine is over. No store takes it as it is."""


def lifecycle(job: Job, to: str, policy: dict, language: str = "en") -> tuple[dict[str, bytes], list[str]]:
    """Write lifecycle.json for a quarantine in a bucket, and how to put it; nothing for other plans and places."""
    quarantine = policy["quarantine"]
    if job.what != "quarantine" or to in ("csv", "script"):
        return {}, []
    if to == "s3-batch" and quarantine["method"] == "tag":
        tag = {"Key": quarantine["tag_key"], "Value": quarantine["tag_value"]}
        said = lines(language, "ends_tagged", days=quarantine["days"])
        return _file(_s3({"Tag": tag}, {"Date": DATE})), [*said, *_put("s3", "BUCKET", language)]
    store, found, place = (job.target or "").partition("://")
    bucket, _, prefix = place.partition("/")
    prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    if not found or store not in ("s3", "gs"):
        return {}, []
    days = quarantine["days"]
    if store == "s3":
        document = _s3({"Prefix": prefix}, {"Days": days})
    else:
        when = {"age": days, **({"matchesPrefix": [prefix]} if prefix else {})}
        document = {"rule": [{"action": {"type": "Delete"}, "condition": when}]}
    said = lines(language, "ends_copied", place=f"{store}://{place}", days=days)
    return _file(document), [*said, *_put(store, bucket, language)]


def _s3(chosen: dict, ends: dict) -> dict:
    return {"Rules": [{"ID": RULE, "Status": "Enabled", "Filter": chosen, "Expiration": ends}]}


def _file(document: dict) -> dict[str, bytes]:
    return {NAME: json.dumps(document, indent=2).encode() + b"\n"}


def _put(store: str, bucket: str, language: str) -> list[str]:
    """Say how, and that a bucket's own rules would be gone: both commands replace them all."""
    command = (
        f"aws s3api put-bucket-lifecycle-configuration --bucket {bucket} --lifecycle-configuration file://{NAME}"
        if store == "s3"
        else f"gcloud storage buckets update gs://{bucket} --lifecycle-file={NAME}"
    )
    return [f"  {command}", *lines(language, "replaces")]
