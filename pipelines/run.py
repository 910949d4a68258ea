"""Carry out a request: every step of the mission, on the chosen engine, with progress and commits."""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import yaml

from mirrorfold.pipelines.commands.progress import Progress
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.engine import engine
from mirrorfold.pipelines.engine.check import check_engine, check_memory
from mirrorfold.pipelines.engine.receipt import Receipt
from mirrorfold.pipelines.engine.spill import empty, spill_folder
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.mission import MISSION, STAGES
from mirrorfold.pipelines.output import check_output, output_errors
from mirrorfold.pipelines.record.lock import lock_output
from mirrorfold.pipelines.record.openlineage import OpenLineage
from mirrorfold.pipelines.record.request import REQUEST_PATH, Request, saved_request
from mirrorfold.pipelines.record.run_record import write_record
from mirrorfold.pipelines.record.steps import Ledger, Step, digest_of
from mirrorfold.pipelines.savings import bytes_read
from mirrorfold.transforms.stores.output import OutputStore, open_output


@dataclass(frozen=True)
class Finished:
    """How a run ended: what it counted, and which steps were there already."""

    counts: dict[str, int]
    skipped: list[str]


def run(
    request: Request,
    output: str,
    *,
    steps: tuple[Step, ...] = MISSION,
    until: str = STAGES[-1],
    beam_args: tuple[str, ...] = (),
    progress: Progress | None = None,
    openlineage: str | None = None,
) -> Finished:
    """Do every step up to a stage; steps that are finished already are not done again.

    Args:
      steps: the mission; a merge starts from another first step.
      openlineage: a file that events are appended to.

    Raises:
      UsageError: DIR holds a run over other sources, or another run is at work in it.
      SafetyStop: too many failures, or a listing that shrank.
    """
    check_memory()
    check_engine(engine.pipeline_options(beam_args, work=None), output)
    check_output(output)
    store, progress = open_output(output), progress or Progress.silent()
    _refuse_other_run(store, request, output)
    events = OpenLineage(openlineage, output, request.sources)
    with (
        progress.watch.run(store),
        locked(store, output) as still_ours,
        spill_folder(beam_args) as spill,
        events.run(),
    ):
        started = datetime.datetime.now(datetime.UTC)
        policy = yaml.safe_dump(request.policy, sort_keys=True, allow_unicode=True).encode()
        if not _holds(store, "policy.yaml", policy):
            store.delete("_SUCCESS")  # the tables were decided under another policy: the folder is whole no longer
        store.put(REQUEST_PATH, request.to_json())
        store.put("policy.yaml", policy)
        context = RunContext(output, request.settings, request.policy, request.sources, {}, spill, request.previous)
        ledger = Ledger(store, base=digest_of(_sources(request)))

        def execute(step: Step, run: RunContext) -> None:
            events.start(step)
            options = engine.pipeline_options(beam_args, work=engine.WorkEstimate.of(step.name, run.counts))
            committed = None
            if step.committed is not None and not engine.is_in_process(options):
                committed = functools.partial(step.committed, run)
            with progress.stage(step.name, run.counts.get(step.total) if step.total else None, committed):
                for number, build in enumerate(step.builds):
                    receipt = Receipt(output, step.name, ledger.digest, number)
                    ledger.note(step, engine.run_pipeline(functools.partial(build, run=run), options, receipt))
                    empty(spill)
                step.drive(run)

        for step in steps[: last_step(steps, until) + 1]:
            still_ours()
            with events.step(step, ledger.counts):
                ledger.perform(step, context, execute)
            progress.watch.rows(ledger.counts)
        still_ours()
        if until == STAGES[-1] and not store.exists("_SUCCESS"):
            read = bytes_read(context) if request.previous is not None else None
            write_record(store, request, ledger.counts, ledger.counters, started, beam_args, read)
            store.put("_SUCCESS", b"")
        return Finished(ledger.counts, ledger.skipped)


@contextlib.contextmanager
def locked(store: OutputStore, output: str) -> Iterator[Callable[[], None]]:
    """Hold DIR as `lock_output` does; this is the first write to it, so that what may not be written shows here."""
    with contextlib.ExitStack() as stack:
        with output_errors(output):
            still_ours = stack.enter_context(lock_output(store))
        yield still_ours


def _holds(store: OutputStore, path: str, data: bytes) -> bool:
    try:
        return store.get(path) == data
    except FileNotFoundError:
        return False


def last_step(steps: tuple[Step, ...], stage: str) -> int:
    """Give the index of a stage's last step."""
    return max(index for index, step in enumerate(steps) if step.stage == stage)


def _sources(request: Request) -> list:
    return json.loads(request.to_json())["sources"]


def _refuse_other_run(store: OutputStore, request: Request, output: str) -> None:
    if store.exists(REQUEST_PATH) and _sources(saved_request(output)) != _sources(request):
        raise UsageError(f"{output} holds a run over other sources: choose another --output, or empty that folder")
