"""What every pipeline of a run is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from mirrorfold.configs.settings import Settings
from mirrorfold.transforms.stores.output import OutputStore, open_output


@dataclass(frozen=True)
class RunContext:
    """One run: where it writes, its settings, and what earlier steps counted.

    Attributes:
      output: DIR's URL or path.
      settings: validated settings.
      policy: the resolved policy as a plain mapping; empty until it is needed.
      counts: rows by table of the committed steps, e.g. {"objects": 120}.
      spill: a local folder for shuffle blocks, or None to leave them to the runner.
      previous: DIR of an earlier run, or None.
    """

    output: str
    settings: Settings
    policy: dict = field(default_factory=dict)
    sources: tuple = ()
    counts: dict[str, int] = field(default_factory=dict)
    spill: str | None = None
    previous: str | None = None

    @property
    def store(self) -> OutputStore:
        """Open DIR."""
        return open_output(self.output)

    def rows(self, table: str) -> int:
        """Say how many rows a finished table has."""
        return self.counts[table]
