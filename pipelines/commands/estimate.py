"""The command that says what a run would cost and free, before anyone starts it."""

from __future__ import annotations

import json
import tempfile

import click

from mirrorfold.pipelines.commands.beam_command import BeamCommand
from mirrorfold.pipelines.commands.run import SOURCE_HELP, config_option, policy_option
from mirrorfold.pipelines.errors import UsageError


@click.command(
    cls=BeamCommand,
    help="Say what a full run would free and cost, from the listing and a small sample; writes nothing but --output.\n"
    + SOURCE_HELP,
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("-o", "--output", metavar="DIR", help="Keep the listing there, for a later run to go on from.")
@config_option
@policy_option
@click.option("--currency", metavar="CODE", help="Currency of the money, USD by default.")
@click.option("--exchange-rate", type=float, metavar="RATE", help="Units of that currency per US dollar.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option(
    "--csv", "as_table", is_flag=True, help="Print the money as CSV, a row for each library, bucket and class."
)
@click.pass_context
def estimate(context, sources, output, config, policy, currency, exchange_rate, as_json, as_table) -> None:
    from rich.console import Console

    from mirrorfold.pipelines.commands import session
    from mirrorfold.pipelines.commands.estimate_view import as_csv, plain, render
    from mirrorfold.pipelines.commands.progress import Progress
    from mirrorfold.pipelines.estimating.estimate import estimate as look

    if as_json and as_table:
        raise UsageError("--json and --csv each print all of it: give one of them")
    changes = {"policy": policy, "prices.currency": currency, "prices.exchange_rate": exchange_rate}
    with tempfile.TemporaryDirectory() as elsewhere:
        request = session.new_request(sources, output or elsewhere, config, None, changes)
    found = look(request, output, context.obj, Progress.to(Console(stderr=True)))
    if as_json:
        click.echo(json.dumps(plain(found), indent=1))
    elif as_table:
        click.echo(as_csv(found), nl=False)
    else:
        Console().print(render(found))


COMMANDS = (estimate,)
