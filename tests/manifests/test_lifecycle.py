"""The rule that ends a quarantine: stores take it, it waits its days, it is about what was set aside alone."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

from mirrorfold.pipelines.finished.export import export
from mirrorfold.transforms.stores.lifecycle import Rule, gcs_rules, s3_rules
from tests.manifests.test_lists import PREFER, tables
from tests.retain.runs import write_run

TAG = (("mirrorfold-quarantine", "planned"),)


def exported(folder: Path, to: str, policy: str = "", target: str | None = None) -> Path:
    write_run(folder, tables("x.jpg", version="v1"), PREFER + policy)
    return folder / export(str(folder), "quarantine", to, recheck=False, target=target).folder


def accepted_by_s3(document: dict) -> None:
    """Check a lifecycle configuration as the AWS CLI does before it sends it."""
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    shape = client.meta.service_model.operation_model("PutBucketLifecycleConfiguration").input_shape
    report = ParamValidator().validate({"Bucket": "b", "LifecycleConfiguration": document}, shape)
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())


def test_what_is_tagged_where_it_lies_ends_on_a_day_that_people_write(tmp_path: Path) -> None:
    """S3 counts days from when an object was written: an old one would go at once."""
    folder = exported(tmp_path, "s3-batch", "quarantine: {days: 30}\n")
    text = (folder / "lifecycle.json").read_text("utf-8")
    with pytest.raises(ParamValidationError):
        accepted_by_s3(json.loads(text))  # as it is, nothing takes it
    document = json.loads(text.replace("DATE", "2030-01-31T00:00:00Z"))
    accepted_by_s3(document)
    (rule,) = s3_rules(document)
    assert (rule.tags, rule.days, rule.prefixes) == (TAG, None, ())
    assert rule.date == "2030-01-31T00:00:00Z"
    said = (folder / "README.txt").read_text("utf-8")
    assert "30 days after the tags are set at the earliest" in said
    assert "REPLACES all rules" in said


@pytest.mark.parametrize(
    ("to", "policy", "target", "wanted"),
    [
        pytest.param(
            "s3-batch", "quarantine: {method: copy, bucket: aside}\n", None, Rule(days=90, midnight=True), id="Batch",
        ),
        pytest.param("s5cmd", "", "s3://aside/2026", Rule(days=90, prefixes=("2026/",), midnight=True), id="s5cmd"),
        pytest.param("storage-transfer", "", "gs://aside", Rule(days=90), id="Google's transfer"),
        pytest.param("rclone", "", "gs://aside/a/", Rule(days=90, prefixes=("a/",)), id="rclone to a prefix"),
    ],
)  # fmt: skip
def test_copies_end_some_days_after_they_were_written(tmp_path: Path, to, policy, target, wanted: Rule) -> None:
    document = json.loads((exported(tmp_path, to, policy, target) / "lifecycle.json").read_text("utf-8"))
    if "Rules" in document:
        accepted_by_s3(document)
    (rule,) = s3_rules(document) if "Rules" in document else gcs_rules(document["rule"])
    assert rule == wanted


@pytest.mark.parametrize(
    ("to", "policy", "target"),
    [
        pytest.param("csv", "", None, id="a table for people"),
        pytest.param("rclone", "", "/mnt/aside", id="a folder has no lifecycle"),
        pytest.param("s3-batch", "approval: {required_roles: [curator]}\n", None, id="a draft"),
    ],
)
def test_no_rule_where_none_belongs(tmp_path: Path, to, policy, target) -> None:
    assert not list(exported(tmp_path, to, policy, target).glob("lifecycle*"))
