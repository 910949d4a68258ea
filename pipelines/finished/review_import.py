"""Import reviewers' verdicts into a run, for its plan and every later run."""

from __future__ import annotations

from typing import NamedTuple

from mirrorfold.pipelines.finished.verify import read_policy
from mirrorfold.pipelines.serving.answers import saved_answers
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.retain.people import check_may_review
from mirrorfold.transforms.stores.output import OutputStore, open_output


class Imported(NamedTuple):
    """What an import did.

    Attributes:
      read: verdicts in the files.
      new: verdicts that weren't known.
      unknown: verdicts on contents that this run doesn't have (kept for runs that do).
      conflicts: pairs on which reviewers disagree, with what each said.
    """

    read: int
    new: int
    unknown: int
    conflicts: list[dict]


def review_import(folder: str, *files: str) -> Imported:
    """Check files of verdicts (JSONL or CSV), and keep what is new under DIR/review/verdicts.

    All or nothing: one bad row refuses all files. Without files, what `review serve` saved in DIR is taken.

    Raises:
      ValueError: one line naming file and line, or a reviewer whom the policy doesn't list.
    """
    store = open_output(folder)
    found: list[dict] = []
    for file in files:
        try:
            with open(file, "rb") as source:
                found += verdicts.parse_verdicts(source.read(), file)
        except OSError as error:
            raise ValueError(f"{file}: can't read it: {error.strerror}") from error
    if not files:
        found = saved_answers(store)
        if not found:
            raise ValueError(f"{folder}: `review serve` saved nothing here: name the reviewers' exported files")
        file = "review serve"
    if not parquet.shards(store, "contents/"):
        raise ValueError(f"{store.url()} holds no run: there are no contents to have verdicts on")
    if store.exists("policy.yaml"):
        check_may_review(read_policy(store), [verdict["reviewer"] for verdict in found], file)
    named = {verdict[side] for verdict in found for side in ("content_a", "content_b")}
    missing = named - _present(store, named)
    unknown = sum(verdict["content_a"] in missing or verdict["content_b"] in missing for verdict in found)
    new = verdicts.store_verdicts(store, found)
    return Imported(len(found), new, unknown, verdicts.conflicting(verdicts.read_verdicts(store)))


def _present(store: OutputStore, wanted: set[str]) -> set[str]:
    present: set[str] = set()
    for block in parquet.table_blocks(store, "contents", ["content_id"]):
        present |= wanted.intersection(block.column("content_id").to_pylist())
    return present
