"""Azure's blob inventory reports: CSV and Parquet give the same rows, and nothing unfinished is taken for a report."""

from __future__ import annotations

import base64
import csv
import datetime
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.schemas.uri import escape_key
from mirrorfold.transforms.listing.inventory import list_report
from mirrorfold.transforms.listing.manifest import read_manifest
from tests.worlds import ODD_KEYS

KEYS = [key for name, key in ODD_KEYS.items() if name not in ("not utf-8", "control")]
THEN = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
FAR = datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC)
MD5 = hashlib.md5(b"x")
PLAIN = {
    "Name": "",
    "Last-Modified": THEN,
    "Content-Length": 1,
    "Content-MD5": base64.b64encode(MD5.digest()).decode(),
    "AccessTier": "Cool",
    "Etag": "0x8D1",
    "ContentType": "image/jpeg",
    "Snapshot": None,
    "VersionId": None,
    "IsCurrentVersion": None,
    "Deleted": None,
    "LegalHold": None,
    "ImmutabilityPolicyUntilDate": None,
    "Tags": "{}",
}
TYPES = {"Last-Modified": pa.timestamp("ms", "UTC"), "ImmutabilityPolicyUntilDate": pa.timestamp("ms", "UTC")}
TYPES |= {"Content-Length": pa.int64()} | dict.fromkeys(("IsCurrentVersion", "Deleted", "LegalHold"), pa.bool_())


def write_report(folder: Path, blobs: list[dict], kind: str, **changes) -> Path:
    """Write a report as Azure lays it out; `changes` go into its manifest."""
    rows = [{**PLAIN, **blob, "Name": f"photos/{blob['Name']}"} for blob in blobs] + [{**PLAIN, "Name": "other/a.jpg"}]
    name = f"2026/01/02/03-04-05/rule/rule_1000000_0.{kind}"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    if kind == "csv":
        with open(folder / name, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(PLAIN), quoting=csv.QUOTE_MINIMAL)
            writer.writeheader()
            writer.writerows([{key: _text(value) for key, value in row.items()} for row in rows])
    else:
        schema = pa.schema([(key, TYPES.get(key, pa.string())) for key in PLAIN])
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / name)
    rule = {"filters": {"prefixMatch": ["photos/"]}, "format": kind, "objectType": "blob", "schemaFields": list(PLAIN)}
    document = {"destinationContainer": "reports", "files": [{"blob": name, "size": 1}], "status": "Succeeded"}
    manifest = (folder / name).parent / "rule-manifest.json"
    manifest.write_text(json.dumps(document | {"ruleDefinition": rule} | changes), "utf-8")
    manifest.with_suffix(".checksum").write_text(hashlib.md5(manifest.read_bytes()).hexdigest(), "ascii")
    return manifest


def _text(value):
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return str(value).lower() if isinstance(value, bool) else value


def rows_of(manifest: Path, locked: bool | None = False) -> list[dict]:
    (spec,) = parse_sources([f"azure-inventory+{manifest}"], Settings(), None)
    assert (spec.library, spec.bucket, spec.store) == ("photos", "photos", "az")
    blocks = [block for file in read_manifest(spec).files for block in list_report(spec, 3, file, locked)]
    return pa.concat_tables(blocks).to_pylist()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_every_blob_is_as_the_report_states_it(tmp_path: Path, kind: str):
    rows = rows_of(write_report(tmp_path, [{"Name": key} for key in KEYS], kind))
    assert [row["key"] for row in rows] == [escape_key(key.encode()) for key in KEYS]
    row = rows[KEYS.index("香港/照片.jpg")]
    assert (row["uri"], row["size"], row["etag"]) == ("az://photos/香港/照片.jpg", 1, "0x8D1")
    assert (row["md5"], row["storage_class"], row["last_modified"]) == (MD5.hexdigest(), "Cool", THEN)
    assert (row["hold"], row["is_latest"], row["archived"]) == ("no", True, False)
    assert dict(row["extra"]) == {"Tags": "{}"}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_versions_snapshots_holds_and_what_is_deleted(tmp_path: Path, kind: str):
    blobs = [
        {"Name": "old", "VersionId": "2026-01", "IsCurrentVersion": False},
        {"Name": "new", "VersionId": "2026-02", "IsCurrentVersion": True, "LegalHold": True},
        {"Name": "snap", "Snapshot": "2026-03", "ImmutabilityPolicyUntilDate": FAR},
        {"Name": "gone", "Deleted": True},
        {"Name": "cold", "AccessTier": "Archive", "ImmutabilityPolicyUntilDate": THEN},
    ]
    manifest = write_report(tmp_path, blobs, kind)
    columns = ("version", "is_latest", "hold", "archived")
    assert {row["key"]: tuple(row[name] for name in columns) for row in rows_of(manifest)} == {
        "old": ("2026-01", False, "no", False),
        "new": ("2026-02", True, "yes", False),
        "snap": ("snapshot:2026-03", False, "yes", False),
        "gone": ("", False, "no", True),
        "cold": ("", True, "no", True),
    }
    assert {row["hold"] for row in rows_of(manifest, None)} == {"unknown", "yes"}, "the container wasn't asked"


def test_what_isnt_a_whole_report_is_one_line(tmp_path: Path):
    rule = {"format": "csv", "objectType": "blob", "schemaFields": []}
    cases = {
        "several containers": {"ruleDefinition": rule | {"filters": {"prefixMatch": ["a/", "b/"]}}},
        "lists containers": {"ruleDefinition": rule | {"objectType": "Container"}},
        "didn't succeed": {"status": "Failed"},
        "isn't beside it": {"files": [{"blob": "nowhere.csv"}]},
    }
    for says, changes in cases.items():
        manifest = write_report(tmp_path / says.replace(" ", "-"), [], "csv", **changes)
        with pytest.raises(UsageError, match=says):
            rows_of(manifest)
    manifest.with_suffix(".checksum").unlink()
    with pytest.raises(UsageError, match="checksum is missing"):
        rows_of(manifest)
