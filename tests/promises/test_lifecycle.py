"""A copy that a lifecycle rule will delete is never the one that is kept."""

from __future__ import annotations

import datetime as dt

import boto3
import pytest

from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec
from mirrorfold.transforms.stores.check import bucket_rules
from mirrorfold.transforms.stores.lifecycle import STATED, apply_rules, expiration, gcs_rules, s3_rules
from mirrorfold.transforms.stores.sources import open_stores
from tests.retain.pure import FakeStores
from tests.retain.runs import write_run
from tests.retain.tables import fill, obj

from .kit import broken, copies, finish, send_away, tamper

WRITTEN = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
TEN_DAYS = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
TAGGED = {"Status": "Enabled", "Filter": {"Tag": {"Key": "tmp", "Value": "1"}}, "Expiration": {"Days": 1}}


def applied(rules, **row) -> tuple:
    table = fill(OBJECTS, [obj("s3://hk/tmp/a.jpg", "a", last_modified=WRITTEN, size=1000) | row])
    (found,) = apply_rules(table, rules).to_pylist()
    return found["expires_at"], found["lifecycle"], found["class_to"]


def s3(**rule):
    return s3_rules({"Rules": [{"Status": "Enabled", "Expiration": {"Days": 10}} | rule]})


DELETE = {"action": {"type": "Delete"}}


def move(to, *classes):
    """A rule of GCS that moves objects of some classes to another."""
    return {
        "action": {"type": "SetStorageClass", "storageClass": to},
        "condition": {"age": 1, "matchesStorageClass": list(classes)},
    }


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (s3(), (TEN_DAYS, None, None)),
        (s3(Prefix="tmp/"), (TEN_DAYS, None, None)),
        (s3(Filter={"Prefix": "other/"}), (None, None, None)),
        (s3(Filter={"And": {"Prefix": "tmp/", "ObjectSizeGreaterThan": 999}}), (TEN_DAYS, None, None)),
        (s3(Filter={"ObjectSizeLessThan": 1000}), (None, None, None)),
        (s3(Status="Disabled"), (None, None, None)),
        (s3(Expiration={"Date": TEN_DAYS}), (TEN_DAYS, None, None)),
        (s3(Expiration={"ExpiredObjectDeleteMarker": True}), (None, None, None)),
        (s3_rules({"Rules": [TAGGED]}), (None, "attributes", None)),
        (s3(Expiration={}, Transitions=[{"Days": 30, "StorageClass": "ONEZONE_IA"}]), (None, None, "ONEZONE_IA")),
        (gcs_rules([{"action": {"type": "Delete"}, "condition": {"age": 10, "matchesPrefix": ["tmp/"]}}]),
         (WRITTEN + dt.timedelta(days=10), None, None)),
        (gcs_rules([{"action": {"type": "Delete"}, "condition": {"createdBefore": "2025-01-01"}}]), (None, None, None)),
        (gcs_rules([{"action": {"type": "Delete"}, "condition": {"matchesSuffix": [".png"]}}]), (None, None, None)),
        (gcs_rules([{"action": {"type": "Delete"}, "condition": {"daysSinceCustomTime": 3}}]),
         (None, "attributes", None)),
        (gcs_rules([{"action": {"type": "Delete"}, "condition": {"numNewerVersions": 3}}]), (None, None, None)),
        (gcs_rules([{"action": {"type": "Delete"}, "condition": {"age": 1, "isLive": False}}]), (None, None, None)),
        (gcs_rules([DELETE | {"condition": {"age": 10, "matchesStorageClass": ["NEARLINE"]}}]), (None, None, None)),
        (gcs_rules([move("COLDLINE", "NEARLINE"), move("NEARLINE", "STANDARD"),
                    DELETE | {"condition": {"age": 10, "matchesStorageClass": ["COLDLINE"]}}]),
         (WRITTEN + dt.timedelta(days=10), None, "COLDLINE")),
        (gcs_rules([move("COLDLINE", "ARCHIVE"),
                    DELETE | {"condition": {"age": 10, "matchesStorageClass": ["COLDLINE"]}}]), (None, None, None)),
        (gcs_rules([DELETE | {"condition": {"numNewerVersions": 0, "age": 10}}]),
         (WRITTEN + dt.timedelta(days=10), None, None)),
        (None, (None, "unknown", None)),
    ],
    ids=[
        "days", "prefix", "other prefix", "size", "too large", "disabled", "date", "markers only", "tag", "class",
        "gcs age", "gcs created before", "gcs suffix", "gcs custom time", "gcs old versions", "gcs not live",
        "gcs another class", "gcs moved, then deleted by class", "gcs moves of others", "gcs no newer version",
        "refused",
    ],
)  # fmt: skip
def test_rules_are_applied_as_the_stores_do(rules, expected):
    assert applied(rules) == expected


def test_a_size_that_no_report_states_may_be_within_a_rule():
    rules = s3() + s3(Filter={"ObjectSizeGreaterThan": 5}, Expiration={"Days": 20})
    assert applied(rules, size=None) == (TEN_DAYS, None, None)


def test_a_report_that_states_expiry_needs_no_rules():
    assert applied(None, lifecycle=STATED) == (None, None, None)


def test_older_versions_are_left_to_their_own_rules():
    assert applied(s3(), is_latest=False) == applied(None, is_latest=False) == (None, None, None)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [({"expires_at": 10**15}, "expiring"), ({"lifecycle": "unknown"}, "lifecycle-unknown")],
)
def test_the_durable_copy_stays_and_verify_sees_the_other_kept(tmp_path, fields, rule):
    short, durable = obj("s3://hk/a.jpg", "a") | fields, obj("s3://hk/z.jpg", "a")
    assert finish(tmp_path, copies(short, durable)) == {
        durable["uri"]: ("keep", "keep-order"), short["uri"]: ("keep", rule),
    }  # fmt: skip
    assert broken(tmp_path) == ""
    send_away(tmp_path, durable["uri"], kept=short["uri"])
    assert "or a rule deletes it" in broken(tmp_path)


def test_a_policy_may_vouch_for_buckets_whose_rules_nobody_may_read(tmp_path):
    rows = [obj(f"s3://hk/{key}", "a", lifecycle="unknown") for key in "ab"]
    found = finish(tmp_path, copies(*rows), "lifecycle: {unknown: lasting}")
    assert [action for action, _ in found.values()] == ["keep", "quarantine"]
    assert broken(tmp_path) == ""


@pytest.mark.parametrize(
    ("answer", "rule"),
    [("no", "expiring"), ("tagged", "quarantine-place"), ("unknown", "lifecycle-unknown"), ("yes", "keep-order")],
)
def test_what_no_listing_shows_is_looked_up_before_it_is_relied_on(tmp_path, answer, rule):
    rows = [obj("s3://hk/a.jpg", "a", lifecycle="attributes"), obj("s3://hk/z.jpg", "a")]
    made = write_run(tmp_path, copies(*rows), stores=FakeStores(lasts={"a.jpg": answer}))["decisions"].to_pylist()
    assert made[0]["rule"] == rule
    assert made[1]["action"] == ("quarantine" if answer == "yes" else "keep")
    assert broken(tmp_path) == ""
    tamper(tmp_path, "decisions", "s3://hk/a.jpg", evidence=[])
    send_away(tmp_path, "s3://hk/z.jpg", kept="s3://hk/a.jpg")
    assert "and nobody looked" in broken(tmp_path)


def test_the_header_is_read():
    header = 'expiry-date="Fri, 21 Dec 2012 00:00:00 GMT", rule-id="tidy up"'
    assert expiration(header) == "about to expire on Fri, 21 Dec 2012 00:00:00 GMT (rule tidy up)"
    assert expiration(None) == ""


def test_gcs_is_asked_for_its_rules(stub, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", stub.url)
    stub.lifecycle = {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 10}}]}
    spec = SourceSpec("l", "live", "gs", stub.bucket, anonymous=True)
    assert [rule.days for rule in bucket_rules(spec)] == [10]
    made = stub.add("aside", metadata={"mirrorfold-quarantine": "planned"})
    ref = ObjectRef("l", "gs", stub.bucket, "aside", str(made.generation), "", 1)
    assert open_stores((spec,)).lasting(ref, ("mirrorfold-quarantine", "planned")).lasting == "tagged"


def test_a_real_server_is_asked_for_rules_and_tags(moto, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL_S3": moto.url,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="ruled")
    spec = SourceSpec("l", "live", "s3", "ruled", region="us-east-1")
    client.put_bucket_lifecycle_configuration(Bucket="ruled", LifecycleConfiguration={"Rules": [TAGGED | {"ID": "t"}]})
    assert [rule.tags for rule in bucket_rules(spec)] == [(("tmp", "1"),)]
    refs = {}
    for key, tags in (("plain", ""), ("short", "tmp=1"), ("aside", "mirrorfold-quarantine=planned")):
        etag = client.put_object(Bucket="ruled", Key=key, Body=b"x", Tagging=tags)["ETag"].strip('"')
        refs[key] = ObjectRef("l", "s3", "ruled", key, "", etag, 1)
    stores = open_stores((spec,))
    found = {key: stores.lasting(ref, ("mirrorfold-quarantine", "planned")).lasting for key, ref in refs.items()}
    assert found == {"plain": "yes", "short": "no", "aside": "tagged"}
