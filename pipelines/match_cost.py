"""What matching will cost on a corpus, measured on a sample of it: `--explain` shows it, and a run says it first."""

from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa

from mirrorfold.pipelines.context import RunContext
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.match import features
from mirrorfold.transforms.match.density import SAMPLE_CONTENTS, Density, measure_density
from mirrorfold.transforms.match.explain import MOST_CPU, advice_of, cheaper, cost_of
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier

_log = logging.getLogger("mirrorfold.match")

FEWEST_TO_MEASURE = 100_000
"""Contents from which a run measures first: it costs three CPU seconds, and fewer can't take long."""


def density_of(run: RunContext) -> Density:
    """Measure how dense candidates by chance are, for the run's settings and the cheaper ones."""
    settings = run.settings.match
    verifier = Verifier(Rule(settings.radius, CHECK_LIMIT), settings.crops)
    asked = [(settings.radius, settings.crops), *cheaper(settings.radius, settings.crops)]
    return measure_density(_sample(run), verifier, asked)


def say_cost(run: RunContext, sample: np.ndarray) -> None:
    """Log a warning where matching will cost more than reading the pictures, with what is cheaper and what that loses.

    Args:
      sample: distinct phash64 of the contents, as the planner takes them.
    """
    contents, settings = run.rows("contents"), run.settings.match
    if contents < FEWEST_TO_MEASURE:
        return
    density = density_of(run)
    if cost_of(settings.radius, contents, settings.crops, sample, density).whole > MOST_CPU:
        _log.warning("%s", advice_of(settings.radius, contents, settings.crops, sample, density))


def _sample(run: RunContext) -> pa.Table:
    """Take contents evenly from all shards: digests order them, so the first of each are as good as any."""
    paths = parquet.shards(run.store, f"{CONTENTS.name}/")
    chosen = paths[:: max(1, len(paths) // 8)]
    each = -(-SAMPLE_CONTENTS // max(1, len(chosen)))
    found = []
    for path in chosen:
        left = each
        for block in parquet.read_blocks(run.store, path, features.COLUMNS):
            found.append(block.slice(0, left))
            left -= len(found[-1])
            if left <= 0:
                break
    return pa.concat_tables(found).slice(0, SAMPLE_CONTENTS) if found else CONTENTS.schema.empty_table()
