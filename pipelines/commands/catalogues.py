"""The commands for exports of catalogues: CollectiveAccess, ResourceSpace, AtoM, TMS, Alma, Dublin Core, LIDO."""

from __future__ import annotations

import click

from mirrorfold.pipelines.commands.beam_command import InOrder
from mirrorfold.pipelines.commands.books import first_comment, table
from mirrorfold.pipelines.commands.printing import Said, many, prints, usage_errors


@click.group(cls=InOrder)
def catalogue() -> None:
    """A catalogue's own export: read it for the plan, and write back what the plan says."""


form_option = click.option("--as", "form", required=True, metavar="FORM", help="A ready form, or a YAML file of yours.")
encoding_option = click.option(
    "--encoding", help="Where the export is neither UTF-8 nor UTF-16: big5, gb18030, cp1252, shift-jis, euc-kr."
)


@catalogue.command("list")
@prints
def list_forms() -> Said:
    """Name the ready forms, and what each was checked against."""
    from mirrorfold.configs.catalogue_form import form_names, form_text, load_form

    found = {
        name: {"about": first_comment(form_text(name)), "checked": load_form(name).checked} for name in form_names()
    }
    lines = table({name: form["about"] for name, form in found.items()})
    return Said(found, [*lines, *(f"{name}: checked against {form['checked']}" for name, form in found.items())])


@catalogue.command("show")
@click.argument("form", metavar="FORM")
@prints
def show_form(form: str) -> Said:
    """Print a form, to copy and change."""
    from mirrorfold.configs.catalogue_form import form_text, load_form

    with usage_errors():
        text, plain = form_text(form), load_form(form).model_dump(mode="json")
    return Said(plain, [text.rstrip()])


@catalogue.command("read")
@click.argument("folder", metavar="DIR")
@click.argument("export", metavar="EXPORT")
@form_option
@encoding_option
@click.option("-o", "--output", required=True, metavar="FILE", help="The CSV that the setting `catalogue` takes.")
@prints
def read(folder: str, export: str, form: str, encoding: str | None, output: str) -> Said:
    """Read an export into rows keyed by URI.

    DIR holds a listing: `mirrorfold list` or a run. A file name or path means the one listed object whose path ends in
    it; where two would do, none does. What means nothing is listed beside FILE, in FILE.unmatched.csv.
    """
    from mirrorfold.pipelines.finished.catalogue import read_catalogue

    taken = read_catalogue(folder, export, form, encoding, output)
    lines = [f"{output}: {many(taken.rows, 'object')}", "use it: `catalogue: FILE` in --config"]
    if taken.left:
        lines.insert(
            1, f"{many(taken.left, 'file')} of the export mean no listed object, or several: see the list beside it"
        )
    return Said(taken._asdict(), lines)


@catalogue.command("write")
@click.argument("folder", metavar="DIR")
@click.argument("export", metavar="EXPORT")
@form_option
@encoding_option
@prints
def write(folder: str, export: str, form: str, encoding: str | None) -> Said:
    """Write what a finished plan says in the catalogue's own form, for it to import.

    EXPORT is the catalogue's export as it is now. DIR/exports/catalogue-FORM gets the records that change: another file
    serves them, or only a copy that goes stated a value. What the catalogue says is never overwritten: see left.csv.
    """
    from mirrorfold.pipelines.finished.catalogue import write_catalogue

    with usage_errors():
        done = write_catalogue(folder, export, form, encoding)
    lines = [f"{folder}/{done.folder}: {many(done.changed, 'record')} to import"]
    lines += [f"{many(done.served, 'file')} served by another", f"{many(done.left, 'value')} for people: left.csv"]
    return Said(done._asdict(), lines)


COMMANDS = (catalogue,)
