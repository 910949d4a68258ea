"""What a pack says of itself when URIs or reviewers' names stay at home: keyed digests, and no places."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.request import Request
from mirrorfold.schemas.failures import FAILURES
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.schemas.withheld import SHORTEST_KEY, Digest, digest_with
from mirrorfold.transforms.blocks import ipc, parquet
from mirrorfold.transforms.merge.withhold import (
    withheld_bucket,
    withheld_uri,
    withhold_failures,
    withhold_names,
    withhold_words,
)
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.retain.people import person
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import OutputStore

NAMES = ("uri", "reviewer")
"""What can stay at home."""
RECORD = ("mirrorfold", "schemas", "algorithms", "policy_hash")
"""What run.json says beside counts when names stay at home."""


@dataclasses.dataclass(frozen=True)
class AtHome:
    """What stays at home: names of NAMES, under a key; and whether only hashes travel."""

    names: frozenset[str] = frozenset()
    digest: Digest | None = None
    hashes_only: bool = False

    def write(self, source: OutputStore, target: OutputStore, name: str) -> None:
        """Copy a table's shards, without what stays at home."""
        change = self._change(source, name)
        for path in parquet.shards(source, f"{name}/"):
            data = source.get(path)
            target.put(path, change(data) if change else data)

    def _change(self, source: OutputStore, name: str) -> Callable[[bytes], bytes] | None:
        digest = self.digest if "uri" in self.names else None
        if name == "failures" and digest:
            renamed = stand_ins(source, digest, lambda block: pc.is_null(block.column("content_id")))
            return lambda shard: parquet.to_parquet(
                withhold_failures(ipc.conform(_read(shard), FAILURES.schema), renamed).cast(FAILURES.versioned_schema)
            )
        if name != "objects" or not (digest or self.hashes_only):
            return None

        def change(shard: bytes) -> bytes:
            rows = ipc.conform(_read(shard), OBJECTS.schema)
            rows = withhold_words(rows) if self.hashes_only else rows
            rows = withhold_names(rows, digest) if digest else rows
            return parquet.to_parquet(rows.cast(OBJECTS.versioned_schema))

        return change

    def named(self, rows: pa.Table, source: OutputStore) -> pa.Table:
        """Give what lists name, rows of EARLIER, under the names that the packed objects have."""
        if self.digest is None or "uri" not in self.names:
            return rows
        wanted = pc.unique(rows.column("uri"))
        found = stand_ins(source, self.digest, lambda block: pc.is_in(block.column("uri"), value_set=wanted))
        rows = rows.filter(pc.is_in(rows.column("uri"), value_set=pa.array(list(found), pa.string())))
        names = pa.array([found[uri] for uri in rows.column("uri").to_pylist()], pa.string())
        nothing = pa.nulls(rows.num_rows, pa.string())
        for name, values in {"uri": names, "kept_uri": nothing, "earlier_kept_uri": nothing}.items():
            rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), values)
        return rows

    def verdicts(self, said: list[dict]) -> list[dict]:
        """Give verdicts without their reviewers' names and words, as asked; what was found stays found."""
        if not self.names:
            return said
        found = []
        for verdict in said:
            by = verdict["reviewer"]
            who = self.digest("person", person(by)) if self.digest and "reviewer" in self.names else by
            reason = verdicts.BATCH.strip() if verdict["reason"].startswith(verdicts.BATCH) else ""
            row = verdicts.checked_verdict(verdict | {"reviewer": who, "reason": reason}, "a verdict of this run")
            found.append(row | {"imported": verdict.get("imported")})
        return found

    def request(self, request: Request, source: OutputStore) -> dict:
        """Give the request that travels; of one without URIs, the sources as the packed tables name them."""
        policy = request.policy
        if self.digest and "reviewer" in self.names:
            people = [p | {"name": self.digest("person", person(p["name"]))} for p in policy.get("reviewers") or []]
            policy = policy | ({"reviewers": people} if people else {})
        if self.digest and "uri" in self.names:
            sources = withheld_sources(source, self.digest)
            request = Request(sources, Settings(), load_policy("default"))
        else:
            request = dataclasses.replace(request, policy=policy)
        return json.loads(request.to_json())

    def record(self, kept: dict) -> dict:
        """Give what run.json says of the pack."""
        if not self.names:
            return kept
        snapshot = str(kept["input_snapshot"])
        if self.digest and "uri" in self.names:
            kept = {name: kept[name] for name in (*RECORD, "travels", "counts")}
            # Of few objects even a digest of all their names could be tried out.
            snapshot = hashlib.sha256(self.digest("uri", snapshot).encode()).hexdigest()
        return kept | {"without": sorted(self.names), "input_snapshot": snapshot}


def at_home(without: str, key: str | None, *, hashes_only: bool) -> AtHome:
    """Read what stays at home, and the key that digests are made with.

    Args:
      without: names of NAMES with commas between.
      key: the file that holds the key.

    Raises:
      UsageError: another name, or no key that will do.
    """
    names = names_of(without)
    if key is not None and not names:
        raise UsageError("--key goes with --without uri,reviewer: without it every name crosses as it is")
    if not names:
        return AtHome(hashes_only=hashes_only)
    return AtHome(names, digest_with(read_key(key)), hashes_only)


def names_of(without: str) -> frozenset[str]:
    """Read which names stay at home.

    Raises:
      UsageError: another name than those of NAMES.
    """
    names = frozenset(name.strip() for name in without.split(",") if name.strip())
    if names - set(NAMES):
        raise UsageError(f"--without {min(names - set(NAMES))}: what can stay at home is {' and '.join(NAMES)}")
    return names


def read_key(path: str | None) -> bytes:
    """Read a key.

    Raises:
      UsageError: no file, or a key that could be guessed.
    """
    make = "make one with `openssl rand -hex 32 > FILE`, and keep it: nothing else turns digests back"
    if path is None:
        raise UsageError(f"--without needs --key FILE, the owner's key: {make}")
    try:
        with open(path, "rb") as file:
            key = file.read().strip()
    except OSError as error:
        raise UsageError(f"{path}: can't read this key: {error.strerror}; {make}") from error
    if len(key) < SHORTEST_KEY:
        raise UsageError(f"{path}: a key of {len(key)} characters can be guessed, {SHORTEST_KEY} are needed: {make}")
    return key


def stand_ins(store: OutputStore, digest: Digest, some: Callable[[pa.Table], pa.Array]) -> dict[str, str]:
    """Give what stands for some objects, by URI; `some` marks their rows by URI and content."""
    found: dict[str, str] = {}
    for block in parquet.table_blocks(store, "objects", ["uri", "store", "bucket", "content_id"]):
        for row in block.filter(some(block)).to_pylist():
            found[row["uri"]] = withheld_uri(row["store"], row["bucket"], row["uri"], digest)
    return found


def withheld_sources(store: OutputStore, digest: Digest) -> tuple[SourceSpec, ...]:
    """Give a source for each bucket or folder that a run's objects lie in, as the packed objects name it."""
    columns = ["library", "store", "bucket"]
    found: set[tuple[str, str, str]] = set()
    for block in parquet.table_blocks(store, "objects", columns):
        found.update(tuple(row.values()) for row in block.group_by(columns).aggregate([]).to_pylist())
    return tuple(
        SourceSpec(library, "live", kind, withheld_bucket(kind, bucket, digest))
        for library, kind, bucket in sorted(found)
    )


def _read(shard: bytes):
    return pq.read_table(io.BytesIO(shard))
