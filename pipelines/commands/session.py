"""One command at work: request, progress, the run, the summary."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence

from rich.console import Console

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines import match
from mirrorfold.pipelines.commands.printing import VERBOSITY
from mirrorfold.pipelines.commands.progress import JsonLines, Progress, Watch
from mirrorfold.pipelines.commands.summary import plain_summary, summarise
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.finished.handing_out import overtaking
from mirrorfold.pipelines.lists import check_sidecars
from mirrorfold.pipelines.mission import MISSION, STAGES
from mirrorfold.pipelines.output import check_output
from mirrorfold.pipelines.record.latest import find_previous
from mirrorfold.pipelines.record.previous import check_previous
from mirrorfold.pipelines.record.request import (
    REQUEST_PATH,
    Request,
    make_settings,
    overlay,
    read_given,
    resolve_policy,
    saved_request,
)
from mirrorfold.pipelines.record.steps import Step, count_rows
from mirrorfold.pipelines.run import run
from mirrorfold.pipelines.savings import check_money
from mirrorfold.pipelines.sources import check_names, check_sources, parse_sources
from mirrorfold.transforms.stores.output import open_output

log = logging.getLogger("mirrorfold")


def new_request(
    sources: Sequence[str], output: str, config: str | None, previous: str | None, changes: dict
) -> Request:
    """Validate everything that can be wrong before any work starts.

    Raises:
      UsageError: one line, saying what to mend.
    """
    check_output(output)
    given = read_given(config, changes)
    settings, policy = _under_recorded_policy(output, given, config)
    check_sidecars(settings, policy)
    check_money(settings)  # read again when it is needed: a broken one must not show after hours of work
    specs = parse_sources(sources, settings, output)
    check_names(specs, settings, config)
    previous = find_previous(previous, output, specs)
    check_sources(specs, previous)
    if previous is not None:
        check_previous(previous, output)
        for other in overtaking(previous):
            log.warning(
                "the plan of %s was handed out on %s, and an audit of %s won't know of it: use --previous %s",
                *(other.run, other.at[:10], previous, other.run),
            )
    return Request(specs, settings, policy, previous)


def _under_recorded_policy(output: str, given: dict, config: str | None) -> tuple[Settings, dict]:
    """Let a folder that holds a run keep its policy, hold list and catalogue unless others are asked for."""
    settings = make_settings(given, config)
    if not open_output(output).exists(REQUEST_PATH):
        return settings, resolve_policy(settings)
    saved = saved_request(output)
    recorded = saved.settings.model_dump(mode="json")
    decided = {"catalogue": recorded["catalogue"], "listing": {"hold_list": recorded["listing"]["hold_list"]}}
    if "policy" in given:
        settings = make_settings(overlay(decided, given), config)
        return settings, resolve_policy(settings)
    settings = make_settings(overlay(decided | {"policy": recorded["policy"]}, given), config)
    log.info("%s keeps its policy, %r: another is taken with --policy", output, saved.policy.get("name"))
    return settings, saved.policy


def earlier_request(output: str, config: str | None, changes: dict) -> Request:
    """Take the request that DIR was made with; what a config file or options name now replaces those settings alone."""
    saved, given = saved_request(output), read_given(config, changes)
    if not given:
        return saved
    settings = make_settings(overlay(saved.settings.model_dump(mode="json"), given), config)
    policy = resolve_policy(settings) if "policy" in given else saved.policy
    return Request(saved.sources, settings, policy, saved.previous)


def carry_out(
    request: Request,
    output: str,
    *,
    steps: tuple[Step, ...] = MISSION,
    until: str = STAGES[-1],
    beam_args: tuple[str, ...] = (),
    log_json: bool = False,
    openlineage: str | None = None,
    watch: Watch | None = None,
    as_json: bool = False,
) -> None:
    """Run up to a stage, showing progress, and print what came of it."""
    console = Console(stderr=True)
    bars = console.is_terminal and not log_json and not VERBOSITY.verbose
    _log_to_stderr(log_json, quiet=bars)
    progress = Progress(console, bars=bars) if not VERBOSITY.quiet else Progress.silent()
    progress.watch = watch or progress.watch
    finished = run(
        request, output, steps=steps, until=until, beam_args=beam_args, progress=progress, openlineage=openlineage
    )
    if finished.skipped:
        logging.getLogger("mirrorfold").info("already finished: %s", ", ".join(finished.skipped))
    if as_json:
        print(json.dumps(plain_summary(open_output(output), finished.counts, finished.skipped), indent=1))
    elif VERBOSITY.quiet:
        return
    elif until == STAGES[-1]:
        # A merge reads no image, whatever the setting.
        read_again = bool(request.settings.match.refetch_bytes) or steps is not MISSION
        Console().print(summarise(open_output(output), read_again))
    else:
        for table, rows in sorted(finished.counts.items()):
            Console().print(f"{table}: {rows:,}")


def _log_to_stderr(as_json: bool, quiet: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    # An engine logs pages of traceback for an error that comes back to us as one line; programs get them, people don't.
    logging.getLogger().handlers[:] = [handler if as_json else logging.NullHandler()]
    ours = logging.getLogger("mirrorfold")
    ours.handlers[:] = [handler]
    ours.propagate = False
    level = logging.WARNING if quiet else logging.INFO
    ours.setLevel(logging.ERROR if VERBOSITY.quiet else logging.DEBUG if VERBOSITY.verbose else level)


def explain_match(request: Request, output: str) -> None:
    """Print the search plan for DIR's contents and what it would cost at other sizes.

    Raises:
      UsageError: DIR has no contents yet.
    """
    counts = {"contents": count_rows(open_output(output), "contents")}
    if not counts["contents"]:
        raise UsageError(f"{output} has no contents yet: run `mirrorfold fingerprint {output}` first")
    Console().print(match.explain(RunContext(output, request.settings, request.policy, counts=counts)))
