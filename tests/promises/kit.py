"""Finished runs of a few rows, and what a person would read of them: who goes, who stays and by which rule."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from mirrorfold.configs.settings import PASSING
from mirrorfold.pipelines.finished.verify import describe, verify
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.changes import CHANGES
from mirrorfold.transforms.audit import compare
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.listing.places import mark_places, passing_regex
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import write_run, write_table
from tests.retain.tables import clusters, content, contents, failures, objects, pairs, twin


def copies(*rows: dict, name: str = "a") -> dict[str, pa.Table]:
    """Make the tables of an archive that holds one content under several names; the first is the master."""
    return {
        "objects": mark_places(objects(*rows), passing_regex(PASSING), ()),
        "contents": contents(content(name)),
        "pairs": pairs(),
        "failures": failures(),
        "clusters": clusters(
            *(
                twin(row["uri"], name, name, version=row.get("version", ""), is_master=number == 0)
                for number, row in enumerate(rows)
            )
        ),
    }


def finish(
    folder: Path, tables: dict, policy: str = "", previous: Path | None = None, withdrawn: bool = False, **record
) -> dict[str, tuple]:
    """Decide on tables, write them as a finished run, and give (action, rule) of each URI.

    Args:
      record: further members of run.json.
    """
    if previous is not None:
        tables = {**tables, "earlier": read_table(LocalOutput(str(previous)), TABLES["decisions"])}
        tables |= {"withdrawn": withdrawn}
    decided = write_run(folder, tables, policy)["decisions"]
    made = decided.to_pylist()
    if previous is not None:
        write_table(LocalOutput(str(folder)), "changes", changes_of(tables["earlier"], decided))
    said = json.loads((folder / "run.json").read_bytes())
    said |= {"previous": str(previous) if previous else None} | record
    (folder / "run.json").write_text(json.dumps(said))
    return {row["uri"]: (row["action"], row["rule"]) for row in made}


def changes_of(before: pa.Table, after: pa.Table) -> pa.Table:
    """Compare two runs' decisions."""
    before, after = (rows.select(compare.DECIDED.names) for rows in (before, after))
    nothing = compare.SAID.empty_table()
    blocks = {"before": before, "after": after, "relied": compare.kept_copies(before)}
    blocks |= {"said_before": nothing, "said_after": nothing}
    return pa.concat_tables([CHANGES.schema.empty_table(), *compare.compare(0, blocks)])


def note_previous(folder: Path, previous: Path | None) -> None:
    """Write into run.json which run came before."""
    said = json.loads((folder / "run.json").read_bytes())
    (folder / "run.json").write_text(json.dumps(said | {"previous": str(previous) if previous else None}))


def tamper(folder: Path, table: str, uri: str, **fields) -> None:
    """Rewrite fields of the rows about a URI."""
    output = LocalOutput(str(folder))
    rows = read_table(output, TABLES[table]).to_pylist()
    hit = [row for row in rows if row["uri"] == uri]
    assert hit, f"no row {uri} in {table}"
    for row in hit:
        row.update(fields)
    write_table(output, table, pa.Table.from_pylist(rows, schema=TABLES[table].schema))


def send_away(folder: Path, uri: str, kept: str) -> None:
    """Tamper with a plan: send an object away because of another, with every column as a plan would have it."""
    rows = {row["uri"]: row for row in read_table(LocalOutput(str(folder)), TABLES["objects"]).to_pylist()}
    tamper(
        folder, "decisions", uri, action="quarantine", rule="identical", tier_to_kept="identical", kept_uri=kept,
        kept_version=rows[kept]["version"], kept_etag=rows[kept]["etag"], bytes_freed=rows[uri]["size"],
    )  # fmt: skip


def broken(folder: Path) -> str:
    """Give what verify says of a run, a promise a line; '' when all are kept."""
    return "\n".join(map(describe, verify(str(folder))))
