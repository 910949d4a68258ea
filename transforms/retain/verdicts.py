"""Reviewers' verdicts on pairs of contents: read, checked, kept, and put together into rulings.

A verdict is keyed by the pair of content digests, so it outlives renames, moves and re-clustering. A pair of one
content with itself speaks of its copies.

Answers on the quality sample measure how sure a tier is. They are stored apart and decide nothing.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import itertools
import json
import re
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from mirrorfold.transforms.retain.people import person
from mirrorfold.transforms.retain.records import Ruling, pair_of
from mirrorfold.transforms.stores.output import OutputStore

VERDICTS = ("same", "different", "keep-a", "keep-b", "split", "defer")
FOLDER = "review/verdicts/"
SAMPLE_FOLDER = "review/sample/"
"""Answers on the quality sample."""

PURPOSES = ("decision", "sample", "adjudication")
SCHEMA = pa.schema(
    [
        *(
            pa.field(name, pa.string(), nullable=False)
            for name in ("content_a", "content_b", "verdict", "reviewer", "reason", "at", "id")
        ),
        pa.field("seen", pa.bool_()),
        pa.field("imported", pa.string()),
        pa.field("purpose", pa.string()),
    ],
    metadata={"mirrorfold.table": "verdicts", "mirrorfold.version": "1"},
)
"""`seen`: the reviewer had this very pair before their eyes; null, in older files, unless the reason says batch.

`imported`: when it was taken in, in UTC; null in older files. Verdicts count in this order: a reviewer's clock decides
nothing.

`purpose`: what the answer is for; an adjudication settles what two others disagree on.
"""

BATCH = "batch: "
"""How the reason of a verdict begins that was given for a whole filter at once."""

ALIASES = {"accept": "same", "duplicate": "same", "reject": "different", "not-a-duplicate": "different"}
FLIPPED = {"keep-a": "keep-b", "keep-b": "keep-a"}
TICK = dt.timedelta(microseconds=1)
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
    if not person(said["reviewer"]):
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
    purpose = str(row.get("purpose") or "decision").strip().lower()
    if purpose not in PURPOSES:
        raise ValueError(f"{where}: purpose {purpose[:80]!r} isn't one of {', '.join(PURPOSES)}")
    seen = _seen(row.get("seen"), made["reason"])
    # What says nothing new leaves an id as it always was.
    said_more = ({} if seen else {"seen": False}) | ({} if purpose == "decision" else {"purpose": purpose})
    identity = hashlib.sha256(json.dumps(made | said_more, sort_keys=True).encode()).hexdigest()[:16]
    return made | {"id": identity, "seen": seen, "purpose": purpose}


def _seen(said: object, reason: str) -> bool:
    """Tell whether a person looked at the pair by itself; an older export says so in its reason alone."""
    if said is None or said == "":
        return not reason.startswith(BATCH)
    return str(said).strip().lower() in ("true", "yes", "1")


def _utc(text: str, where: str) -> str:
    try:
        time = dt.datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError as error:
        raise ValueError(f"{where}: at isn't an ISO 8601 time: {text[:80]!r}") from error
    time = time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
    return time.isoformat(timespec="microseconds")


def store_verdicts(output: OutputStore, verdicts: list[dict], now: dt.datetime | None = None) -> int:
    """Keep verdicts under DIR and give how many were new. Importing the same file again adds nothing.

    Answers on the quality sample go to a folder of their own. Verdicts of another run keep when they were taken in;
    new ones come after all that are known, in their order.
    """
    sample = [v for v in verdicts if v["purpose"] == "sample"]
    decisions = [v for v in verdicts if v["purpose"] != "sample"]
    now = now or dt.datetime.now(dt.UTC)
    return _store(output, decisions, FOLDER, now) + _store(output, sample, SAMPLE_FOLDER, now)


def _store(output: OutputStore, verdicts: list[dict], folder: str, now: dt.datetime) -> int:
    known = _read(output, folder) if verdicts else []
    ids = {verdict["id"] for verdict in known}
    new = [verdict for verdict in {v["id"]: v for v in verdicts}.values() if verdict["id"] not in ids]
    if new:
        new = _numbered(new, max((verdict.get("imported") or "" for verdict in known), default=""), now)
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(new, schema=SCHEMA), sink, compression="zstd")
        name = hashlib.sha256("".join(v["id"] for v in new).encode()).hexdigest()[:16]
        output.put(f"{folder}{name}.parquet", sink.getvalue())
    return len(new)


def _numbered(verdicts: list[dict], last: str, now: dt.datetime) -> list[dict]:
    start = max(now, dt.datetime.fromisoformat(last) + TICK) if last else now
    times = (start + number * TICK for number in itertools.count())
    return [
        verdict if "imported" in verdict else verdict | {"imported": next(times).isoformat(timespec="microseconds")}
        for verdict in verdicts
    ]


def read_verdicts(output: OutputStore) -> list[dict]:
    """Read every verdict that decides, as kept under DIR, in the order in which they count."""
    return _read(output, FOLDER)


def read_sample(output: OutputStore) -> list[dict]:
    """Read every answer on the quality sample, as kept under DIR, in the order in which they count."""
    return _read(output, SAMPLE_FOLDER)


def _read(output: OutputStore, folder: str) -> list[dict]:
    folders = "sample" if folder == SAMPLE_FOLDER else "decision"
    found: dict[str, dict] = {}
    for path in sorted(output.list(folder)):
        if path.endswith(".parquet"):
            with output.open(path) as source:
                for row in pq.read_table(source).to_pylist():
                    seen = row.get("seen")
                    seen = not row["reason"].startswith(BATCH) if seen is None else seen
                    found[row["id"]] = row | {"seen": seen, "purpose": row.get("purpose") or folders}
    return sorted(found.values(), key=_order)


def _order(verdict: dict) -> tuple:
    return verdict.get("imported") or "", verdict["at"], verdict["id"]


def rule_on(
    verdicts: Iterable[dict], reviewers: int = 1, people: frozenset[str] | None = None
) -> dict[tuple[str, str], Ruling]:
    """Put verdicts together: the last that came in of each reviewer counts, and `reviewers` must agree.

    Args:
      people: whose verdicts count, as `people.person` writes names; None for everybody's.

    Choosing a keeper agrees with `same`, splitting off agrees with `different`; anything else together is a conflict,
    until somebody adjudicates who gave no opinion on the pair before.
    """
    latest: dict[tuple[str, str], dict[tuple[str, bool], dict]] = {}
    for verdict in sorted(verdicts, key=_order):
        who = person(verdict["reviewer"])
        if people is None or who in people:
            pair = verdict["content_a"], verdict["content_b"]
            latest.setdefault(pair, {})[who, verdict.get("purpose") == "adjudication"] = verdict
    return {pair: _settled(list(by_reviewer.values()), reviewers) for pair, by_reviewer in latest.items()}


def _settled(verdicts: list[dict], reviewers: int) -> Ruling:
    opinions = [verdict for verdict in verdicts if verdict.get("purpose") != "adjudication"]
    ruling = _ruling(opinions, reviewers)
    if ruling.outcome != "conflict":
        # Nothing to adjudicate: the word counts as anybody's.
        own = {person(verdict["reviewer"]) for verdict in opinions}
        further = [v for v in verdicts if v not in opinions and person(v["reviewer"]) not in own]
        return _ruling([*opinions, *further], reviewers) if further else ruling
    word = adjudication(verdicts)
    return (
        ruling if word is None else Ruling(word["verdict"], tuple(sorted({*ruling.verdicts, word["id"]})), word["seen"])
    )


def adjudication(verdicts: list[dict]) -> dict | None:
    """Give the latest adjudication by somebody who is no party to the disagreement."""
    parties = {
        person(v["reviewer"]) for v in verdicts if v.get("purpose") != "adjudication" and v["verdict"] != "defer"
    }
    words = [
        v
        for v in sorted(verdicts, key=_order)
        if v.get("purpose") == "adjudication" and v["verdict"] != "defer" and person(v["reviewer"]) not in parties
    ]
    return words[-1] if words else None


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
    opened = any(v["verdict"] != "defer" and v.get("seen", True) for v in verdicts)
    return Ruling(said.pop() if said and settled else "defer", ids, opened)


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


def looked_at(verdicts: Iterable[dict]) -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
    """Say what people found who looked at a pair by itself: (outcome, reviewers), by pair.

    A verdict given for a whole filter at once says nothing of the pair, and neither does one put off.
    """
    seen = [verdict for verdict in verdicts if verdict["seen"] and verdict["verdict"] != "defer"]
    people: dict[tuple[str, str], dict[str, str]] = {}
    for verdict in seen:
        names = people.setdefault((verdict["content_a"], verdict["content_b"]), {})
        names.setdefault(person(verdict["reviewer"]), verdict["reviewer"])
    return {pair: (ruling.outcome, tuple(sorted(people[pair].values()))) for pair, ruling in rule_on(seen).items()}
