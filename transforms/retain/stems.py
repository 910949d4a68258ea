"""A RAW file and the picture of its stem go together, or not at all: judged once every object has its decision.

A person's word is about one pair of pictures. Where it is given for a JPEG, the RAW beside it would stay alone, or with
the JPEG of another place. So such a picture goes only if each picture beside it goes too, or if the word chose the one
to keep of these very files; else people look once more, and are told why. Pages that are there as RAW and as JPEG are
judged as two whole runs. Files of other kinds (.xmp, .mov ...) can't be judged by looking: lists name them, and a word
about their picture is enough.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.belongings import PICTURES, RUN, extension_of, group_of, is_run
from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.transforms.retain.page_runs import TORN, place_of, with_copies
from mirrorfold.transforms.retain.reasons import PREMIS, beside

RULE = "companions"
CHOSEN = "verdict-keeper"
COLUMNS = (
    "uri", "version", "rule", "kept_uri", "content_id", "jurisdiction", "scope", "counts_as_copy", "package",
    "companions",
)  # fmt: skip
GOING = pa.schema([pa.field("group", pa.string()), *(DECISIONS.schema.field(name) for name in COLUMNS)])
PARTED = pa.schema([*(DECISIONS.schema.field(name) for name in ("uri", "version")), *TORN])
"""A picture that was to go and stays with what is beside it; `package` is empty."""


def going_of(decisions: pa.Table) -> pa.Table:
    """Pick the pictures that go and have others beside them, and pages, each under what they share."""
    goes = pc.equal(decisions.column("action"), "quarantine")
    beside = pc.greater(pc.list_value_length(decisions.column("companions")), 0)
    page = pc.fill_null(pc.starts_with(decisions.column("package"), f"{RUN}:"), False)
    rows = decisions.filter(pc.and_(goes, pc.or_(pc.fill_null(beside, False), page))).select(COLUMNS)
    names = zip(*(rows.column(name).to_pylist() for name in ("uri", "package", "companions")), strict=True)
    groups = pa.array([_group(*name) for name in names], pa.string())
    rows = rows.add_column(0, GOING.field("group"), groups).cast(GOING)
    return rows.filter(pc.is_valid(groups))


def _group(uri: str, package: str | None, companions: list[str] | None) -> str | None:
    if is_run(package):
        return str(package).rpartition(".")[0]
    return group_of(uri) if _pictures(companions or []) else None


def judge_stems(_: int, blocks: dict[str, pa.Table]) -> Iterator[pa.Table]:
    """Name the pictures that would part from another; one partition of groups, each whole."""
    rows = blocks["going"].sort_by([("group", "ascending"), ("uri", "ascending")]).to_pylist()
    parted = [row for _, group in itertools.groupby(rows, key=lambda row: row["group"]) for row in _parted(list(group))]
    if parted:
        yield pa.Table.from_pylist([_row(row) for row in parted], schema=PARTED)


def _parted(group: list[dict]) -> list[dict]:
    going = {row["uri"]: row for row in group}
    while True:
        alone = [
            row
            for row in going.values()
            if not _chosen(row) and any(uri not in going for uri in _pictures(row["companions"]))
        ]
        if not alone:
            return [row for row in group if row["uri"] not in going]
        runs = {row["package"] for row in alone if is_run(row["package"])}
        for row in [row for row in going.values() if row in alone or row["package"] in runs]:
            del going[row["uri"]]


def _chosen(row: dict) -> bool:
    return row["rule"] == CHOSEN and row["kept_uri"] in row["companions"]


def _pictures(companions: Sequence[str]) -> list[str]:
    return [uri for uri in companions if extension_of(uri) in PICTURES]


def _row(row: dict) -> dict:
    counted = place_of(row) if row["counts_as_copy"] else None
    return {
        "uri": row["uri"],
        "version": row["version"],
        "package": "",
        "content_id": row["content_id"],
        "place": counted,
    }


def keep_stems(decisions: pa.Table, parted: Sequence[pa.Table]) -> pa.Table:
    """Send to people what would part from another picture, and count the copies that stay until then."""
    names = {name for block in parted for name in zip(*(block[c].to_pylist() for c in ("uri", "version")), strict=True)}
    if not names or not decisions.num_rows:
        return decisions
    keys = zip(*(decisions[c].to_pylist() for c in ("uri", "version")), strict=True)
    stays = pa.array([key in names for key in keys], pa.bool_())
    decisions = with_copies(decisions, parted)
    if not pc.any(stays).as_py():
        return decisions
    rows = [_asked(row) if stay else row for row, stay in zip(decisions.to_pylist(), stays.to_pylist(), strict=True)]
    return pa.Table.from_pylist(rows, schema=DECISIONS.schema)


def _asked(row: dict) -> dict:
    parts = (row["tier_to_kept"], row["kind"], row["library"], RULE)
    return row | {
        "action": "review",
        "rule": RULE,
        "reason": row["reason"] + beside(_pictures(row["companions"])),
        "rules_lost": [*row["rules_lost"], f"{row['rule']}: {row['action']}"],
        "review_batch": "/".join(part for part in parts if part),
        "premis_event": PREMIS["review"],
    }
