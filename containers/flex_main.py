"""What the Dataflow Flex Template's launcher runs: its parameters become mirrorfold's command line.

The launcher passes every parameter as `--name=value` and has to end once the job is submitted. Each launch therefore
submits one step: launch the template again when its job is done, until it says that the run is finished.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

OURS = ("output", "config", "previous")


def command_line(argv: Sequence[str]) -> list[str]:
    """Turn the template's parameters into arguments of the command line; Beam's own options pass as they are."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--sources", required=True)
    for name in OURS:
        parser.add_argument(f"--{name}", required=name == "output")
    given, beam_options = parser.parse_known_args(argv)
    ours = [f"--{name}={value}" for name in OURS if (value := getattr(given, name))]
    return ["run", *shlex.split(given.sources), *ours, "--log-json", *beam_options]


if __name__ == "__main__":
    from mirrorfold.pipelines.commands.cli import main

    sys.argv[1:] = command_line(sys.argv[1:])
    main()
