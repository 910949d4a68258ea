"""What a full run takes: CPU, hours, memory, bytes and requests, from stated costs of single units of work.

Every constant comes from configs/capacity.yaml, which says for each how it was measured or why it is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

MB = 1e6
HOUR = 3600


@dataclass(frozen=True)
class Workload:
    """What there is to do.

    Attributes:
      objects: listed objects.
      reads, bytes_read: GETs of whole objects, and their bytes; what the listing proves to be copies is read once.
      contents: distinct images to decode and match.
      crops: whether crops, rotations and mirrors are searched.
      chance: candidates by chance in a million pairs, and verify: CPU seconds to verify one, as measured on the archive
        itself; None takes what is stated.
    """

    objects: int
    reads: int
    bytes_read: int
    contents: int
    crops: bool = True
    chance: float | None = None
    verify: float | None = None


@dataclass(frozen=True)
class Load:
    """What it takes.

    Attributes:
      cpu_seconds: CPU seconds by stage: start, list, fetch, decode, match, verify, decide.
      list_requests, get_requests: requests to the sources.
      bytes_read: from the sources.
      shuffle_bytes: through the engine's shuffle.
      table_bytes: written to DIR.
    """

    cpu_seconds: dict[str, float]
    list_requests: int
    get_requests: int
    bytes_read: int
    shuffle_bytes: int
    table_bytes: int

    @property
    def cpu_hours(self) -> float:
        """CPU hours over all stages."""
        return sum(self.cpu_seconds.values()) / HOUR


@dataclass(frozen=True)
class Model:
    """The constants, as configs/capacity.yaml states them."""

    constants: Mapping

    def term(self, name: str) -> float:
        """Give a constant's value."""
        return float(self.constants["terms"][name]["value"])

    def load(self, work: Workload) -> Load:
        """Add up what a workload takes."""
        read_mb = work.bytes_read / MB
        mean_mb = read_mb / max(work.reads, 1)
        crops = "crops" if work.crops else "plain"
        met = self.met_by_chance(work)
        return Load(
            {
                "start": self.term("start_cpu"),
                "list": work.objects * self.term("list_cpu"),
                "fetch": work.reads * self.term("get_cpu")
                + read_mb * (self.term("get_cpu_per_mb") + self.term("sha256_per_mb")),
                "decode": work.contents
                * (self.term("decode_cpu") + mean_mb * self.term("decode_per_mb") + self.term("sign_cpu")),
                "match": work.objects * self.term("match_cpu") + work.contents * self.by_size(crops, work.contents),
                "verify": met * (self.term("verify_cpu") if work.verify is None else work.verify),
                "decide": work.objects * (self.term("decide_cpu") + self.term("table_cpu")),
            },
            math.ceil(work.objects / self.term("list_page")),
            work.reads,
            work.bytes_read,
            int(
                work.objects * self.term("shuffle_objects")
                + work.contents * (self.term("shuffle_contents") + self.by_size(f"shuffle_{crops}", work.contents))
                + met * self.term("verify_bytes")
            ),
            int(work.objects * self.term("bytes_objects") + work.contents * self.term("bytes_contents")),
        )

    def comparing(self, pairs: float, small: float, large: float) -> float:
        """Give the CPU hours of comparing pairs at full detail: how many, and the megapixels of the two on average."""
        each = self.term("compare_cpu") + small * self.term("compare_per_mp") + large * self.term("compare_decode_mp")
        return pairs * each / HOUR

    def met_by_chance(self, work: Workload) -> float:
        """Expect the pairs that have to be verified though they aren't copies: as the square of the contents."""
        million = self.term("chance_crops" if work.crops else "chance_plain") if work.chance is None else work.chance
        return million * 1e-6 * work.contents * work.contents / 2

    def by_size(self, name: str, contents: int) -> float:
        """Read a per-content cost of matching between the sizes it is stated for: a straight line in logarithms."""
        stated = sorted((float(size), float(value)) for size, value in self.constants["match"][name].items())
        at = min(max(float(contents), stated[0][0]), stated[-1][0])
        for (low, below), (high, above) in pairwise(stated):
            if at <= high:
                part = math.log(at / low) / math.log(high / low)
                return math.exp(math.log(below) * (1 - part) + math.log(above) * part)
        raise AssertionError("unreachable: `at` is within the stated sizes")

    def hours(self, load: Load, workers: int) -> float:
        """Wall hours on a number of workers of one vCPU each: the slowest of CPU, network and latency."""
        return self.slowest(load, workers)[1]

    def slowest(self, load: Load, workers: int) -> tuple[str, float]:
        """Name what bounds a run on a number of workers, and its wall hours; starting up is shared by nobody."""
        start = load.cpu_seconds["start"] / HOUR
        busy = self.term("efficiency") if workers > 1 else 1
        bounds = {
            "CPU": (load.cpu_hours - start) / workers / busy,
            "network": load.bytes_read / MB / self.term("network_mb") / workers / HOUR,
            "latency": load.get_requests * self.term("latency") / self.term("threads") / workers / HOUR,
        }
        name = max(bounds, key=lambda bound: bounds[bound])
        return name, start + bounds[name]

    def memory(self, workers: int, local: bool) -> int:
        """Bytes of memory in all: the workers', or those of a local run's own process, where they are more."""
        own = self.term("memory_local") if local else 0
        return int(max(workers * self.term("memory_worker"), own))
