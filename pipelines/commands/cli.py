"""The command line: `mirrorfold`."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import traceback
from typing import NoReturn

import click

from mirrorfold.pipelines.commands.estimate import COMMANDS as ESTIMATE_COMMANDS
from mirrorfold.pipelines.commands.plan import COMMANDS as PLAN_COMMANDS
from mirrorfold.pipelines.commands.run import COMMANDS as MISSION_COMMANDS
from mirrorfold.pipelines.commands.state import COMMANDS as STATE_COMMANDS
from mirrorfold.pipelines.errors import MirrorfoldError

EPILOG = """\b
First steps:
  mirrorfold run hk=s3://hk-archive gz=/mnt/gz-mirror --output out/     everything, listing to report
  mirrorfold estimate s3://hk-archive                                   what that would cost and free
  mirrorfold verify out/                                                check every promise of a finished run

\b
Without an engine, a run uses every core of this machine. --engine=NAME runs it elsewhere, and any Beam option may
follow: --engine=flink, flink-cluster, flink-kubernetes, spark, spark-emr, spark-dataproc, dataflow, or a file of yours.

\b
mirrorfold never deletes anything: it reads sources, and writes tables, plans and pages to --output.
Exit codes: 0 done, 1 failed, 2 bad usage, 3 stopped by a safety rule, 4 a broken promise."""


class InOrder(click.Group):
    """List the commands in the order in which people need them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=InOrder, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="mirrorfold")
def cli() -> None:
    """Find exact and near duplicates in large image archives, and decide what to keep under a written policy."""


for command in (*MISSION_COMMANDS, *ESTIMATE_COMMANDS, *PLAN_COMMANDS, *STATE_COMMANDS):
    cli.add_command(command)


def main() -> None:
    """Run the command line; errors for people are one line on stderr, with the contract's exit codes."""
    try:
        cli(standalone_mode=False)
    except MirrorfoldError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        _say(error.format_message())
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        _say("stopped; running the same command again goes on from what is finished")
        sys.exit(1)
    finally:
        logging.shutdown()


def console() -> NoReturn:
    """Run the command line as the process's only work, and leave without the libraries' own end.

    A thread of a C++ library that is just ending makes its destructors abort a process whose work is done.
    """
    code: object = 1
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  # printed, as Python itself would
        traceback.print_exc()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _say(message: str) -> None:
    click.echo(f"mirrorfold: {' '.join(message.split())}", err=True)


if __name__ == "__main__":
    console()
