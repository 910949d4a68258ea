"""What a plan is made from, by digest: run.json keeps them, sign-offs bind them, and whoever acts checks them first."""

from __future__ import annotations

import hashlib
import json

from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.retain.verdicts import read_verdicts
from mirrorfold.transforms.stores.output import OutputStore

SIGNED = ("objects", "failures", "pairs", "clusters", "lineage", "decisions", "hold_checks", "confirmations",
          "merged_record")  # fmt: skip
"""Tables that are digested byte by byte; `contents`, by far the largest, by its files' sizes and footers."""
INPUTS = "inputs/"
"""Below DIR: what came from outside and isn't a source, as it was when the plan was made."""


def run_digests(output: OutputStore) -> dict[str, str]:
    """Digest everything that the lists of a run are made from: hex SHA-256 by table or file, as far as it is there.

    `verdicts` stands for the verdicts that are kept under DIR, in the order in which they count.
    """
    found = {name: digest for name in SIGNED if (digest := table_digest(output, name))}
    if contents := _contents_digest(output):
        found["contents"] = contents
    for path in ["policy.yaml", *sorted(output.list(INPUTS))]:
        try:
            found[path] = hashlib.sha256(output.get(path)).hexdigest()
        except FileNotFoundError:
            continue
    found["verdicts"] = _of([{k: v for k, v in word.items() if k != "imported"} for word in read_verdicts(output)])
    return found


def table_digest(output: OutputStore, name: str) -> str | None:
    """Digest a table's shards, name by name and byte by byte; None where there are none."""
    digest = hashlib.sha256()
    paths = parquet.shards(output, f"{name}/")
    for path in paths:
        with output.open(path) as shard:
            found = hashlib.file_digest(shard, "sha256")  # type: ignore[arg-type]  # any binary file will do
            digest.update(f"{path}\n{found.hexdigest()}\n".encode())
    return digest.hexdigest() if paths else None


def _contents_digest(output: OutputStore) -> str | None:
    """Digest the sizes and footers of `contents`: rows, offsets and each column's statistics, but no thumbnails."""
    paths = parquet.shards(output, "contents/")
    footers = []
    for path in paths:
        with output.open(path) as shard:
            size = shard.seek(0, 2)
            shard.seek(max(0, size - 8))
            footer = int.from_bytes(shard.read(4), "little") + 8
            shard.seek(max(0, size - footer))
            footers.append([path, size, hashlib.sha256(shard.read()).hexdigest()])
    return _of(footers) if paths else None


def plan_hash(output: OutputStore) -> str:
    """Give the SHA-256 (hex) of a plan: of everything that its lists are made from.

    Raises:
      ValueError: there are no decisions.
    """
    found = run_digests(output)
    if "decisions" not in found:
        raise ValueError(f"{output.url()} holds no plan: there are no decisions")
    return _of(found)


def changed(output: OutputStore, recorded: dict[str, str]) -> list[str]:
    """Name what isn't as it was recorded, in alphabetical order."""
    now = run_digests(output)
    return sorted(name for name in now.keys() | recorded.keys() if now.get(name) != recorded.get(name))


def _of(value) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
