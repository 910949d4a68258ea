"""Reviewers' verdicts on pairs of contents: read, checked, kept, and put together into rulings.

A verdict is keyed by the pair of content digests, so it outlives renames, moves and re-clustering. A pair of one
content with itself speaks of its copies.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from mirrorfold.transforms.retain.records import Ruling, pair_of
from mirrorfold.transforms.stores.output import OutputStore

VERDICTS = ("same", "different", "keep-a", "keep-b", "split", "defer")
FOLDER = "review/verdicts/"
SCHEMA = pa.schema(
    [
        pa.field(name, pa.string(), nullable=False)
        for name in ("content_a", "content_b", "verdict", "reviewer", "reason", "at", "id")
    ],
    metadata={"mirrorfold.table": "verdicts", "mirrorfold.version": "1"},
)
ALIASES = {"accept": "same", "duplicate": "same", "reject": "different", "not-a-duplicate": "different"}
FLIPPED = {"keep-a": "keep-b", "keep-b": "keep-a"}
_DIGEST = re.compile(r"[0-9a-f]{64}")


def parse_verdicts(data: bytes, name: str) -> list[dict]:
    """Read verdicts from JSONL, or from CSV with a header; each row is checked.

    Raises:
      ValueError: one line naming file and line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: not UTF-8 at byte {error.start}") from error
    rows = _jsonl(text, name) if text.lstrip().startswith("{") or not text.strip() else _csv(text, name)
    found = [checked_verdict(row, f"{name}:{line}") for line, row in rows]
    if not found:
        raise ValueError(f"{name}: no verdicts in it")
    return found


def _jsonl(text: str, name: str) -> Iterator[tuple[int, dict]]:
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except json.JSONDecodeError as error:
            raise ValueError(f"{name}:{line}: not JSON: {error.msg}") from error
        if not isinstance(row, dict):
            raise ValueError(f"{name}:{line}: a verdict is an object with content_a, content_b, verdict, reviewer, at")
        yield line, row


def _csv(text: str, name: str) -> Iterator[tuple[int, dict]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = {"content_a", "content_b", "verdict", "reviewer", "at"} - set(reader.fieldnames or ())
    if missing:
        raise ValueError(f"{name}:1: column {sorted(missing)[0]!r} is missing")
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"{name}:{reader.line_num}: not CSV: {error}") from error


def checked_verdict(row: dict, where: str) -> dict:
    """Check one verdict and write it in its one form: contents in order, time in UTC, an id of its own."""
    said = {key: str(row.get(key) or "").strip() for key in ("content_a", "content_b", "verdict", "reviewer", "at")}
    for key in ("content_a", "content_b"):
        said[key] = said[key].lower()
        if not _DIGEST.fullmatch(said[key]):
            raise ValueError(f"{where}: {key} isn't a content_id (64 hex digits): {said[key][:80]!r}")
    verdict = ALIASES.get(said["verdict"].lower(), said["verdict"].lower())
    if verdict not in VERDICTS:
        raise ValueError(f"{where}: verdict {said['verdict'][:80]!r} isn't one of {', '.join(VERDICTS)}")
    if not said["reviewer"]:
        raise ValueError(f"{where}: a verdict names its reviewer")
    first, second = pair_of(said["content_a"], said["content_b"])
    if first == second and verdict in FLIPPED:
        raise ValueError(f"{where}: {verdict} needs two contents")
    if first != said["content_a"]:
        verdict = FLIPPED.get(verdict, verdict)
    made = {
        "content_a": first,
        "content_b": second,
        "verdict": verdict,
        "reviewer": said["reviewer"],
        "reason": str(row.get("reason") or "").strip(),
        "at": _utc(said["at"], where),
    }
    return made | {"id": hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]}


def _utc(text: str, where: str) -> str:
    try:
        time = dt.datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError as error:
        raise ValueError(f"{where}: at isn't an ISO 8601 time: {text[:80]!r}") from error
    time = time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
    return time.isoformat(timespec="microseconds")


def store_verdicts(output: OutputStore, verdicts: list[dict]) -> int:
    """Keep verdicts under DIR and give how many were new. Importing the same file again adds nothing."""
    known = {verdict["id"] for verdict in read_verdicts(output)}
    new = sorted((v for v in {v["id"]: v for v in verdicts}.values() if v["id"] not in known), key=_order)
    if new:
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(new, schema=SCHEMA), sink, compression="zstd")
        name = hashlib.sha256("".join(v["id"] for v in new).encode()).hexdigest()[:16]
        output.put(f"{FOLDER}{name}.parquet", sink.getvalue())
    return len(new)


def read_verdicts(output: OutputStore) -> list[dict]:
    """Read every verdict kept under DIR, oldest first."""
    found: dict[str, dict] = {}
    for path in sorted(output.list(FOLDER)):
        if path.endswith(".parquet"):
            with output.open(path) as source:
                found |= {row["id"]: row for row in pq.read_table(source).to_pylist()}
    return sorted(found.values(), key=_order)


def _order(verdict: dict) -> tuple:
    return verdict["at"], verdict["id"]


def rule_on(verdicts: Iterable[dict], reviewers: int = 1) -> dict[tuple[str, str], Ruling]:
    """Put verdicts together: the latest of each reviewer counts, and `reviewers` must agree.

    Choosing a keeper agrees with `same`, splitting off agrees with `different`; anything else together is a conflict.
    """
    latest: dict[tuple[str, str], dict[str, dict]] = {}
    for verdict in sorted(verdicts, key=_order):
        latest.setdefault((verdict["content_a"], verdict["content_b"]), {})[verdict["reviewer"]] = verdict
    return {pair: _ruling(list(by_reviewer.values()), reviewers) for pair, by_reviewer in latest.items()}


def _ruling(verdicts: list[dict], reviewers: int) -> Ruling:
    ids = tuple(sorted(verdict["id"] for verdict in verdicts))
    said = {verdict["verdict"] for verdict in verdicts} - {"defer"}
    settled = sum(verdict["verdict"] != "defer" for verdict in verdicts) >= reviewers
    if said - {"same"} and "same" in said and said <= {"same", "keep-a"} | {"same", "keep-b"} and len(said) == 2:
        said -= {"same"}
    if said == {"different", "split"}:
        said = {"different"}
    if len(said) > 1:
        return Ruling("conflict", ids)
    return Ruling(said.pop() if said and settled else "defer", ids)


def conflicting(verdicts: Iterable[dict]) -> list[dict]:
    """List the pairs whose reviewers disagree, with what each said."""
    verdicts = list(verdicts)
    disputed: dict[tuple[str, str], list[dict]] = {
        pair: [] for pair, ruling in sorted(rule_on(verdicts).items()) if ruling.outcome == "conflict"
    }
    for verdict in sorted(verdicts, key=_order):
        pair = verdict["content_a"], verdict["content_b"]
        if pair in disputed:
            disputed[pair].append({name: verdict[name] for name in ("reviewer", "verdict", "at", "reason")})
    return [{"content_a": a, "content_b": b, "verdicts": words} for (a, b), words in disputed.items()]
