"""The one screen at the end of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow.compute as pc
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mirrorfold.pipelines.commands.printing import many
from mirrorfold.pipelines.lists import UNMATCHED, joined_lists, tell
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.failures import CODES
from mirrorfold.schemas.pairs import TIERS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.publish.at_risk import AT_RISK
from mirrorfold.transforms.publish.queue import count_work
from mirrorfold.transforms.stores.output import OutputStore, open_output

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")

MANY_DOCUMENTS = 0.1
"""Share of documents from which the summary says that they can be looked at more closely."""


def summarise(store: OutputStore, read_again: bool) -> RenderableType:
    """Render what a run found: objects, clusters by tier, what frees up now, what waits for people, what failed.

    Args:
      read_again: documents that stored signatures leave open were read again.
    """
    tables = connect(store, "objects", "decisions", "clusters", "savings", "failures", "hold_checks")
    parts = [_headline(tables), *_since_previous(store), *_lists(store), _by_tier(tables), _by_failure(tables)]
    if not read_again:
        parts += _documents(store)
    return Panel(
        Group(*parts, _files(store, tables)),
        title="mirrorfold",
        title_align="left",
        border_style="dim",
        padding=(1, 2),
    )


def plain_summary(store: OutputStore, counts: dict[str, int], skipped: Sequence[str]) -> dict:
    """Give what a run came to for programs.

    Returns:
      `output`; `finished`; `counts`, rows by table; `skipped`, steps that were there already; of a finished run also
      `actions`, objects and bytes freed by action, `waits`, what people are asked, and `failures`, objects by code.
    """
    found: dict = {
        "output": store.url(),
        "finished": store.exists("_SUCCESS"),
        "counts": counts,
        "skipped": list(skipped),
    }
    if not found["finished"]:
        return found
    tables = connect(store, "decisions", "failures")
    actions = tables.execute(
        "SELECT action, count(*), sum(bytes_freed) FROM decisions GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    failures = tables.execute("SELECT error, count(*) FROM failures GROUP BY ALL ORDER BY ALL").fetchall()
    work = count_work(tables)
    return found | {
        "waits": {"pairs": work.pairs, "clusters": work.clusters, "bytes_freed": work.bytes_freed},
        "report": store.url("report.html"),
        "actions": {action: {"objects": rows, "bytes_freed": int(size or 0)} for action, rows, size in actions},
        "failures": dict(failures),
    }


def _headline(tables) -> Text:
    objects, size, libraries, contents = tables.execute(
        "SELECT count(*), sum(size), count(DISTINCT library), count(DISTINCT content_id) FROM objects"
    ).fetchone()
    clusters, families = tables.execute(
        "SELECT count(DISTINCT cluster_id), count(DISTINCT family_id) FROM clusters"
    ).fetchone()
    now, n_now = _freed(tables, "quarantine")
    work = count_work(tables)
    text = Text()
    text.append(f"{many(objects, 'object')}, {format_bytes(size or 0)}", style="bold")
    text.append(f", in {libraries} {'library' if libraries == 1 else 'libraries'}; {contents:,} distinct images read\n")
    text.append(f"{many(clusters, 'cluster')} in {families:,} {'family' if families == 1 else 'families'}\n\n")
    text.append("Can be freed now   ", style="bold green")
    text.append(f"{format_bytes(now)} in {n_now:,} objects{_money(tables, 'quarantine')}\n")
    text.append("Waits for people   ", style="bold yellow")
    asked = f": {many(work.pairs, 'pair')} in {many(work.clusters, 'cluster')}" if work.pairs else ""
    text.append(f"{format_bytes(work.bytes_freed)}{asked}{_money(tables, 'review')}\n")
    hidden, size = tables.execute(
        "SELECT count(*), coalesce(sum(bytes_below_cutoff), 0) FROM decisions WHERE bytes_below_cutoff > 0"
    ).fetchone()
    if hidden:
        text.append("Below the cut-off  ", style="bold")
        text.append(
            f"{format_bytes(int(size))} in {many(hidden, 'object')} that a person could free: the policy's cut-off "
            "(review.min_bytes_freed, min_share_freed) hides them. To see them, run again with a policy that says "
            "review: {min_bytes_freed: 0}; no image is read again\n"
        )
    text.append(_bill(tables))
    text.append(_unknown_holds(tables), style="red")
    text.append(_at_risk(tables), style="red")
    return text


def _bill(tables) -> str:
    """Say what all of it costs a month today, after the plan, and if people agree; of what has a price."""
    rows = tables.execute(
        """
        SELECT currency, sum(today_monthly) AS today,
               sum(CASE WHEN action = 'quarantine' THEN after_monthly ELSE today_monthly END), sum(after_monthly)
        FROM savings GROUP BY currency HAVING today > 0 ORDER BY currency
        """
    ).fetchall()
    said = [
        f"{currency} {today:,.2f} today, {after:,.2f} after the plan, {agreed:,.2f} if all agree"
        for currency, today, after, agreed in rows
    ]
    return f"Monthly bill       {'; '.join(said)}\n" if said else ""


def _unknown_holds(tables) -> str:
    """Say what stays because nobody could look its hold up, and what the stores answered."""
    objects, size = tables.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM decisions WHERE rule = 'hold-unknown'"
    ).fetchone()
    if not objects:
        return ""
    answers = tables.execute(
        "SELECT detail FROM hold_checks WHERE hold = 'unknown' GROUP BY detail ORDER BY count(*) DESC, detail LIMIT 3"
    ).fetchall()
    why = "; ".join(detail for (detail,) in answers)
    return f"Holds unknown      {format_bytes(int(size))} in {many(objects, 'object')} stay for that alone: {why}\n"


def _at_risk(tables) -> str:
    """Say how many pictures have no copy that lasts, whatever this plan does."""
    contents, size = tables.execute(
        f"SELECT count(DISTINCT content_id), coalesce(sum(size), 0) FROM ({AT_RISK})"
    ).fetchone()
    if not contents:
        return ""
    return (
        f"At risk            {format_bytes(int(size))}: {many(contents, 'picture')} only where nothing lasts (a bin, a "
        "snapshot, under a lifecycle rule or an earlier plan): manifests/at-risk.csv names them; copy them out\n"
    )


def _since_previous(store: OutputStore) -> list[RenderableType]:
    """Say of an audit what is new, gone and waiting since the run before it, and what it didn't have to read."""
    try:
        record = json.loads(store.get("run.json"))
    except FileNotFoundError:
        return []
    if not record.get("previous"):
        return []
    rows = connect(store, "changes").execute(
        "SELECT change, count(*), sum(bytes_duplicate), sum(bytes_realised) FROM changes GROUP BY ALL"
    )
    found = {change: (objects, int(more or 0), int(freed or 0)) for change, objects, more, freed in rows.fetchall()}
    arrived = [found.get(change, (0, 0, 0)) for change in ("new", "changed", "replaced")]
    gone, planned, metrics = found.get("vanished", (0, 0, 0)), found.get("planned", (0, 0, 0)), record["metrics"]
    objects, more = sum(counts[0] for counts in arrived), sum(counts[1] for counts in arrived)
    text = Text("Since the run before\n", style="bold")
    rotted = found.get("rotted", (0, 0, 0))[0]
    restated = found.get("restated", (0, 0, 0))[0]
    lines = (
        f"  new or changed   {objects:,}, of which {format_bytes(more)} duplicate",
        f"  gone             {gone[0]:,}; {format_bytes(sum(f[2] for f in found.values()))} of the last plan is freed",
        f"  still planned    {planned[0]:,}",
        *([f"  XMP beside it    {restated:,} pictures of which it states something else"] if restated else []),
        f"  read             {format_bytes(metrics['bytes_read'])}; {format_bytes(metrics['bytes_spared'])} spared",
    )
    text.append("\n".join(lines) + "\n", style="not bold")
    if rotted:
        copies, since = many(rotted, "copy"), _finished(record["previous"])
        told = f"  {copies} rotted since {since}: listed as before, and other bytes; compare with a backup"
        text.append(told + " (table changes)\n", style="bold red")
    return [text]


def _finished(previous: str) -> str:
    """Say when the run before was finished."""
    try:
        return json.loads(open_output(previous).get("run.json"))["finished_at"][:10]
    except (FileNotFoundError, KeyError):
        return "the run before"


def _lists(store: OutputStore) -> list[RenderableType]:
    """Say how many hold lines and catalogue rows mean a listed object."""
    told = tell(joined_lists(store), store.url(UNMATCHED))
    return [Text("\n".join(told) + "\n")] if told else []


def _freed(tables, action: str) -> tuple[int, int]:
    size, objects = tables.execute(
        "SELECT coalesce(sum(bytes_freed), 0), count(*) FROM decisions WHERE action = ?", [action]
    ).fetchone()
    return int(size), objects


def _money(tables, action: str) -> str:
    rows = tables.execute(
        "SELECT currency, sum(monthly), count(*) FILTER (monthly IS NULL AND bytes_freed > 0) "
        "FROM savings WHERE action = ? GROUP BY currency",
        [action],
    ).fetchall()
    priced = [f"{currency} {monthly:,.2f} a month" for currency, monthly, _ in rows if monthly is not None]
    if any(unpriced for _, _, unpriced in rows):
        priced.append("some of it without a known price")
    return ": " + ", ".join(priced) if priced else ""


def _by_tier(tables) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("tier to the kept copy", "objects", "quarantine", "review", "keep", "blocked"):
        grid.add_column(name, justify="left" if name.startswith("tier") else "right")
    found = {
        row[0]: row[1:]
        for row in tables.execute(
            """
            SELECT coalesce(d.tier_to_kept, c.tier) AS tier, count(*), count(*) FILTER (action = 'quarantine'),
                   count(*) FILTER (action = 'review'), count(*) FILTER (action = 'keep'),
                   count(*) FILTER (action = 'blocked')
            FROM clusters c JOIN decisions d USING (uri, version) WHERE NOT c.is_master GROUP BY ALL
            """
        ).fetchall()
    }
    for tier in TIERS:
        grid.add_row(tier, *(f"{n:,}" for n in found.get(tier, (0,) * 5)))
    return grid


def _by_failure(tables) -> RenderableType:
    rows = tables.execute(
        "SELECT error, count(*) FROM failures GROUP BY error ORDER BY count(*) DESC, error LIMIT 6"
    ).fetchall()
    if not rows:
        return Text("\nEvery object was read.", style="dim")
    lines = [f"{n:,} {code}: {CODES[code]}" for code, n in rows]
    return Text("\nNot read, and therefore kept:\n  " + "\n  ".join(lines), style="dim")


def _documents(store: OutputStore) -> list[RenderableType]:
    """Tell people with scans of the setting that they need: 64 pixels don't show a page's details."""
    contents = documents = size = 0
    for block in parquet.table_blocks(store, CONTENTS.name, ["document", "size"]):
        pages = block.filter(block.column("document"))
        contents, documents = contents + block.num_rows, documents + pages.num_rows
        size += pc.sum(pages.column("size")).as_py() or 0
    if not documents or documents < MANY_DOCUMENTS * contents:
        return []
    told = (
        f"\n{documents:,} images look like documents. Their crops and marks show at 256 pixels only: set "
        f"match.refetch_bytes to have pairs in doubt read again ({format_bytes(size)} at most)."
    )
    return [Text(told, style="dim")]


def _files(store: OutputStore, tables) -> Text:
    text = Text("\nReport   ", style="bold")
    text.append(store.url("report.html"), style="cyan")
    text.append("\nPlans    ", style="bold")
    text.append(store.url("manifests/"), style="cyan")
    text.append("\nNothing was deleted: mirrorfold only writes plans.", style="dim")
    if (step := _next_step(tables, store)) is not None:
        text.append("\n\nNext     ", style="bold")
        text.append(step)
    return text


def _next_step(tables, store: OutputStore) -> str | None:
    """Say what a person does now: look, or act on a plan for folders; None where there is nothing to do."""
    place = store.url().rstrip("/")
    actions = dict(tables.execute("SELECT action, count(*) FROM decisions GROUP BY ALL").fetchall())
    if actions.get("review"):
        return f"open {place}/review/index.html and decide; then mirrorfold review import {place} FILE"
    if actions.get("quarantine"):
        stores = [name for (name,) in tables.execute("SELECT DISTINCT store FROM objects").fetchall()]
        return f"mirrorfold export {place} --what quarantine --to {'script' if stores == ['file'] else 's3-batch'}"
    return None


def hours_text(hours: float) -> str:
    """Write hours in the unit that people would choose."""
    if hours < 1 / 60:
        return f"{hours * 3600:,.0f} s"
    if hours < 1:
        return f"{hours * 60:,.0f} min"
    return f"{hours:,.1f} h" if hours < 48 else f"{hours / 24:,.1f} days"


def format_bytes(size: float) -> str:
    """Write a size in decimal units, as stores bill it: 2.0 GB is 2 * 10^9 bytes."""
    for unit in UNITS:
        if size < 1000 or unit == UNITS[-1]:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable: the last unit always returns")
