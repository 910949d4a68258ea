"""Write a plan as lists that one tool takes, with preconditions, what was refused, and how to act and undo."""

from __future__ import annotations

import datetime
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from mirrorfold.transforms.publish.manifests.csv import COLUMNS, cells, csv_line, guard
from mirrorfold.transforms.publish.manifests.formats import FORMATS, Format, Job
from mirrorfold.transforms.publish.manifests.instructions import Written, instructions
from mirrorfold.transforms.publish.manifests.kept import Kept
from mirrorfold.transforms.publish.manifests.recheck import Recheck
from mirrorfold.transforms.publish.manifests.rows import WHATS, PlanRow, Who, belongs, plan_rows, with_people
from mirrorfold.transforms.publish.manifests.waves import Wave
from mirrorfold.transforms.publish.manifests.withdrawn import HandedOut, note_export, note_list, plan_name
from mirrorfold.transforms.stores.etags import stated_etag
from mirrorfold.transforms.stores.output import OutputStore

ROWS_PER_FILE = 1_000_000
CHUNK = 10_000
DENIED = "its own package, or its kept copy's, states other bytes: export fixity with --despite-packages, then publish"
REFUSED = ("uri", "version", "etag", "why")


class Exported(NamedTuple):
    """What an export wrote.

    Attributes:
      folder: below DIR, without a final slash.
      files: names in the folder.
      rows: rows that the lists carry.
      refused: rows that were refused, named with the reason in refused.csv.
      draft: sign-offs that the policy asks for and that are missing; the lists are then drafts.
      wave: the part of the plan that the lists are of, where it goes in waves.
    """

    folder: str
    files: list[str]
    rows: int
    refused: int
    draft: list[str]
    wave: Wave | None = None


def check_request(what: str, to: str, target: str | None, method: str) -> None:
    """Refuse what can't be exported, before any work.

    Raises:
      ValueError: one line saying what to do instead.
    """
    if what not in WHATS:
        raise ValueError(f"--what {what}: use one of {', '.join(WHATS)}")
    if to not in FORMATS:
        raise ValueError(f"--to {to}: use one of {', '.join(FORMATS)}")
    if what not in FORMATS[to].whats:
        raise ValueError(f"a {what} isn't something that {to} can carry out: use --to csv")
    if to == "script" and target and not os.path.isabs(target):
        raise ValueError("a script moves within this machine: --target is the whole path of a folder")
    if to == "s5cmd" and not target:
        raise ValueError("s5cmd copies: say where to with --target s3://BUCKET[/PREFIX]")
    if to == "s5cmd" and target and not target.startswith("s3://"):
        raise ValueError("s5cmd copies within S3: --target begins with s3://")
    if to == "azcopy" and target and not target.startswith("https://"):
        raise ValueError("AzCopy names places by https: --target https://ACCOUNT.blob.core.windows.net/CONTAINER")
    if to == "s3-batch" and what == "migrate" and not target:
        raise ValueError("S3 Batch Operations copies to a bucket: name it with --target s3://BUCKET[/PREFIX]")
    if to == "s3-batch" and what == "restore" and method == "copy":
        raise ValueError("S3 Batch Operations can't take a prefix off again: restore copies with --to s5cmd or rclone")


def export_plan(
    output: OutputStore,
    job: Job,
    to: str,
    policy: dict,
    recheck: Recheck | None,
    missing: list[str],
    kept: Kept | None = None,
    rotten: Mapping[tuple[str, str], str] | None = None,
    who: Who | None = None,
    wave: Wave | None = None,
    denied: frozenset[str] = frozenset(),
) -> Exported:
    """Write a plan's lists under DIR/exports; an earlier export of the same kind is replaced.

    Args:
      recheck: looks every row up again, or None to take the tables' word (no store is asked).
      kept: the copies that a quarantine relies on, for the recheck.
      rotten: what is wrong with kept copies that were read again, by (uri, version); None where none was read.
      who: says who decided on what goes.
      missing: roles whose sign-off is missing; quarantine and migrate lists then go out as drafts only.
      wave: only this part of a quarantine, with its own restore list.
      denied: URIs of files that their own package denies: none goes, and nothing goes for one.
    """
    form = FORMATS[to]
    draft = missing if job.what in ("quarantine", "migrate") else []
    below = wave.folder if wave else ""
    folder = f"exports/{job.what}-{to}{'-draft' if draft else ''}/{below}"
    for stale in {folder, f"exports/{job.what}-{to}/{below}", f"exports/{job.what}-{to}-draft/{below}"}:
        for path in output.list(stale):
            output.delete(path)
    note_export(output, job.what)
    lists = _Lists(output, folder, form, job, bool(draft))
    kept, rotten = kept or Kept(), {} if job.what != "quarantine" else rotten
    rows = with_people((row for row in plan_rows(output) if belongs(row, job.what) and (not wave or row in wave)), who)
    while chunk := list(islice(rows, CHUNK)):
        refusals = [_refusal(row, form, job) for row in chunk]
        if recheck is not None and job.what != "restore":
            asked = [row for row, why in zip(chunk, refusals, strict=True) if not why]
            found = iter(recheck.problems(asked, kept))
            refusals = [why or next(found) for why in refusals]
        for row, why in zip(chunk, refusals, strict=True):
            why = why or (DENIED if denied & {row.uri, row.kept_uri} else "")
            why = why or (rotten or {}).get((row.kept_uri or "", row.kept_version or ""), "")
            lists.add(row, why)
            if wave and why:
                wave.refused[row.uri, row.version] = why
    if job.what == "quarantine":
        note_list(output, HandedOut(plan_name(output), rotten is not None, lists.rows, wave.number if wave else None))
    undo = _undo(output, folder, job, to, policy, wave, who) if wave and not draft and lists.rows else []
    told = instructions(
        job,
        to,
        policy,
        lists.close(),
        draft,
        rechecked=recheck is not None,
        reread=rotten is not None,
        undone=bool(undo),
    )
    files = sorted([*lists.names, *_put(output, folder, told), *undo])
    return Exported(folder.rstrip("/"), files, lists.rows, lists.refused, draft, wave)


def _undo(output: OutputStore, folder: str, job: Job, to: str, policy: dict, wave: Wave, who: Who | None) -> list[str]:
    """Write the restore list of a wave, of what its lists carry; give the files. A script undoes itself."""
    if to == "s3-batch" and policy["quarantine"]["method"] == "copy":
        to = "s5cmd" if job.target else "csv"  # S3 Batch Operations can't take a prefix off again
    form, back = FORMATS[to], Job("restore", job.target)
    if back.what not in form.whats:
        return []
    lists = _Lists(output, f"{folder}restore/", form, back, draft=False)
    rows = (row for row in plan_rows(output) if row in wave and (row.uri, row.version) not in wave.refused)
    for row in with_people(rows, who):
        lists.add(row, _refusal(row, form, back))
    told = instructions(back, to, policy, lists.close(), [], rechecked=False)
    return [f"restore/{name}" for name in (*lists.names, *_put(output, lists.folder, told))]


def _put(output: OutputStore, folder: str, files: Mapping[str, bytes]) -> Iterable[str]:
    for name, data in files.items():
        output.put(f"{folder}{name}", data)
    return files


def _refusal(row: PlanRow, form: Format, job: Job) -> str:
    if row.store not in form.stores:
        return f"the tool doesn't reach {row.store}:// objects"
    if row.archived and job.what == "migrate" and form.split:
        return "in an archive class: restore it first"
    return form.refuse(row, job)


class _Lists:
    """Buffers lines per list and writes a list's part once it is full."""

    def __init__(self, output: OutputStore, folder: str, form: Format, job: Job, draft: bool):
        self.output, self.folder, self.form, self.job, self.draft = output, folder, form, job, draft
        self.open: dict[str, _Part] = {}
        self.buckets: dict[str, str] = {}
        self.written: list[Written] = []
        self.names: list[str] = []
        self.rows = self.refused = 0

    def add(self, row: PlanRow, why: str) -> None:
        if why:
            self.refused += 1
            self._into("refused", "", csv_line(REFUSED)).line(csv_line(map(guard, (*_names(row), why))))
            self._full("refused")
            return
        self.rows += 1
        stem = self._stem(row) if self.form.split else self.job.what
        part = self._into(stem, row.bucket, self.form.header(self.job))
        part.line(self.form.line(row, self.job), row)
        if self.form.split:
            conditions = self._into(f"{stem}.preconditions", "", csv_line(COLUMNS[self.job.what]))
            conditions.line(csv_line(cells(row, COLUMNS[self.job.what])))
            self._full(f"{stem}.preconditions")
        self._full(stem)

    def close(self) -> list[Written]:
        for stem in list(self.open):
            self._write(stem)
        return self.written

    def _stem(self, row: PlanRow) -> str:
        # Two folders may end in the same name: a list's name never stands for two buckets.
        bucket = f"{row.store}://{row.bucket}"
        if bucket not in self.buckets:
            short = re.sub(r"[^A-Za-z0-9._-]+", "-", row.bucket.rsplit("/", 1)[-1]).strip("-.") or "bucket"
            taken = set(self.buckets.values())
            name = f"{row.store}-{short}"
            self.buckets[bucket] = next(n for n in _numbered(name) if n not in taken)
        return self.buckets[bucket]

    def _into(self, stem: str, bucket: str, header: bytes) -> _Part:
        if stem not in self.open:
            self.open[stem] = _Part(bucket, header, sum(w.stem == stem for w in self.written))
        return self.open[stem]

    def _full(self, stem: str) -> None:
        if self.open[stem].rows >= ROWS_PER_FILE:
            self._write(stem)

    def _write(self, stem: str) -> None:
        part = self.open.pop(stem)
        ours = stem == "refused" or stem.endswith(".preconditions")
        suffix = ".csv" if ours else self.form.suffix
        number = f"-{part.number + 1:04d}" if part.number else ""
        # A draft's name is none that a tool is pointed at by habit.
        name = f"{stem}{number}{suffix}{'.draft' if self.draft and not ours else ''}"
        self.output.put(self.folder + name, part.data.getvalue())
        self.names.append(name)
        self.written.append(
            Written(
                stem,
                name,
                part.store,
                part.bucket,
                part.rows,
                part.bytes,
                part.newest,
                part.unversioned,
                ours,
                part.untagged,
            )
        )


class _Part:
    """The lines of one file."""

    def __init__(self, bucket: str, header: bytes, number: int):
        self.bucket, self.number, self.data = bucket, number, io.BytesIO()
        self.data.write(header)
        self.rows = self.bytes = self.unversioned = self.untagged = 0
        self.newest: datetime.datetime | None = None
        self.store = ""

    def line(self, data: bytes, row: PlanRow | None = None) -> None:
        self.data.write(data)
        self.rows += 1
        if row is not None:
            self.store = row.store
            self.bytes += row.size
            self.unversioned += not row.fixed_version
            self.untagged += bool(row.etag) and not stated_etag(row.etag)
            if row.last_modified is not None and (self.newest is None or row.last_modified > self.newest):
                self.newest = row.last_modified


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1


def _names(row: PlanRow) -> tuple[str, str, str]:
    return row.uri, row.version, stated_etag(row.etag)
