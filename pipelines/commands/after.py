"""The commands for after the move: is all there, and is the record still what was sealed."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mirrorfold.pipelines.commands.printing import Said, folder_argument, many, prints, usage_errors
from mirrorfold.pipelines.commands.shares import Sample
from mirrorfold.pipelines.errors import BrokenPromiseError, NowhereError
from mirrorfold.schemas.realised import PARTS

if TYPE_CHECKING:
    from mirrorfold.pipelines.finished.reconcile import Reconciled


@click.command()
@folder_argument(rest="named")
@click.argument("named", metavar="TARGET...", nargs=-1)
@click.option("--quarantine", "quarantines", multiple=True, metavar="URI", help="Where quarantined objects went.")
@click.option(
    "--sample", type=Sample(), metavar="N|SHARE", help="Read so many of the objects that only reading proves; 0: none."
)
@click.option(
    "--accept-recompressed",
    is_flag=True,
    help="A sure copy in other bytes counts as the content: a DAM's, for example.",
)
@click.option("--as-of", metavar="DATE", help="Count the quarantine's days up to this date; today by default.")
@click.option("--config", metavar="FILE", help="Settings that reach the targets: endpoints, profiles, regions.")
@prints
def reconcile(folder: str, named: tuple[str, ...], as_of: str | None, **options) -> Said:
    """Hold what the plan says should be there against what is.

    TARGET is [LIBRARY=]URI: a bucket, a folder, an inventory report or a list, as `run` takes them. One that covers
    objects of the run is asked for them in their own place; any other is a destination, for all libraries or for the
    one named. Objects count as arrived by a digest that the store states, or are read. Nothing but the tables
    `reconciliation` and `realised` (the saving as it came true), realised.csv, reconciliation.json and
    after-the-move.html is written. Exit code 5: a content that the plan keeps is nowhere.
    """
    from mirrorfold.pipelines.finished.reconcile import reconcile_run

    if not named:
        raise click.UsageError("name what to look in: mirrorfold reconcile DIR TARGET...")
    with usage_errors():
        day = dt.date.fromisoformat(as_of) if as_of else None
        found = reconcile_run(folder, named, as_of=day, say=lambda line: click.echo(line, err=True), **options)
    error = None
    if found.nowhere:
        error = NowhereError(
            f"{many(found.nowhere, 'content')} that the plan keeps {'is' if found.nowhere == 1 else 'are'} nowhere in "
            f"what was looked in, e.g. {found.examples[0]}: delete nothing, and look in the sources"
        )
    rows = [{**row, "price_date": row["price_date"] and row["price_date"].isoformat()} for row in found.realised]
    return Said(asdict(found) | {"realised": rows}, _lines(folder, found), error)


def _lines(folder: str, found: Reconciled) -> list[str]:
    width = max(map(len, found.counts), default=0)
    lines = [f"{state:{width}}  {count:>13,}  {found.bytes[state]:>19,} bytes" for state, count in found.counts.items()]
    for state, examples in found.faults.items():
        lines += [f"{state}: {uri}{f' ({detail})' if detail else ''}" for uri, detail in examples]
        more = found.counts[state] - len(examples)
        lines += [f"{state}: and {more:,} more"] if more else []
    if found.bound is not None:
        lines.append(
            f"{found.read:,} of {found.doubtful:,} objects that only reading proves were read, {found.wrong:,} of them "
            f"are other bytes; of the rest at most {found.bound:,} are, at 95 % confidence"
        )
    return [*lines, *_saving(found.realised), f"{folder}/reconciliation has a row for each object"]


def _saving(rows: list[dict]) -> list[str]:
    """Say what came true of the plan's saving, in bytes and in money a month."""
    told = []
    for name in ("planned", *PARTS, "unfinished"):
        size = sum(row[f"{name}_bytes"] or 0 for row in rows)
        if size:
            money = [row[f"{name}_monthly"] for row in rows if row[f"{name}_bytes"]]
            known = None not in money
            priced = f", {rows[0]['currency']} {sum(money):,.2f} a month" if known else ", unpriced"
            told.append(f"saving, {name}: {size:,} bytes{priced}")
    return told


@click.command()
@folder_argument()
@click.option("--key", metavar="FILE.pem", help="The institution's Ed25519 key: private to seal, public with --check.")
@click.option("--gpg", metavar="ID", help="Sign with a key that gpg knows instead.")
@click.option("--tsa", metavar="URL", help="Have the seal stamped by a time stamp authority (RFC 3161).")
@click.option("--check", is_flag=True, help="Hold DIR against the seal that it has. Exit code 4: it isn't as sealed.")
@click.option("--tsa-ca", metavar="CA.pem", help="With --check: the certificate of the time stamp authority.")
@prints
def seal(folder: str, key: str | None, gpg: str | None, tsa: str | None, check: bool, tsa_ca: str | None) -> Said:
    """Sign a finished run for years: one file with the digest of every other.

    Tables, policy, verdicts, sign-offs, lists and report are sealed; seal/check.py in DIR checks them with Python and
    openssl (or gpg) alone. Sealing again keeps the earlier seal, and names its digest.
    """
    from mirrorfold.pipelines.finished import seal as sealing

    if (check and (gpg or tsa)) or (tsa_ca and not check):
        raise click.UsageError("--gpg and --tsa make a seal, --check and --tsa-ca hold DIR against one")
    with usage_errors():
        if not check:
            made = sealing.seal(folder, key, gpg, tsa)
            said = [f"{many(made.files, 'file')} sealed, {made.signed}", *filter(None, [made.stamped])]
            return Said(made._asdict(), [*said, f"check it anywhere: python3 {folder}/seal/check.py"])
        faults, notes = sealing.check(folder, key, tsa_ca)
    error = BrokenPromiseError(f"{folder} isn't as it was sealed: {faults[0]}") if faults else None
    more = [f"and {many(len(faults) - 20, 'more fault')}"] if len(faults) > 20 else []
    return Said({"faults": faults, "notes": notes}, [*notes[:20], *faults[:20], *more], error)


@click.command()
@folder_argument()
@click.option(
    "--catalog",
    required=True,
    metavar="NAME|URL",
    help="A catalogue of pyiceberg's own settings (Glue, REST, Hive ...), or its URL: sqlite:////PATH.db, https://...",
)
@click.option("--namespace", default="mirrorfold", show_default=True, help="Where the tables stand in the catalogue.")
@prints
def register(folder: str, catalog: str, namespace: str) -> Said:
    """Put a finished run's tables into an Iceberg catalogue, where Spark, Trino, Athena or DuckDB find them.

    No byte is copied: the catalogue names the files of DIR, which has to stay where it is. A later run or audit becomes
    a new snapshot of the same tables, with a tag of its own. Credentials come by pyiceberg's settings.
    """
    from mirrorfold.pipelines.finished import register as registering

    with usage_errors():
        made = registering.register(folder, catalog, namespace)
    told = f"{len(made.tables)} tables are in {catalog} as {namespace}.*, tag {made.tag}"
    return Said(made._asdict(), [told if made.new else f"{told}: they were there already"])


COMMANDS = (reconcile, seal, register)
