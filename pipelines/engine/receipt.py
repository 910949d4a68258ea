"""How a job that nobody waits for says that it is done: it leaves a receipt in DIR, which the next command finds.

A Flex Template's launcher has to end once the job is submitted, so finishing the step is left to the next call: it
finds the receipt, takes the tables as they are, commits the step and submits the one after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import apache_beam as beam

from mirrorfold.pipelines.errors import MirrorfoldError
from mirrorfold.transforms.stores.output import OutputStore, open_output

FOLDER = "_work/jobs/"


class JobSubmitted(MirrorfoldError):
    """A pipeline runs elsewhere and isn't waited for; finishing its step is left to the next call."""

    exit_code = 0


@dataclass(frozen=True)
class Receipt:
    """The receipt of one pipeline of one step, under a digest of all that the step depends on.

    Attributes:
      output: DIR.
      name: the step's name.
      digest: as in the step's commit.
      number: which of the step's pipelines.
    """

    output: str
    name: str
    digest: str
    number: int

    @property
    def folder(self) -> str:
        """Name the step's folder of receipts for people: a path or a URL."""
        return open_output(self.output).url(receipts(self.name, self.digest))

    @property
    def path(self) -> str:
        """Give the receipt's path under DIR."""
        return f"{receipts(self.name, self.digest)}{self.number}.done"

    def is_given(self) -> bool:
        """Tell whether the job has finished."""
        return open_output(self.output).exists(self.path)

    def is_awaited(self) -> bool:
        """Tell whether the job was submitted."""
        return open_output(self.output).exists(self._submitted)

    def await_it(self) -> None:
        """Note that the job was submitted."""
        open_output(self.output).put(self._submitted, b"")

    def request(self, pipeline: beam.Pipeline) -> None:
        """Let a pipeline write the receipt once all of its ends are reached."""
        ends = _Ends()
        pipeline.visit(ends)
        counted = [
            end | f"CountEnd{number}" >> beam.combiners.Count.Globally() for number, end in enumerate(ends.collections)
        ]
        _ = (
            counted
            | "GatherEnds" >> beam.Flatten()
            | "AwaitEnds" >> beam.combiners.Count.Globally()
            | "WriteReceipt" >> beam.Map(write_receipt, self.output, self.path)
        )

    @property
    def _submitted(self) -> str:
        return f"{receipts(self.name, self.digest)}{self.number}.submitted"


def receipts(step: str, digest: str) -> str:
    """Name the folder of a step's receipts under DIR."""
    return f"{FOLDER}{step}-{digest[:16]}/"


def has_receipts(store: OutputStore, step: str, digest: str) -> bool:
    """Tell whether jobs were submitted for a step: then its tables are theirs, and must not be cleared away."""
    return bool(store.list(receipts(step, digest)))


def write_receipt(ends: int, output: str, path: str) -> None:
    """Write the receipt."""
    open_output(output).put(path, str(ends).encode())


class _Ends(beam.pipeline.PipelineVisitor):
    """Find the collections that nothing reads."""

    def __init__(self):
        self.made: dict[int, beam.PCollection] = {}
        self.read: set[int] = set()

    @property
    def collections(self) -> list[beam.PCollection]:
        """Give the ends in the order they were made."""
        return [found for key, found in self.made.items() if key not in self.read]

    def visit_transform(self, applied) -> None:
        self.read.update(id(source) for source in applied.inputs)
        self.read.update(id(side.pvalue) for side in applied.side_inputs)
        for result in applied.outputs.values():
            if isinstance(result, beam.PCollection):
                self.made[id(result)] = result
