"""Decisions to savings on Beam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa

from mirrorfold.transforms.blocks.wiring import Shuffle
from mirrorfold.transforms.estimate.price_list import PriceList
from mirrorfold.transforms.estimate.savings import TALLY, Price, Tally, Terms


@dataclass(eq=False)
class Estimate(beam.PTransform):
    """Blocks of decisions to one block of savings.

    Every block is tallied where it is; only the tallies, a handful of rows each, meet in one place, because the price
    of a byte may depend on how many there are.

    Args:
      prices: a price book as `configs.prices.load_prices` gives it.
      settings: plain settings, see `summary.summarise`.
    """

    prices: Mapping
    settings: Mapping

    def expand(self, decisions):
        listed, terms = PriceList.make(self.prices, self.settings), Terms.make(self.settings)
        return (
            decisions
            | "Tally" >> beam.Map(Tally.make(listed, terms)).with_output_types(pa.Table)
            | "Price"
            >> Shuffle(
                keys={"rows": ()},
                schemas={"rows": TALLY},
                partitions=1,
                reduce=Price(listed, terms),
            )
        )
