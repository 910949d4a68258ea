"""The commands for what lies in DIR: its tables' versions, an upgrade, working files, a lock left behind."""

from __future__ import annotations

import click


@click.group()
def state() -> None:
    """A finished run's folder: versions of its tables, upgrade, clean-up, a lock that was left behind."""


@state.command()
@click.argument("folder", metavar="DIR")
def show(folder: str) -> None:
    """Say of every table in DIR which schema version it has, and what can be done about an older one."""
    from mirrorfold.pipelines.record.state import states

    found = states(folder)
    for table in found:
        version = "none" if table.version is None else f"version {table.version}"
        click.echo(
            f"{table.name:<12} {version:<10} {table.rows:>15,} rows {table.shards:>6,} shards"
            f"{'   behind' if table.behind else ''}"
        )
    if any(table.behind for table in found):
        click.echo(f"bring it up to date with: mirrorfold state upgrade {folder}")


@state.command()
@click.argument("folder", metavar="DIR")
def upgrade(folder: str) -> None:
    """Bring an older run's tables to this version's schemas; reads no image, decides nothing again."""
    from mirrorfold.pipelines.record.state import upgrade as bring_up_to_date

    done = bring_up_to_date(folder)
    click.echo(f"upgraded: {', '.join(done)}" if done else "every table is up to date")


@state.command()
@click.argument("folder", metavar="DIR")
def compact(folder: str) -> None:
    """Remove the working files of a finished run: raw listings, committed shards. Its tables and pages stay."""
    from mirrorfold.pipelines.record.state import compact as remove_working_files

    files, size = remove_working_files(folder)
    click.echo(f"{files:,} working files removed, {size / 1e6:,.1f} MB")


@state.command()
@click.argument("folder", metavar="DIR")
def unlock(folder: str) -> None:
    """Remove the lock of a run that died in a bucket's folder. Make sure that it is dead."""
    from mirrorfold.pipelines.record.state import unlock as remove_lock

    whose = remove_lock(folder)
    click.echo(f"removed the lock of {whose}" if whose else f"{folder} has no lock")


COMMANDS = (state,)
