"""Turn the keyed digests of a pack back into names, in what came back of it: for the holder of the key alone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.merging.at_home import read_key
from mirrorfold.pipelines.record.previous import read_record
from mirrorfold.pipelines.record.request import saved_request
from mirrorfold.schemas.withheld import TOKEN, Digest, digest_with
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.publish.manifests.csv import csv_line, guard
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.retain.people import person
from mirrorfold.transforms.stores.output import OutputStore, open_output

ENDINGS = (".csv", ".json", ".jsonl")


class Turned(NamedTuple):
    """What was turned back: files, digests that got their names, and digests of another key or run."""

    files: list[str]
    names: int
    strange: int


def turn_back(folder: str, returned: str, key: str | None, output: str) -> Turned:
    """Write what came back with names in place of digests.

    Args:
      folder: the run that was packed.
      returned: a folder of CSV, JSON and JSON lines files (others in it are left alone).
      key: the file with the key that it was packed with.
      output: a folder to write to.

    Raises:
      UsageError: no such files, none with a digest of this key and run, or a file that isn't what its name says.
    """
    read_record(folder)
    digest = digest_with(read_key(key))
    source, target = open_output(returned), open_output(output)
    paths = [path for path in sorted(source.list("")) if path.endswith(ENDINGS)]
    if not paths:
        raise UsageError(
            f"{returned}: there are no files that end in {', '.join(ENDINGS)}: name the folder that came back"
        )
    texts = {path: _text(source, path) for path in paths}
    wanted = {token for text in texts.values() for token in TOKEN.findall(text)}
    names = dict(_names(folder, digest, wanted))
    if not names:
        raise UsageError(
            f"{returned}: of {len(wanted):,} digests in it this key and run made none: name the run that was packed, "
            "and the key that it was packed with"
        )
    for path, text in texts.items():
        target.put(path, _turned(path, text, lambda said: TOKEN.sub(lambda m: names.get(m[0], m[0]), said)))
    return Turned(paths, len(names), len(wanted) - len(names))


def _text(source: OutputStore, path: str) -> str:
    try:
        return source.get(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{source.url(path)}: not UTF-8 at byte {error.start}: take the file as it was sent"
        ) from error


def _names(folder: str, digest: Digest, wanted: set[str]) -> Iterator[tuple[str, str]]:
    """Give the wanted digests that this run's names make, with the names as they stand behind a scheme."""
    store, buckets = open_output(folder), set()
    for block in parquet.table_blocks(store, "objects", ["uri", "bucket", "key"]):
        for row in block.to_pylist():
            buckets.add(row["bucket"])
            if (token := digest("uri", row["uri"])) in wanted:
                yield token, row["key"]
    # A folder's digest stands behind the slash that its path begins with.
    made = [(digest("bucket", bucket), bucket.removeprefix("/")) for bucket in sorted(buckets)]
    people = {verdict["reviewer"] for verdict in verdicts.read_verdicts(store)}
    people |= {each["name"] for each in saved_request(folder).policy.get("reviewers") or []}
    made += [(digest("person", person(name)), name) for name in sorted(people)]
    yield from ((token, name) for token, name in made if token in wanted)


def _turned(path: str, text: str, turn: Callable[[str], str]) -> bytes:
    """Write a file anew, so that a name with a quote, a comma or a line's end stays one value."""
    try:
        if path.endswith(".csv"):
            rows = csv.reader(io.StringIO(text, newline=""), strict=True)
            return b"".join(csv_line([_cell(value, turn) for value in row]) for row in rows)
        if path.endswith(".json"):
            return json.dumps(_values(json.loads(text), turn), indent=1, ensure_ascii=False).encode()
        lines = [json.dumps(_values(json.loads(line), turn), ensure_ascii=False) for line in text.split("\n") if line]
        return "".join(f"{line}\n" for line in lines).encode()
    except (csv.Error, ValueError) as error:
        raise UsageError(f"{path}: isn't what its name says ({error}): take the file as it was sent") from error


def _cell(value: str, turn: Callable[[str], str]) -> str:
    made = turn(value)
    return value if made == value else guard(made)


def _values(value, turn: Callable[[str], str]):
    if isinstance(value, str):
        return turn(value)
    if isinstance(value, list):
        return [_values(each, turn) for each in value]
    return {name: _values(each, turn) for name, each in value.items()} if isinstance(value, dict) else value
