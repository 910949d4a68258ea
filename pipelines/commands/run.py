"""The commands that carry the mission out: run, and one for each stage."""

from __future__ import annotations

import click

from mirrorfold.pipelines.commands.beam_command import BeamCommand
from mirrorfold.pipelines.commands.printing import folder_argument, json_option

SOURCE_HELP = """
SOURCE is [LIBRARY=]URI: s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, a folder, an inventory report
(s3-inventory+s3://.../manifest.json, gcs-inventory+gs://.../manifest.json, azure-inventory+az://.../RULE-manifest.json)
or listing+FILE. Give several to compare libraries; each is only ever read. LIBRARY defaults to the bucket's or folder's
name.
"""

output_option = click.option(
    "-o",
    "--output",
    required=True,
    metavar="DIR",
    help="Where tables, plans and pages go: a folder, s3://, gs:// or az://.",
)
config_option = click.option("--config", metavar="FILE", help="Settings as YAML; see configs/example.yaml.")
policy_option = click.option(
    "--policy", metavar="NAME|FILE", help="Policy: default, studio, newsroom, museum, training-set, or a YAML file."
)
previous_option = click.option(
    "--previous",
    metavar="DIR|latest",
    help="An earlier run: what is unchanged since isn't read again. latest: these sources' newest beside it, if any.",
)
holds_option = click.option(
    "--allow-unmatched-holds", is_flag=True, help="Go on although lines of a hold list match no listed object."
)
log_option = click.option("--log-json", is_flag=True, help="Log JSON lines instead of bars or text.")


@click.command(
    cls=BeamCommand, help="Do everything: list, fingerprint, match, decide, estimate, publish.\n" + SOURCE_HELP
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@output_option
@config_option
@policy_option
@previous_option
@click.option("--currency", metavar="CODE", help="Currency of the savings; USD by default, HKD is known as well.")
@click.option("--exchange-rate", type=float, metavar="RATE", help="Units of that currency per US dollar.")
@click.option("--openlineage", metavar="FILE", help="Append OpenLineage events of the run and its steps to a file.")
@click.option(
    "--metrics-file", metavar="FILE", help="Keep Prometheus metrics there, for node exporter's textfile collector."
)
@click.option(
    "--metrics-port", type=click.IntRange(1, 65535), metavar="PORT", help="Serve them at 127.0.0.1:PORT while it runs."
)
@click.option("--confirm-shrunk", is_flag=True, help="Go on although a listing shrank against --previous.")
@click.option(
    "--reread-share", type=float, metavar="SHARE", help="In an audit: read this share again, e.g. 0.05, to find rot."
)
@holds_option
@log_option
@json_option
@click.pass_context
def run(
    context,
    sources,
    output,
    config,
    policy,
    previous,
    currency,
    exchange_rate,
    openlineage,
    metrics_file,
    metrics_port,
    confirm_shrunk,
    reread_share,
    allow_unmatched_holds,
    log_json,
    as_json,
) -> None:
    from mirrorfold.pipelines.commands import session

    changes = {
        "policy": policy,
        "prices.currency": currency,
        "prices.exchange_rate": exchange_rate,
        "fingerprint.reread_share": reread_share,
        "listing.max_shrink": 1.0 if confirm_shrunk else None,
        "listing.allow_unmatched_holds": allow_unmatched_holds or None,
    }
    request = session.new_request(sources, output, config, previous, changes)
    watch = None
    if metrics_file or metrics_port:
        from mirrorfold.pipelines.record.prometheus import Prometheus

        watch = Prometheus(output, metrics_file, metrics_port)
    session.carry_out(
        request,
        output,
        beam_args=context.obj,
        log_json=log_json,
        as_json=as_json,
        openlineage=openlineage,
        watch=watch,
    )


@click.command("list", cls=BeamCommand, help="List the sources into the objects table; reads no image.\n" + SOURCE_HELP)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@output_option
@config_option
@policy_option
@previous_option
@holds_option
@log_option
@json_option
@click.pass_context
def list_command(context, sources, output, config, policy, previous, allow_unmatched_holds, log_json, as_json) -> None:
    from mirrorfold.pipelines.commands import session

    changes = {"policy": policy, "listing.allow_unmatched_holds": allow_unmatched_holds or None}
    request = session.new_request(sources, output, config, previous, changes)
    session.carry_out(request, output, until="list", beam_args=context.obj, log_json=log_json, as_json=as_json)


def _later_stage(name: str, text: str) -> click.Command:
    @click.command(name, cls=BeamCommand, help=text)
    @folder_argument("output")
    @config_option
    @policy_option
    @holds_option
    @log_option
    @json_option
    @click.pass_context
    def command(context, output, config, policy, allow_unmatched_holds, log_json, as_json) -> None:
        from mirrorfold.pipelines.commands import session

        changes = {"policy": policy, "listing.allow_unmatched_holds": allow_unmatched_holds or None}
        request = session.earlier_request(output, config, changes)
        session.carry_out(request, output, until=name, beam_args=context.obj, log_json=log_json, as_json=as_json)

    return command


fingerprint = _later_stage("fingerprint", "Fingerprint every distinct image that DIR's listing names.")
retain = _later_stage("retain", "Decide under the policy which copies are kept, and what the rest saves.")
publish = _later_stage("publish", "Write the report, the review pages, the plans and run.json.")


@click.command(cls=BeamCommand, help="Find near duplicates among DIR's contents, verify them, and cluster.")
@folder_argument("output")
@config_option
@click.option("--explain", is_flag=True, help="Show the search plan and what it costs at 10^6 to 10^9, and stop.")
@log_option
@json_option
@click.pass_context
def match(context, output, config, explain, log_json, as_json) -> None:
    from mirrorfold.pipelines.commands import session

    request = session.earlier_request(output, config, {})
    if explain:
        session.explain_match(request, output)
    else:
        session.carry_out(request, output, until="match", beam_args=context.obj, log_json=log_json, as_json=as_json)


COMMANDS = (run, list_command, fingerprint, match, retain, publish)
