"""The commands for what lies in DIR: its tables' versions, an upgrade, working files, a lock left behind."""

from __future__ import annotations

import click

from mirrorfold.pipelines.commands.beam_command import InOrder
from mirrorfold.pipelines.commands.printing import Said, folder_argument, many, prints


@click.group(cls=InOrder)
def state() -> None:
    """A finished run's folder: versions of its tables, upgrade, clean-up, a lock that was left behind."""


@state.command()
@folder_argument()
@prints
def show(folder: str) -> Said:
    """Say of every table in DIR which schema version it has, and what can be done about an older one."""
    from mirrorfold.pipelines.record.state import states

    found, lines = states(folder), []
    for table in found:
        version = "none" if table.version is None else f"version {table.version}"
        lines.append(
            f"{table.name:<12} {version:<10} {table.rows:>15,} rows {table.shards:>6,} shards"
            f"{'   behind' if table.behind else ''}"
        )
    if any(table.behind for table in found):
        lines.append(f"bring it up to date with: mirrorfold state upgrade {folder}")
    return Said(
        [
            {"table": t.name, "version": t.version, "rows": t.rows, "shards": t.shards, "behind": t.behind}
            for t in found
        ],
        lines,
    )


@state.command()
@folder_argument()
@prints
def upgrade(folder: str) -> Said:
    """Bring an older run's tables to this version's schemas; reads no image, decides nothing again."""
    from mirrorfold.pipelines.record.state import upgrade as bring_up_to_date

    done = bring_up_to_date(folder)
    return Said({"upgraded": list(done)}, [f"upgraded: {', '.join(done)}" if done else "every table is up to date"])


@state.command()
@folder_argument()
@prints
def compact(folder: str) -> Said:
    """Remove the working files of a finished run: raw listings, committed shards. Its tables and pages stay."""
    from mirrorfold.pipelines.record.state import compact as remove_working_files

    files, size = remove_working_files(folder)
    return Said({"files": files, "bytes": size}, [f"{many(files, 'working file')} removed, {size / 1e6:,.1f} MB"])


@state.command()
@folder_argument()
@prints
def unlock(folder: str) -> Said:
    """Remove the lock of a run that died in a bucket's folder. Make sure that it is dead."""
    from mirrorfold.pipelines.record.state import unlock as remove_lock

    whose = remove_lock(folder)
    return Said({"removed": whose}, [f"removed the lock of {whose}" if whose else f"{folder} has no lock"])


COMMANDS = (state,)
