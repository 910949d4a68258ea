"""The command `export`: what of a finished run another tool, a checker or an office takes."""

from __future__ import annotations

from collections.abc import Callable

import click

from mirrorfold.pipelines.commands.printing import Said, folder_argument, many, prints, usage_errors
from mirrorfold.pipelines.commands.shares import Share
from mirrorfold.pipelines.errors import SafetyStop, UsageError

TOOLS = ("s3-batch", "storage-transfer", "rclone", "s5cmd", "azcopy", "script", "csv")
WAYS = ("library", "prefix", "bytes", "risk")
PLANS = ("quarantine", "migrate", "restore", "crosswalk")
RECORDS = {
    "savings": ("csv",),
    "fixity": ("sha256sum", "bagit", "ocfl", "csv"),
    "merged-record": ("xmp", "csv"),
    "premis": ("xml", "jsonl"),
    "disposal": ("csv",),
}
"""What isn't a plan for a tool, and the forms that it takes; the first is the default."""
FORMS = tuple(dict.fromkeys([*TOOLS, *(form for forms in RECORDS.values() for form in forms)]))


@click.command()
@folder_argument()
@click.option("--what", required=True, type=click.Choice([*PLANS, *RECORDS]), help="What to write.")
@click.option("--to", type=click.Choice(FORMS), help="The tool or form that takes it; of savings csv alone.")
@click.option("--target", metavar="URI", help="Where copies go, e.g. s3://quarantine; the policy's bucket by default.")
@click.option(
    "--recheck/--no-recheck", default=None, help="Look objects and kept copies up again; default: for quarantine."
)
@click.option(
    "--reread/--no-reread",
    default=True,
    help="Read each kept copy of a quarantine once more. Without it a copy that rotted unseen passes for a good one. "
    "Of fixity: read the files of a package whose own manifest isn't by SHA-256.",
)
@click.option(
    "--wave",
    "share",
    type=Share(),
    metavar="SHARE",
    help="Of a quarantine: first a canary of so much, like 1%; said again, the next wave once the last one arrived.",
)
@click.option(
    "--by",
    type=click.Choice(WAYS),
    default=WAYS[0],
    show_default=True,
    help="Waves: what the rest is parted by. bytes: each twice as large; risk: the surest first.",
)
@click.option("--after", metavar="DIR", help="Waves: where `reconcile` wrote of the last one; the same DIR by default.")
@click.option("--again", is_flag=True, help="Waves: the last one once more, e.g. for another tool.")
@click.option(
    "--depth", type=click.IntRange(0), default=0, help="Fixity: folders of a key with manifests of their own."
)
@click.option("--read-rest", is_flag=True, help="Fixity: read what the run had no reason to: texts, films.")
@click.option(
    "--despite-packages", is_flag=True, help="Fixity: export though a bag or OCFL object isn't as its manifest says."
)
@click.option(
    "--template", default="general", show_default=True, metavar="FILE", help="Disposal: the form's columns, in YAML."
)
@prints
def export(folder: str, what: str, to: str | None, **options) -> Said:
    """Write a plan as a list that another tool takes, its money, or its record. mirrorfold itself acts on nothing.

    `--what fixity` writes manifests that sha256sum, BagIt's and OCFL's validators check, one for each library and
    bucket, or for each prefix with --depth; on the way the own manifests of the archive's bags and OCFL objects are
    held against what was read. `--what merged-record` writes what only copies that go state as XMP sidecars, for
    whoever acts to put beside the kept copies; what people settle first is listed apart.
    `--what premis` writes each object, decision, person and right as PREMIS 3, `--what disposal` the list that a
    records office asks for.
    `--what quarantine --wave 1%` hands out a canary, and each time it is said again the next wave of the plan, with its
    own restore list: once `reconcile` found that all of the last one arrived, or `approve --wave` says that it needn't.
    """
    if options["share"] is None and (options["after"] or options["again"]):
        raise UsageError("--after and --again are of waves: say --wave SHARE too, as for the first one")
    if options["share"] is not None and what != "quarantine":
        raise UsageError(f"--wave hands out what a plan sets aside: --what quarantine, not {what}")
    if what in RECORDS:
        forms = RECORDS[what]
        if to is not None and to not in forms:
            raise UsageError(f"{what} is a record, nothing that {to} carries out: --to {', '.join(forms)}")
        with usage_errors():
            return WRITERS[what](folder, to or forms[0], options)
    if to is None:
        raise UsageError(f"say which tool takes the list: --to {', '.join(TOOLS)}")
    return _plan(folder, what, to, options)


def _plan(folder: str, what: str, to: str, options: dict) -> Said:
    from mirrorfold.pipelines.finished.export import export as write_lists
    from mirrorfold.pipelines.finished.waves import Asked

    chosen = {name: options[name] for name in ("target", "recheck", "reread")}
    with usage_errors():
        waves = None
        if options["share"] is not None:
            waves = Asked(**{name: options[name] for name in ("share", "by", "after", "again")})
        done = write_lists(folder, what, to, say=_tell, waves=waves, **chosen)
    files = _files(folder, done.folder, done.files)
    refused = f"; {done.refused:,} refused (refused.csv says why)" if done.refused else ""
    part = f"wave {done.wave.number} of {done.wave.of} ({done.wave.named}): " if done.wave else ""
    lines = [*files, f"{part}{many(done.rows, 'row')}{refused}"]
    if done.draft:
        signs = ", ".join(done.draft)
        lines.append(f"A draft only: the policy still wants the sign-off of {signs}; see `mirrorfold approve`")
    plain = {"files": files, "rows": done.rows, "refused": done.refused, "draft": list(done.draft)}
    if done.wave:
        plain |= {"wave": done.wave.number, "waves": done.wave.of, "named": done.wave.named}
    nothing = SafetyStop("every row was refused: refused.csv says why") if done.refused and not done.rows else None
    return Said(plain, lines, nothing)


def _savings(folder: str, _: str, __: dict) -> Said:
    from mirrorfold.pipelines.finished.export_savings import export_savings

    done = export_savings(folder)
    return Said(done, [*done["files"], many(len(done["savings"]), "row")])


def _fixity(folder: str, to: str, options: dict) -> Said:
    from mirrorfold.pipelines.finished.export_fixity import export_fixity

    chosen = {name: options[name] for name in ("depth", "read_rest", "reread", "despite_packages")}
    done = export_fixity(folder, to, say=_tell, **chosen)
    files = _files(folder, done.folder, done.files)
    lines = [
        f"{folder.rstrip('/')}/{done.folder}: {many(len(files), 'file')}",
        f"{many(done.rows, 'file')} in manifests",
    ]
    if done.left:
        lines[-1] += f"; {done.left:,} in none ({'column why' if to == 'csv' else 'left-out.csv'} says why)"
    if done.packages:
        lines.append(
            f"{many(done.packages, 'package')} with {many(done.checked, 'file')} held against their own manifests: "
            f"{many(done.disagreements, 'disagreement')}"
        )
    return Said(done._asdict() | {"files": files}, lines)


def _record(folder: str, to: str, _: dict) -> Said:
    from mirrorfold.pipelines.finished.export_record import export_record

    done = export_record(folder, to)
    files = _files(folder, done.folder, done.files)
    lines = [f"{folder.rstrip('/')}/{done.folder}: {many(done.rows, 'sidecar' if to == 'xmp' else 'row')}"]
    if done.left:
        lines.append(f"{many(done.left, 'value')} in none: left.csv says what people settle")
    return Said(done._asdict() | {"files": files}, lines)


def _premis(folder: str, to: str, _: dict) -> Said:
    from mirrorfold.pipelines.finished.export_evidence import export_evidence

    done = export_evidence(folder, to)
    counted = ", ".join(f"{count:,} {kind}" for kind, count in done.entities.items())
    files = _files(folder, done.folder, done.files)
    return Said({"files": files, "entities": done.entities}, [*files, counted])


def _disposal(folder: str, _: str, options: dict) -> Said:
    from mirrorfold.pipelines.finished.export_disposal import export_disposal

    done = export_disposal(folder, options["template"])
    files = _files(folder, done.folder, done.files)
    lines = [*files, f"{many(done.rows, 'row')} of {many(done.objects, 'file')}, {done.bytes:,} bytes"]
    return Said(done._asdict() | {"files": files}, lines)


def _files(folder: str, below: str, names: list[str]) -> list[str]:
    return [f"{folder.rstrip('/')}/{below}/{name}" for name in names]


def _tell(line: str) -> None:
    click.echo(line, err=True)


WRITERS: dict[str, Callable[[str, str, dict], Said]] = {
    "savings": _savings,
    "fixity": _fixity,
    "merged-record": _record,
    "premis": _premis,
    "disposal": _disposal,
}
