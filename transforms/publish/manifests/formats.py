"""How each tool takes a list of objects, and what it can't take."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

from mirrorfold.schemas.uri import unescape_key
from mirrorfold.transforms.publish.manifests import script
from mirrorfold.transforms.publish.manifests.csv import COLUMNS, cells, csv_line
from mirrorfold.transforms.publish.manifests.rows import PlanRow


class Job(NamedTuple):
    """What a list is for: `what` as the contract names it, and where copies go (a URI without a final slash)."""

    what: str
    target: str | None


class Format(NamedTuple):
    """One tool's list.

    Attributes:
      suffix: of the file's name.
      whats: plans that the tool can carry out.
      stores: stores that it reads.
      split: a list of its own for every bucket.
      refuse: says why a row can't be in the list; '' when it can.
      line: writes a row's line or lines.
      header: the first line, or nothing.
    """

    suffix: str
    whats: tuple[str, ...]
    stores: tuple[str, ...]
    split: bool
    refuse: Callable[[PlanRow, Job], str]
    line: Callable[[PlanRow, Job], bytes]
    header: Callable[[Job], bytes]


LINE_BREAKS = re.compile(r"[\n\r]")
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
RCLONE_QUOTE = "\u201b"
DOTS = re.compile(r"(^|/)\.{1,2}(/|$)")


def _is_utf8(key: str) -> bool:
    try:
        unescape_key(key).decode()
    except UnicodeDecodeError:
        return False
    return True


def _exact(row: PlanRow) -> str:
    """Give the key as the store knows it; only for keys that are UTF-8."""
    return unescape_key(row.key).decode()


def _nothing(_: Job) -> bytes:
    return b""


def _refuse_batch(row: PlanRow, job: Job) -> str:
    if not row.fixed_version:
        # A tag set on bytes that were written since would let a lifecycle rule expire them.
        return "the bucket keeps no versions, and S3 Batch Operations can't check an etag"
    return "" if _is_utf8(row.key) else "the key isn't UTF-8"


def _batch_line(row: PlanRow, job: Job) -> bytes:
    return f"{row.bucket},{quote(unescape_key(row.key), safe='/')},{row.fixed_version}\n".encode()


def _refuse_transfer(row: PlanRow, job: Job) -> str:
    if LINE_BREAKS.search(row.key):
        return "a line break in the key"
    if not _is_utf8(row.key):
        return "the key isn't UTF-8"
    return ""


def _transfer_line(row: PlanRow, job: Job) -> bytes:
    name = _exact(row)
    if re.search(r'[",]|^\s|\s$', name):
        name = '"' + name.replace('"', '""') + '"'
    return f"{name},{row.fixed_version}\n".encode() if row.store == "gs" else f"{name}\n".encode()


def _refuse_rclone(row: PlanRow, job: Job) -> str:
    if LINE_BREAKS.search(row.key):
        return "a line break in the key: rclone reads one name a line"
    if not _is_utf8(row.key):
        return "the key isn't UTF-8"
    if "//" in row.key or row.key.startswith("/") or row.key.endswith("/"):
        return "an empty folder name in the key: rclone leaves it out and says nothing (rclone issue 9383)"
    if DOTS.search(row.key):
        return "a folder named . or .. in the key: rclone resolves it"
    if CONTROLS.search(row.key):
        return "a control character in the key: rclone writes it as another character"
    if RCLONE_QUOTE in row.key:
        return "U+201B in the key: rclone takes it for its own quoting mark"
    return ""


def _rclone_line(row: PlanRow, job: Job) -> bytes:
    return _exact(row).encode() + b"\n"


def _refuse_azcopy(row: PlanRow, job: Job) -> str:
    if LINE_BREAKS.search(row.key):
        return "a line break in the key: AzCopy reads one name a line"
    if not row.is_latest:
        return "not the current blob: AzCopy's lists name current blobs alone"
    if re.search(r"[%?*#\\]|^\s|\s$|//|^/|/$", row.key) or DOTS.search(row.key) or CONTROLS.search(row.key):
        return "AzCopy may take this name for another (an escape, a pattern, a space, a dot or slash at its end)"
    return ""


def _refuse_s5cmd(row: PlanRow, job: Job) -> str:
    if LINE_BREAKS.search(row.key):
        return "a line break in the key: s5cmd reads one command a line"
    if not _is_utf8(row.key):
        return "the key isn't UTF-8"
    if CONTROLS.search(row.key):
        return "a control character in the key"
    return ""


def _s5cmd_line(row: PlanRow, job: Job) -> bytes:
    here, there = f"s3://{row.bucket}/{_exact(row)}", f"{job.target}/{row.bucket}/{_exact(row)}"
    if job.what == "migrate":
        there = f"{job.target}/{_exact(row)}"
    if job.what == "restore":
        return f"cp --raw {_quoted(there)} {_quoted(here)}\n".encode()
    version = f"--version-id {_quoted(row.fixed_version)} " if row.fixed_version else ""
    return f"cp --raw {version}{_quoted(here)} {_quoted(there)}\n".encode()


def _quoted(text: str) -> str:
    # s5cmd splits its lines as a shell does: within single quotes nothing has a meaning but the quote itself.
    return "'" + text.replace("'", "'\\''") + "'"


def _csv_header(job: Job) -> bytes:
    return csv_line(COLUMNS[job.what])


def _csv_line(row: PlanRow, job: Job) -> bytes:
    return csv_line(cells(row, COLUMNS[job.what]))


def _take(row: PlanRow, job: Job) -> str:
    return ""


ACTS = ("quarantine", "migrate", "restore")
FORMATS: dict[str, Format] = {
    "s3-batch": Format(".csv", ACTS, ("s3",), True, _refuse_batch, _batch_line, _nothing),
    "storage-transfer": Format(".csv", ACTS, ("s3", "gs", "file"), True, _refuse_transfer, _transfer_line, _nothing),
    "rclone": Format(".txt", ACTS, ("s3", "gs", "az", "file"), True, _refuse_rclone, _rclone_line, _nothing),
    "s5cmd": Format(".txt", ACTS, ("s3",), True, _refuse_s5cmd, _s5cmd_line, _nothing),
    "azcopy": Format(".txt", ACTS, ("az",), True, _refuse_azcopy, _rclone_line, _nothing),
    "script": Format(
        ".tsv",
        ("quarantine",),
        ("file",),
        True,
        lambda row, job: script.refuse(row, job.target),
        lambda row, job: script.line(row, job.target),
        _nothing,
    ),
    "csv": Format(".csv", (*ACTS, "crosswalk"), ("s3", "gs", "az", "file"), False, _take, _csv_line, _csv_header),
}
