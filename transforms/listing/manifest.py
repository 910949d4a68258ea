"""Manifests of inventory reports: which bucket, which files, which columns in which format."""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
from dataclasses import dataclass
from typing import Any

from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from mirrorfold.transforms.stores.reports import ReportFiles


@dataclass(frozen=True)
class ReportFile:
    """One data file of a report.

    Attributes:
      place: URI or path.
      md5: hex, None where the report states none.
      format: csv, orc or parquet.
      columns: names in order for a CSV without header; () where the file names them itself.
      delimiter: of a CSV.
      header: whether a CSV starts with one.
    """

    place: str
    md5: str | None
    format: str
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    header: bool = False


@dataclass(frozen=True)
class Manifest:
    """What a report's manifest says."""

    bucket: str
    files: tuple[ReportFile, ...]


def read_manifest(spec: SourceSpec) -> Manifest:
    """Read the manifest that a spec names.

    Raises:
      StoreError: it isn't there, isn't whole, or isn't a manifest; says what to do.
    """
    place = spec.manifest or ""
    files = ReportFiles(spec)
    data = files.get(place)
    try:
        document = json.loads(data)
        if spec.kind == "s3-inventory":
            _verify(files, place, data, posixpath.join(posixpath.dirname(place), "manifest.checksum"))
            return _s3_manifest(files, place, document)
        if spec.kind == "azure-inventory":
            _verify(files, place, data, place.removesuffix(".json") + ".checksum")
            return _azure_manifest(files, place, document)
        return _gcs_manifest(place, document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError("unreachable", f"{place} isn't a manifest of an inventory report: {error!r}") from error


def _verify(files: ReportFiles, place: str, data: bytes, beside: str) -> None:
    # The checksum is written last: without it the report isn't finished.
    if not files.exists(beside):
        raise StoreError("vanished", f"{beside} is missing: copy it with the manifest, or wait until it is written")
    stated, md5 = files.get(beside).decode("ascii", "replace").strip(), hashlib.md5(data, usedforsecurity=False)
    if stated.lower() != md5.hexdigest() and stated != base64.b64encode(md5.digest()).decode():
        name = posixpath.basename(beside)
        raise StoreError("vanished", f"{place} doesn't match its {name}: fetch the report again")


def _s3_manifest(files: ReportFiles, place: str, document: dict[str, Any]) -> Manifest:
    kind = document["fileFormat"].lower()
    # In ORC and Parquet the schema is a message type, and the files name their columns themselves.
    columns = tuple(name.strip() for name in document["fileSchema"].split(",")) if kind == "csv" else ()
    destination = document["destinationBucket"].rpartition(":")[2]
    found = tuple(
        ReportFile(_place(files, place, destination, file["key"]), file["MD5checksum"], kind, columns)
        for file in document["files"]
    )
    return Manifest(document["sourceBucket"], found)


def _place(files: ReportFiles, manifest: str, destination: str, key: str) -> str:
    """Find a data file: in the destination bucket, or where a copy of the report would have it."""
    if "://" in manifest:
        return f"{manifest.partition('://')[0]}://{destination}/{key}"
    folder = posixpath.dirname(manifest)
    name = posixpath.basename(key)
    places = [posixpath.join(folder, part, name) for part in ("", "data", "../data")]
    while folder not in ("", "/"):
        folder = posixpath.dirname(folder)
        places.append(posixpath.join(folder, key))
    for place in places:
        if files.exists(place):
            return posixpath.normpath(place)
    raise StoreError("vanished", f"{manifest} names {key}, which isn't beside it: copy the report's data folder too")


def _azure_manifest(files: ReportFiles, place: str, document: dict[str, Any]) -> Manifest:
    rule = document["ruleDefinition"]
    if rule["objectType"].lower() != "blob":
        raise StoreError("unreachable", f"{place} lists containers: make a rule that lists blobs")
    if document.get("status", "Succeeded") != "Succeeded":
        raise StoreError("vanished", f"{place} is of a run that didn't succeed ({document['status']}): take another")
    buckets = {prefix.partition("/")[0] for prefix in (rule.get("filters") or {}).get("prefixMatch") or [""]}
    if len(buckets) != 1 or "" in buckets:
        raise StoreError("unreachable", f"{place} lists several containers: make a rule of one, prefixMatch CONTAINER/")
    kind = rule["format"].lower()
    columns, destination = tuple(rule["schemaFields"]) if kind == "csv" else (), document["destinationContainer"]
    found = (_place(files, place, destination, file["blob"]) for file in document["files"])
    return Manifest(buckets.pop(), tuple(ReportFile(name, None, kind, columns, header=True) for name in found))


def _gcs_manifest(place: str, document: dict[str, Any]) -> Manifest:
    config = _either(document, "report_config", "reportConfig")
    options = _either(config, "object_metadata_report_options", "objectMetadataReportOptions")
    bucket = _either(options, "storage_filters", "storageFilters")["bucket"].rpartition("/")[2]
    csv = config.get("csv_options") or config.get("csvOptions") or {}
    names = _either(document, "report_shards_file_names", "reportShardsFileNames")
    fields = _either(options, "metadata_fields", "metadataFields")
    header = bool(csv.get("header_required", csv.get("headerRequired", False)))
    found = tuple(
        ReportFile(
            place=name if "://" in name else posixpath.join(posixpath.dirname(place), posixpath.basename(name)),
            md5=None,
            format="parquet" if name.endswith(".parquet") else "csv",
            columns=tuple(fields),
            delimiter=csv.get("delimiter") or ",",
            header=header,
        )
        for name in names
    )
    return Manifest(bucket, found)


def _either(document: dict[str, Any], *names: str) -> Any:
    for name in names:
        if name in document:
            return document[name]
    raise KeyError(names[0])
