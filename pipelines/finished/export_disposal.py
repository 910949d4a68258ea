"""Export a disposal list: what a plan sets aside, by series, in the columns that a records office's form has."""

from __future__ import annotations

from typing import NamedTuple

from mirrorfold.configs import disposal_form as disposal
from mirrorfold.pipelines.finished.deciders import Deciders, deciders
from mirrorfold.pipelines.finished.verify import open_whole, read_policy
from mirrorfold.transforms.blocks.tables import connect, rows_of
from mirrorfold.transforms.publish.manifests.csv import csv_line, guard
from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.retain.policy import policy_hash

FOLDER, NAME = "exports/disposal-csv/", "disposal.csv"
ROWS = """
    SELECT d.library,
        concat_ws('/', o.bucket, array_to_string(o.folders[1:least(?, len(o.folders) - 1)], '/')) AS series,
        d.rule, count(*) AS objects, sum(d.size)::BIGINT AS bytes,
        min(coalesce(nullif(left(c.capture_time, 10), ''), strftime(o.last_modified, '%Y-%m-%d'))) AS date_from,
        max(coalesce(nullif(left(c.capture_time, 10), ''), strftime(o.last_modified, '%Y-%m-%d'))) AS date_to,
        any_value(d.reason ORDER BY d.uri) AS example, any_value(d.tier_to_kept ORDER BY d.uri) AS tier,
        list_sort(list(DISTINCT k.library)) AS kept_in, list_sort(list(DISTINCT c.media_type)) AS media_types,
        list_distinct(flatten(list(list_filter(d.evidence, lambda e: starts_with(e, 'verdict:'))))) AS verdicts
    FROM (SELECT *, string_split(key, '/') AS folders FROM objects) o JOIN decisions d USING (uri, version)
    LEFT JOIN decisions k ON k.uri = d.kept_uri AND k.version = d.kept_version
    LEFT JOIN contents c ON c.content_id = d.content_id
    WHERE d.action = 'quarantine' GROUP BY d.library, series, d.rule ORDER BY ALL"""


class Disposal(NamedTuple):
    """What an export of a disposal list wrote: its folder, files, rows, and the files and bytes that these are of."""

    folder: str
    files: list[str]
    rows: int
    objects: int
    bytes: int


def export_disposal(folder: str, template: str = "general") -> Disposal:
    """Write a disposal list under DIR/exports/disposal-csv: a row for each series and rule.

    Args:
      template: a ready form's name, or a YAML file.

    Raises:
      ValueError: the template can't be used, or the run isn't finished.
      BrokenPromiseError: the folder breaks a promise.
    """
    form = disposal.load(template)
    store = open_whole(folder)
    policy = read_policy(store)
    people = deciders(store, policy_hash(policy))
    shared = {
        "authority": _authority(people),
        "plan": plan_hash(store),
        "made": people.made[:10],
        "quarantine_days": policy["quarantine"]["days"],
    }
    with connect(store, "objects", "decisions", "contents") as connection:
        found = rows_of(connection, ROWS, [form.depth])
    lines = [[column.name for column in form.columns]]
    for row in found:
        said = row | shared | _told(row, people)
        lines.append([guard(column.value.format_map(said)) for column in form.columns])
    store.put(FOLDER + NAME, b"".join(map(csv_line, lines)))
    about = f"{form.title}\nSource of the form: {form.source}\nPlan: {shared['plan']}\n{shared['authority']}\n"
    store.put(f"{FOLDER}README.txt", about.encode())
    totals = [sum(row[name] for row in found) for name in ("objects", "bytes")]
    return Disposal(FOLDER.rstrip("/"), [NAME, "README.txt"], len(found), *totals)


def _authority(people: Deciders) -> str:
    signed = [f"{name} ({role}, {at[:10]})" for name, role, at in people.signed]
    return f"policy {people.policy[:12]}, {'signed by ' + '; '.join(signed) if signed else 'not signed'}"


def _told(row: dict, people: Deciders) -> dict:
    return {
        "reason": f"{row['tier'] or 'copy'} of a kept copy; e.g. {row['example']}",
        "megabytes": -(-row["bytes"] // 10**6),
        "kept_in": "; ".join(row["kept_in"] or []),
        "media_types": "; ".join(filter(None, row["media_types"] or [])),
        "decided_by": "; ".join(dict.fromkeys(name for name, _ in people.people(row["verdicts"]))) or "the policy",
        "date_from": row["date_from"] or "unknown",
        "date_to": row["date_to"] or "unknown",
    }
