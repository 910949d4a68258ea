"""Inventory reports as sources: data files -> blocks of rows, a file at a time, never whole in memory."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.orc as orc
import pyarrow.parquet as pq

from mirrorfold.transforms.listing.azure_inventory import azure_inventory_rows
from mirrorfold.transforms.listing.inventory_rows import gcs_inventory_rows, s3_inventory_rows
from mirrorfold.transforms.listing.manifest import ReportFile
from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from mirrorfold.transforms.stores.clock import latest_over
from mirrorfold.transforms.stores.reports import ReportFiles

ROWS = 50_000


def list_report(
    spec: SourceSpec, rank: int, file: ReportFile, locked: bool | None, now: datetime.datetime | None = None
) -> Iterator[pa.Table]:
    """Read one data file of a report, its MD5 checked first, as blocks of RAW.

    Raises:
      StoreError: the file is missing, isn't the one the manifest names, or isn't what its name says.
    """
    now = now or latest_over(datetime.datetime.now(datetime.UTC))
    with ReportFiles(spec).on_disk(file.place, file.md5) as path:
        try:
            for block in _blocks(path, file):
                if spec.kind == "gcs-inventory":
                    yield gcs_inventory_rows(block, library=spec.library, bucket=spec.bucket, rank=rank, now=now)
                elif spec.kind == "azure-inventory":
                    place = {"library": spec.library, "bucket": spec.bucket, "rank": rank}
                    yield azure_inventory_rows(block, locked=locked, now=now, **place)  # type: ignore[arg-type]
                else:
                    yield s3_inventory_rows(
                        block,
                        library=spec.library,
                        bucket=spec.bucket,
                        rank=rank,
                        encoded=file.format == "csv",
                        locked=locked,
                        now=now,
                    )
        except pa.ArrowException as error:
            said = " ".join(str(error).split())
            raise StoreError("unreachable", f"{file.place} can't be read as {file.format}: {said}") from error


def _blocks(path: str, file: ReportFile) -> Iterator[pa.Table]:
    read = {"csv": _csv_blocks, "orc": _orc_blocks, "parquet": _parquet_blocks}
    return read[file.format](path, file)


def _parquet_blocks(path: str, file: ReportFile) -> Iterator[pa.Table]:
    with pq.ParquetFile(path, memory_map=True) as source:
        for batch in source.iter_batches(ROWS, use_threads=False):
            yield pa.Table.from_batches([batch])


def _orc_blocks(path: str, file: ReportFile) -> Iterator[pa.Table]:
    source = orc.ORCFile(path)
    for stripe in range(source.nstripes):
        whole = pa.Table.from_batches([source.read_stripe(stripe)])
        for start in range(0, whole.num_rows, ROWS):
            yield whole.slice(start, ROWS)


def _csv_blocks(path: str, file: ReportFile) -> Iterator[pa.Table]:
    with open(path, "rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    packing = "gzip" if packed else None
    with pa.input_stream(path, compression=packing) as stream:
        if not stream.read(1):
            return  # a shard without objects: Arrow takes an empty CSV for a mistake
    with pa.input_stream(path, compression=packing) as stream:
        names = [] if file.header else list(file.columns)
        reader = csv.open_csv(
            stream,
            read_options=csv.ReadOptions(column_names=names or None, block_size=8 << 20, use_threads=False),
            parse_options=csv.ParseOptions(delimiter=file.delimiter, newlines_in_values=True),
            # Everything is text at first: a bucket of keys such as 0001 isn't a column of numbers.
            convert_options=csv.ConvertOptions(
                column_types={name: pa.string() for name in (names or file.columns)},
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
            ),
        )
        for batch in reader:
            yield pa.Table.from_batches([batch])
