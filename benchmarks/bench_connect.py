"""Unite verified edges to families, and join their labels to contents, on any engine: what it holds and costs.

    python -m benchmarks.bench_connect [--nodes 5e6] [BEAM OPTIONS, e.g. --engine=flink beside `make flink`]

Families of one to seven contents in random order, the edges of each a chain, as many contents again without any. The
job has the shuffles of a match step behind its verification. It fails unless every content bears its family's name.
"""

from __future__ import annotations

import argparse
import functools
import resource
import tempfile
import time
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa

from mirrorfold.pipelines.engine import engine
from mirrorfold.transforms.blocks.wiring import Shuffle
from mirrorfold.transforms.cluster.wiring import LABELS, NODE, PAIRED, Connect, components_of

BLOCK = 100_000
FAMILY = 8
MIX = np.uint64(0x9E3779B97F4A7C15)


def node(number: np.ndarray) -> np.ndarray:
    """Give distinct nodes below 2^58 that look random."""
    return (number.astype(np.uint64) * MIX) >> np.uint64(6)


def family_of(number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the first and the last number of each one's family: FAMILY numbers hold two, of one part each."""
    base, cut = number - number % FAMILY, 1 + (number // FAMILY * 5) % (FAMILY - 1)
    second = number % FAMILY >= cut
    return base + second * cut, base + np.where(second, FAMILY, cut) - 1


def edges(start: int, linked: int) -> pa.Table:
    """Give the chains among the numbers of a block."""
    number = np.random.default_rng(start).permutation(np.arange(start, min(start + BLOCK, linked)))
    first, _ = family_of(number)
    number = number[number > first]
    return pa.table([node(number - 1), node(number)], schema=PAIRED)


def contents(start: int, nodes: int) -> pa.Table:
    """Give the nodes of a block."""
    return pa.table([node(np.arange(start, min(start + BLOCK, nodes)))], schema=pa.schema([NODE]))


def count_right(_: int, blocks: dict[str, pa.Table], linked: int):
    """Count contents that bear their family's name, and those that bear none."""
    found = components_of(blocks["contents"], blocks["labels"])
    nodes, component = found.column("node").to_numpy(), found.column("component")
    inverse = np.uint64(pow(int(MIX), -1, 1 << 64))
    # Six bits are gone: try each, and take the number that is one of ours.
    number = np.full(len(nodes), -1)
    for low in range(64):
        guess = ((nodes << np.uint64(6)) | np.uint64(low)) * inverse
        number = np.where(guess < linked * 2, guess.astype(np.int64), number)
    first, last = family_of(number)
    members = first[:, None] + np.arange(FAMILY)
    smallest = np.where(members <= last[:, None], node(members.ravel()).reshape(members.shape), MIX).min(axis=1)
    alone = (first == last) | (number >= linked)
    named = component.is_valid().to_numpy() & (component.fill_null(0).to_numpy() == smallest) & ~alone
    right = int(named.sum()), int((component.is_null().to_numpy() & alone).sum()), len(nodes)
    yield pa.table({"named": [right[0]], "alone": [right[1]], "all": [right[2]]})


def build(root: beam.Pipeline, nodes: int, spill: str | None, output: str) -> None:
    """Compose the job."""
    linked = nodes // 2
    starts = root | "Name" >> beam.Create(list(range(0, nodes, BLOCK)))
    paired = starts | "Edges" >> beam.Map(edges, linked).with_output_types(pa.Table)
    labels = paired | "Connect" >> Connect(nodes, spill)
    rows = starts | "Contents" >> beam.Map(contents, nodes).with_output_types(pa.Table)
    counted = {"contents": rows, "labels": labels} | "Join" >> Shuffle(
        keys={"contents": ("node",), "labels": ("node",)},
        schemas={"contents": pa.schema([NODE]), "labels": LABELS},
        partitions=max(1, nodes // 20_000),
        reduce=functools.partial(count_right, linked=linked),
        spill=spill,
    )
    counted | "Sum" >> beam.CombineGlobally(_total) | "Write" >> beam.Map(lambda row: Path(output).write_text(row))


def _total(found) -> str:
    parts = [part if isinstance(part, str) else " ".join(str(c[0].as_py()) for c in part.columns) for part in found]
    return " ".join(str(sum(int(part.split()[i]) for part in parts)) for i in range(3)) if parts else "0 0 0"


def main() -> None:
    """Print what uniting so many linked contents took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=float, default=1e6, help="linked contents; as many more are not linked")
    options, beam_args = parser.parse_known_args()
    nodes = 2 * int(options.nodes)
    before = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        output = f"{scratch}/counted"
        where = engine.pipeline_options(tuple(beam_args), work=None)
        spill = scratch if engine.is_in_process(where) else None
        engine.run_pipeline(functools.partial(build, nodes=nodes, spill=spill, output=output), where)
        named, alone, everything = map(int, Path(output).read_text().split())
    if named + alone != nodes or everything != nodes:
        raise SystemExit(f"{nodes - named - alone} of {nodes} contents bear a wrong name")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu = (time.process_time() - before) / nodes * 1e6
    print(f"{nodes // 2:,} linked contents: {cpu:.1f} us CPU a content here, peak {peak:,.0f} MB here, {named:,} named")


if __name__ == "__main__":
    main()
