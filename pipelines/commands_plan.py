"""The commands for finished runs: check, review, sign off, hand over; merge two; and what it would cost beforehand."""

from __future__ import annotations

import click

from mirrorfold.pipelines.beam_command import BeamCommand
from mirrorfold.pipelines.commands import config_option, log_option, output_option, policy_option


@click.command(cls=BeamCommand, help="Merge the tables of two runs made in different places; no image bytes move.")
@click.argument("folders", nargs=-1, required=True, metavar="DIR_A DIR_B")
@output_option
@config_option
@policy_option
@log_option
@click.pass_context
def merge(context, folders, output, config, policy, log_json) -> None:
    from mirrorfold.pipelines import merge as merging
    from mirrorfold.pipelines import session

    request = merging.merged_request(folders, config, policy)
    steps = merging.merge_mission(folders)
    session.carry_out(request, output, steps=steps, beam_args=context.obj, log_json=log_json)


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
    from mirrorfold.pipelines.prices import import_prices

    book, offer = import_prices(file, output)
    click.echo(
        f"{book}: AmazonS3 in {', '.join(offer.regions)}, as of {offer.date}. Use it with: prices: {{book: {book}}}"
    )


@click.command()
def config() -> None:
    """Print every setting with its default, as a commented YAML file for --config."""
    from mirrorfold.configs.example import example

    click.echo(example(), nl=False)


COMMANDS = (merge, prices, config)
