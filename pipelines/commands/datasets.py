"""The commands for corpora that models are trained on: leaks between splits, what repeats, lists of what is kept."""

from __future__ import annotations

import click

from mirrorfold.pipelines.commands.beam_command import InOrder
from mirrorfold.pipelines.commands.printing import Said, folder_argument, many, prints, usage_errors


@click.group(cls=InOrder)
def dataset() -> None:
    """A corpus that models are trained on: leaks between splits, what repeats, and what is kept."""


@dataset.command("leakage")
@folder_argument()
@click.option(
    "--split", "splits", multiple=True, required=True, metavar="NAME=WHERE", help="WHERE: a library or pattern."
)
@prints
def leakage(folder: str, splits: tuple[str, ...]) -> Said:
    """Find pictures of one split in another: what is trained on is named first.

    DIR is a run over all splits. A split is a library (`train=web`) or a pattern over URIs (`test=s3://data/test/**`);
    a name may come more than once. DIR/exports/leakage gets each leak, figures by split, source and class, and what to
    leave out of training. related and near-miss are likely relatives, and are for people to look at.
    """
    from mirrorfold.pipelines.finished.dataset import find_leakage

    with usage_errors():
        found = find_leakage(folder, splits)
    lines = [
        f"{f['split']} ({f['library']}): {f['leaks']:,} of {f['objects']:,} ({f['share']:.2%}) {f['class']}"
        for f in found.figures
    ]
    lines = lines or ["no picture of a split that is held out was found in training"]
    lines.append(f"{many(found.leave_out, 'file')} to leave out of training: {folder}/{found.folder}/leave-out.csv")
    return Said(found._asdict(), lines)


@dataset.command("repeats")
@folder_argument()
@prints
def repeats(folder: str) -> Said:
    """Say which share of a corpus repeats, by source and class, into DIR/exports/repeats."""
    from mirrorfold.pipelines.finished.dataset import find_repeats

    with usage_errors():
        figures = find_repeats(folder)
    lines = [
        f"{f['library']}: {f['repeats']:,} of {f['objects']:,} ({f['share']:.2%}) {f['class']}, {f['own']:,} of its own"
        for f in figures
    ]
    return Said(figures, lines or ["nothing repeats"])


@dataset.command("kept")
@folder_argument()
@click.option("--to", type=click.Choice(["jsonl", "webdataset"]), default="jsonl", show_default=True)
@click.option(
    "--one-per",
    type=click.Choice(["picture", "content", "object"]),
    default="picture",
    show_default=True,
    help="One file for each picture, for each distinct sequence of bytes, or every file that the plan keeps.",
)
@click.option("--shard-bytes", default="1GB", show_default=True, help="WebDataset: the largest shard.")
@prints
def kept(folder: str, to: str, one_per: str, shard_bytes: str) -> Said:
    """List what is kept, as JSON lines or as an index of WebDataset's shards.

    Each line has the file, its size and SHA-256, licence, reservations against mining, and how many files of the corpus
    show its picture. A shard's list says which file goes into its tar under which key, and the JSON file beside it.
    """
    from mirrorfold.configs.policy import parse_bytes
    from mirrorfold.pipelines.finished.dataset import list_kept

    with usage_errors():
        done = list_kept(folder, to, one_per, parse_bytes(shard_bytes))
    lines = [f"{folder}/{done.folder}: {many(done.samples, 'sample')} in {many(done.files, 'file')}"]
    if done.reserved:
        lines.append(f"{done.reserved:,} of them reserve data mining (data_mining): leave those out, or ask")
    return Said(done._asdict(), lines)


COMMANDS = (dataset,)
