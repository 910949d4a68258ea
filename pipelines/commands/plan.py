"""The commands for finished runs: check, review, sign off, hand over; merge two; and what it would cost beforehand."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import click

from mirrorfold.pipelines.commands.beam_command import BeamCommand
from mirrorfold.pipelines.commands.run import config_option, log_option, output_option, policy_option
from mirrorfold.pipelines.errors import BrokenPromiseError, UsageError


@click.command(cls=BeamCommand)
@click.argument("folders", nargs=-1, required=True, metavar="[SIDE=]DIR_A [SIDE=]DIR_B")
@output_option
@config_option
@policy_option
@log_option
@click.pass_context
def merge(context, folders, output, config, policy, log_json) -> None:
    """Merge the tables of two runs made in different places; no image bytes move.

    Each side gets its own plan in DIR/sides/SIDE. Holds are looked up with the credentials that are there: what a store
    doesn't say is unknown, and never set aside. SIDE tells libraries and folders of the same name apart.
    """
    from mirrorfold.pipelines.commands import session
    from mirrorfold.pipelines.merging import merge as merging

    request = merging.merged_request(folders, config, policy)
    steps = merging.merge_mission(folders)
    session.carry_out(request, output, steps=steps, beam_args=context.obj, log_json=log_json)


@click.command(cls=BeamCommand)
@click.argument("folder", metavar="DIR")
@output_option
@click.option("--hashes-only", is_flag=True, help="Leave thumbnails, colours and what files say of themselves at home.")
@click.pass_context
def pack(context, folder, output, hashes_only) -> None:
    """Pack what of a finished run travels, for `merge` at another institution.

    URIs, sizes, ETags, dates and SHA-256 always travel: the plan is made of them. With --hashes-only the other side can
    search but not confirm: such pairs are called probable there.
    """
    from mirrorfold.pipelines.merging.pack import pack as write

    for table, rows in write(folder, output, hashes_only, context.obj).items():
        click.echo(f"{table}: {rows:,}")


@click.group()
def prices() -> None:
    """Price books: what a byte costs, where, and says who."""


@prices.command("import")
@click.argument("file", metavar="FILE")
@click.option("--output", metavar="BOOK", help="The price book to write; by default prices-REGION-DATE.yaml here.")
def import_offer(file: str, output: str | None) -> None:
    """Make a dated price book out of AWS's official offer file.

    FILE is AmazonS3/current/REGION/index.json of the AWS Price List Bulk API, as you downloaded it.
    """
    from mirrorfold.pipelines.estimating.prices import import_prices

    book, offer = import_prices(file, output)
    click.echo(
        f"{book}: AmazonS3 in {', '.join(offer.regions)}, as of {offer.date}. Use it with: prices: {{book: {book}}}"
    )


@click.command()
def config() -> None:
    """Print every setting with its default, as a commented YAML file for --config."""
    from mirrorfold.configs.example import example

    click.echo(example(), nl=False)


@contextlib.contextmanager
def usage_errors() -> Iterator[None]:
    """Say what a pure check found wrong with the user's input as a usage error, in one line."""
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error)) from error


@click.command()
@click.argument("folder", metavar="DIR")
def verify(folder: str) -> None:
    """Check every promise of a finished run again, from its tables alone. Exit code 4: one is broken."""
    from mirrorfold.pipelines.finished import verify as checking

    with usage_errors():
        broken = checking.verify(folder)
    for promise in broken:
        click.echo(checking.describe(promise))
    if broken:
        raise BrokenPromiseError(f"{len(broken)} broken promises in {folder}: act on none of its plans")
    click.echo(f"{folder}: every promise is kept")


SPLITS = "folder, collection, tier or risk (then everyone gets as much of each)."


@click.group()
def review() -> None:
    """What people decide about the doubtful pairs."""


@review.command("import")
@click.argument("folder", metavar="DIR")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def import_verdicts(folder: str, files: tuple[str, ...]) -> None:
    """Take reviewers' verdicts (JSONL or CSV) for this run's plan and every later run.

    The review pages' "Export decisions" makes a FILE; take everybody's at once. All of them are taken or none, and none
    overwrites another: each reviewer's word is kept. Then run `mirrorfold publish --output DIR`: decisions, savings and
    pages are made anew, and no image is read.
    """
    from mirrorfold.pipelines.finished.review_import import review_import

    with usage_errors():
        done = review_import(folder, *files)
    click.echo(f"{done.read:,} verdicts read, {done.new:,} of them new")
    if done.unknown:
        click.echo(f"{done.unknown:,} are on contents that this run doesn't have; they are kept for runs that do")
    for conflict in done.conflicts:
        click.echo(f"reviewers disagree: {conflict}")
    if done.new:
        click.echo(f"apply them with: mirrorfold publish --output {folder}")


@review.command("split")
@click.argument("folder", metavar="DIR")
@click.option("--into", type=int, required=True, metavar="N", help="How many people share the queue.")
@click.option("--overlap", type=float, default=0.1, show_default=True, help="Share that two people are asked about.")
@click.option("--by", default="folder", show_default=True, help="What stays with one person: " + SPLITS)
@click.option("--names", default="", metavar="A,B,...", help="The reviewers' names; they pick theirs on the pages.")
def split(folder: str, into: int, overlap: float, by: str, names: str) -> None:
    """Share a published queue out among several reviewers, about equal work for each.

    The pages stay where they are: whoever picks a name at the top sees that part of the queue. What is in the overlap
    is asked of two people, and the second isn't shown what the first said; the report gives their agreement.
    """
    from mirrorfold.pipelines.finished.review_split import review_split

    with usage_errors():
        shares = review_split(folder, into, overlap, by, [name.strip() for name in names.split(",") if name.strip()])
    for share in shares:
        click.echo(f"{share.name}: {share.pairs:,} pairs, {share.shared:,} of them with somebody else")
    click.echo(f"{folder}/review/index.html: everyone picks their name at the top")


@click.command()
@click.argument("folder", metavar="DIR")
@click.option("--role", required=True, help="The role you sign in; the policy names which are needed.")
@click.option("--by", "name", required=True, metavar="NAME", help="Who signs.")
def approve(folder: str, role: str, name: str) -> None:
    """Sign off a plan. The signature is bound to this very plan: another policy or verdict needs another."""
    from mirrorfold.pipelines.finished.approve import approve as sign

    with usage_errors():
        record, missing = sign(folder, role, name)
    click.echo(f"signed as {role} by {name}, plan {record['plan_hash'][:12]}")
    click.echo(f"still needed: {', '.join(missing)}" if missing else "every sign-off that the policy names is there")


@click.command()
@click.argument("folder", metavar="DIR")
@click.option("--what", required=True, type=click.Choice(["quarantine", "migrate", "restore", "crosswalk"]))
@click.option("--to", required=True, type=click.Choice(["s3-batch", "storage-transfer", "rclone", "s5cmd", "csv"]))
@click.option("--target", metavar="URI", help="Where copies go, e.g. s3://quarantine; the policy's bucket by default.")
@click.option(
    "--recheck/--no-recheck", default=None, help="Look objects and kept copies up again; default: for quarantine."
)
def export(folder: str, what: str, to: str, target: str | None, recheck: bool | None) -> None:
    """Write a plan as a list that another tool takes. mirrorfold itself acts on nothing."""
    from mirrorfold.pipelines.finished.export import export as write_lists

    with usage_errors():
        done = write_lists(folder, what, to, target=target, recheck=recheck)
    for name in done.files:
        click.echo(f"{folder}/{done.folder}/{name}")
    click.echo(
        f"{done.rows:,} rows; {done.refused:,} refused (refused.csv says why)"
        if done.refused
        else f"{done.rows:,} rows"
    )
    if done.draft:
        click.echo(
            f"A draft only: the policy still wants the sign-off of {', '.join(done.draft)}; see `mirrorfold approve`"
        )


@click.group()
def policy() -> None:
    """The written policy that decides what is kept."""


@policy.command("check")
@click.argument("file", metavar="NAME|FILE")
def check_policy(file: str) -> None:
    """Check a policy file; a mistake is one line with file and line number."""
    from mirrorfold.configs.policy import load_policy
    from mirrorfold.transforms.retain.policy import policy_hash

    with usage_errors():
        resolved = load_policy(file)
    click.echo(f"{file}: a valid policy, {resolved['name']!r}, {policy_hash(resolved)[:12]}")


@policy.command("schema")
def show_schema() -> None:
    """Print the policy's JSON Schema, for editors."""
    from mirrorfold.configs.policy import policy_schema

    click.echo(json.dumps(policy_schema(), indent=2))


COMMANDS = (verify, review, approve, export, pack, merge, policy, prices, config)
