"""Inventory reports laid out as the vendors document them, written without any of mirrorfold's code."""

from __future__ import annotations

import csv
import datetime
import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq

# CSV name, ORC/Parquet name, type in ORC/Parquet
S3_FIELDS = {
    "Bucket": ("bucket", pa.string()),
    "Key": ("key", pa.string()),
    "VersionId": ("version_id", pa.string()),
    "IsLatest": ("is_latest", pa.bool_()),
    "IsDeleteMarker": ("is_delete_marker", pa.bool_()),
    "Size": ("size", pa.int64()),
    "LastModifiedDate": ("last_modified_date", pa.timestamp("ms")),
    "ETag": ("e_tag", pa.string()),
    "StorageClass": ("storage_class", pa.string()),
    "IsMultipartUploaded": ("is_multipart_uploaded", pa.bool_()),
    "ReplicationStatus": ("replication_status", pa.string()),
    "EncryptionStatus": ("encryption_status", pa.string()),
    "ObjectLockRetainUntilDate": ("object_lock_retain_until_date", pa.timestamp("ms")),
    "ObjectLockMode": ("object_lock_mode", pa.string()),
    "ObjectLockLegalHoldStatus": ("object_lock_legal_hold_status", pa.string()),
    "IntelligentTieringAccessTier": ("intelligent_tiering_access_tier", pa.string()),
    "BucketKeyStatus": ("bucket_key_status", pa.string()),
    "ChecksumAlgorithm": ("checksum_algorithm", pa.string()),
    "SomethingNew": ("something_new", pa.string()),
}
DATA = "dest/archive/daily/data"


def write_s3_report(
    root: Path,
    rows: list[dict[str, Any]],
    kind: str,
    fields: list[str] | None = None,
    parts: int = 2,
    bucket: str = "reports",
) -> Path:
    """Write a report of bucket `archive`, in `parts` data files, under a folder that stands for the destination
    bucket; give its manifest's path."""
    fields = fields or list(S3_FIELDS)
    files = []
    for part in range(parts):
        suffix = {"csv": "csv.gz", "orc": "orc", "parquet": "parquet"}[kind]
        key = f"{DATA}/part-{part}.{suffix}"
        data = _s3_data(rows[part::parts], kind, fields)
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        files.append({"key": key, "size": len(data), "MD5checksum": hashlib.md5(data).hexdigest()})
    schema = ", ".join(fields) if kind == "csv" else "message s3.inventory { required binary bucket (STRING); }"
    manifest = {
        "sourceBucket": "archive",
        "destinationBucket": f"arn:aws:s3:::{bucket}",
        "version": "2016-11-30",
        "creationTimestamp": "1767225600000",
        "fileFormat": {"csv": "CSV", "orc": "ORC", "parquet": "Parquet"}[kind],
        "fileSchema": schema,
        "files": files,
    }
    place = root / "dest/archive/daily/2026-01-01T00-00Z/manifest.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(manifest, indent=2))
    (place.parent / "manifest.checksum").write_text(hashlib.md5(place.read_bytes()).hexdigest())
    return place


def _s3_data(rows: list[dict[str, Any]], kind: str, fields: list[str]) -> bytes:
    if kind == "csv":
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for row in rows:
            writer.writerow([_s3_text(name, row.get(name)) for name in fields])
        return gzip.compress(text.getvalue().encode())
    table = pa.table(
        {S3_FIELDS[name][0]: pa.array([row.get(name) for row in rows], S3_FIELDS[name][1]) for name in fields}
    )
    sink = io.BytesIO()
    (orc.write_table if kind == "orc" else pq.write_table)(table, sink)
    return sink.getvalue()


def _s3_text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "Key":
        return quote_plus(value, safe="/")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
    return str(value)


GCS_FIELDS = {
    "project": pa.string(),
    "bucket": pa.string(),
    "name": pa.string(),
    "location": pa.string(),
    "size": pa.int64(),
    "timeCreated": pa.timestamp("us", tz="UTC"),
    "timeDeleted": pa.timestamp("us", tz="UTC"),
    "updated": pa.timestamp("us", tz="UTC"),
    "storageClass": pa.string(),
    "etag": pa.string(),
    "retentionExpirationTime": pa.timestamp("us", tz="UTC"),
    "crc32c": pa.string(),
    "md5Hash": pa.string(),
    "generation": pa.string(),
    "metageneration": pa.string(),
    "contentType": pa.string(),
}


def write_gcs_report(
    root: Path, rows: list[dict[str, Any]], kind: str, delimiter: str = ",", header: bool = True
) -> Path:
    """Write a Storage Insights report of bucket `archive` in two shards; give its manifest's path."""
    names = []
    for part in range(2):
        name = f"config_2026-01-01T00:00_{part}.{kind}"
        data = _gcs_data(rows[part::2], kind, delimiter, header)
        root.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
        names.append(name)
    manifest = {
        "report_config": {
            "csv_options": {"delimiter": delimiter, "header_required": header, "record_separator": "\n"},
            "object_metadata_report_options": {
                "metadata_fields": list(GCS_FIELDS),
                "storage_destination_options": {"bucket": "reports", "destination_path": ""},
                "storage_filters": {"bucket": "archive"},
            },
        },
        "records_processed": len(rows),
        "report_shards_file_names": names,
        "shard_count": 2,
    }
    place = root / "config_2026-01-01T00:00_manifest.json"
    place.write_text(json.dumps(manifest))
    return place


def _gcs_data(rows: list[dict[str, Any]], kind: str, delimiter: str, header: bool) -> bytes:
    if kind == "parquet":
        sink = io.BytesIO()
        columns = {name: pa.array([row.get(name) for row in rows], type_) for name, type_ in GCS_FIELDS.items()}
        pq.write_table(pa.table(columns), sink)
        return sink.getvalue()
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    if header:
        writer.writerow(GCS_FIELDS)
    for row in rows:
        values = [row.get(name) for name in GCS_FIELDS]
        writer.writerow([f"{v:%Y-%m-%dT%H:%M:%SZ}" if isinstance(v, datetime.datetime) else v for v in values])
    return text.getvalue().encode()
