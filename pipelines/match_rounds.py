"""Rounds of the match step: a family that one worker can't hold is settled by a pipeline for each round."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator

import apache_beam as beam

from mirrorfold.pipelines import match
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.record.steps import Build
from mirrorfold.transforms.cluster.large import grid
from mirrorfold.transforms.cluster.rounds.nearest.wiring import Settled
from mirrorfold.transforms.cluster.rounds.settle import families_of
from mirrorfold.transforms.cluster.rounds.wiring import Round
from mirrorfold.transforms.match import signatures
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier

_log = logging.getLogger("mirrorfold.match")


def rounds(run: RunContext) -> Iterator[Build]:
    """Give the pipelines after the first: none, unless it held a family back; then the rounds, and one to resolve all.

    What is left under DIR says where it stands, so the same command goes on from there.
    """
    held = match.held_by(run)
    left = held.left(0)
    if not left.num_rows:
        return
    families, number = families_of(left), 0
    _log.info("%d families of %d contents are settled in rounds", families.num_rows, left.num_rows)
    while left.num_rows:
        yield functools.partial(_round, number=number)
        number += 1
        left = held.left(number)
    yield functools.partial(match.build, settled=Settled(number, families))
    held.clear()


def _round(root: beam.Pipeline, run: RunContext, number: int) -> None:
    """Compose one round over what the round before left."""
    held, settings = match.held_by(run), run.settings.match
    _ = root | "Round" >> Round(
        held=held,
        verifier=Verifier(Rule(settings.radius, CHECK_LIMIT), settings.crops),
        node_ids=signatures.node_ids,
        number=number,
        left=held.left(number),
        rows=grid.GROUP_ROWS,
        group_rows=grid.GROUP_ROWS,
        spill=run.spill,
    )
