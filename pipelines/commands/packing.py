"""The commands for what crosses a border: pack it, say what it is, and turn what came back into names again."""

from __future__ import annotations

from itertools import groupby

import click

from mirrorfold.pipelines.commands.beam_command import BeamCommand
from mirrorfold.pipelines.commands.printing import Said, many, prints
from mirrorfold.pipelines.errors import UsageError

key_option = click.option("--key", metavar="FILE", help="The owner's key; make one with `openssl rand -hex 32 > FILE`.")


@click.command(cls=BeamCommand)
@click.argument("folder", metavar="DIR")
@click.option("-o", "--output", metavar="DIR", help="Where the pack goes: a folder, s3://, gs:// or az://.")
@click.option("--hashes-only", is_flag=True, help="Leave thumbnails, colours and what files say of themselves at home.")
@click.option("--without", default="", metavar="NAMES", help="Leave these at home, under keyed digests: uri,reviewer.")
@key_option
@click.option("--inventory", "listed", is_flag=True, help="Pack nothing: list each field that would cross, and why.")
@click.pass_context
@prints
def pack(context, folder, output, hashes_only, without, key, listed) -> Said:
    """Pack what of a finished run travels, for `merge` at another institution.

    Sizes, ETags, dates and SHA-256 always travel: the plan is made of them. With --hashes-only the other side can
    search but not confirm: such pairs are called probable there. With --without uri,reviewer it gets keyed digests for
    names of files, folders, buckets and people, which `turn-back` makes names again in what it sends back; nothing of
    this side goes by its plan then. inventory.csv in the pack says what crossed.
    """
    from mirrorfold.pipelines.merging.at_home import at_home
    from mirrorfold.pipelines.merging.inventory import as_csv, inventory
    from mirrorfold.pipelines.merging.pack import pack as write
    from mirrorfold.transforms.stores.output import open_output

    if listed:
        return _listed(folder, hashes_only, without)
    if output is None:
        raise UsageError(
            "name the folder that the pack goes to with --output, or list what would cross with --inventory"
        )
    home = at_home(without, key, hashes_only=hashes_only)
    tables = write(folder, output, hashes_only, context.obj, home)
    lines, _ = inventory(folder, _options(hashes_only, home.names))
    open_output(output).put("inventory.csv", as_csv(lines))
    return Said(
        tables, [*(f"{table}: {rows:,}" for table, rows in tables.items()), f"what crosses: {output}/inventory.csv"]
    )


def _options(hashes_only: bool, names: frozenset[str]) -> frozenset[str]:
    return names | ({"hashes-only"} if hashes_only else frozenset())


def _listed(folder: str, hashes_only: bool, without: str) -> Said:
    from mirrorfold.pipelines.merging.at_home import names_of
    from mirrorfold.pipelines.merging.inventory import inventory

    lines, _ = inventory(folder, _options(hashes_only, names_of(without)))
    said = []
    for (table, crosses, purpose, telling, rebuilt), group in groupby(lines, key=lambda x: (x[0], *x[2:6])):
        said.append(f"{table}: {', '.join(f'{x.field} ({x.values})' if x.values else x.field for x in group)}")
        said += [f"    crosses: {crosses}", f"    for: {purpose}", f"    telling: {telling}"]
        said.append(f"    can the picture be rebuilt from it: {rebuilt}")
    return Said([line._asdict() for line in lines], said)


@click.command("turn-back")
@click.argument("folder", metavar="DIR")
@click.argument("returned", metavar="RETURNED")
@click.option("-o", "--output", required=True, metavar="DIR", help="Where the same files go, with names in them.")
@key_option
@prints
def turn_back(folder, returned, output, key) -> Said:
    """Turn the digests of a pack back into names, in what came back of it.

    DIR is the run that was packed; RETURNED a folder with the CSV, JSON and JSON lines files of the plan that was made
    elsewhere, such as sides/NAME of a merge. The key is the one that it was packed with.
    """
    from mirrorfold.pipelines.merging.turn_back import turn_back as write

    turned = write(folder, returned, key, output)
    lines = [f"{output}: {many(len(turned.files), 'file')}, {many(turned.names, 'digest')} turned back into names"]
    if turned.strange:
        lines.append(f"{many(turned.strange, 'digest')} of another key or run left as they are")
    return Said(turned._asdict(), lines)
