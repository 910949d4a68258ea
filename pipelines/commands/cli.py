"""The command line: `mirrorfold`."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import shutil
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from mirrorfold.pipelines.commands.after import COMMANDS as AFTER_COMMANDS
from mirrorfold.pipelines.commands.beam_command import InOrder
from mirrorfold.pipelines.commands.books import COMMANDS as BOOK_COMMANDS
from mirrorfold.pipelines.commands.catalogues import COMMANDS as CATALOGUE_COMMANDS
from mirrorfold.pipelines.commands.datasets import COMMANDS as DATASET_COMMANDS
from mirrorfold.pipelines.commands.estimate import COMMANDS as ESTIMATE_COMMANDS
from mirrorfold.pipelines.commands.looking import COMMANDS as LOOKING_COMMANDS
from mirrorfold.pipelines.commands.plan import COMMANDS as PLAN_COMMANDS
from mirrorfold.pipelines.commands.printing import VERBOSITY, add_verbosity
from mirrorfold.pipelines.commands.run import COMMANDS as MISSION_COMMANDS
from mirrorfold.pipelines.commands.state import COMMANDS as STATE_COMMANDS
from mirrorfold.pipelines.engine import quiet
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
Exit codes: 0 done, 1 failed, 2 bad usage, 3 stopped by a safety rule, 4 a broken promise, 5 a kept content is nowhere
(reconcile)."""


def help_width() -> int:
    """Give the columns that help is written for: the terminal's, or 110 where it goes to a file or a pager."""
    return shutil.get_terminal_size((110, 24)).columns


@click.group(
    cls=InOrder,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120, "terminal_width": help_width()},
)
@click.version_option(package_name="mirrorfold")
def cli() -> None:
    """Find exact and near duplicates in large image archives, and decide what to keep under a written policy."""


for command in (
    *MISSION_COMMANDS,
    *ESTIMATE_COMMANDS,
    *PLAN_COMMANDS,
    *AFTER_COMMANDS,
    *LOOKING_COMMANDS,
    *BOOK_COMMANDS,
    *CATALOGUE_COMMANDS,
    *DATASET_COMMANDS,
    *STATE_COMMANDS,
):
    cli.add_command(command)
add_verbosity(cli)


def main() -> None:
    """Run the command line; errors for people are one line on stderr, with the contract's exit codes."""
    quiet.without_notices()
    quiet.without_log_noise()
    VERBOSITY.level = 0
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
    except BrokenPipeError:  # `mirrorfold ... | head`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # or Python complains again as it ends
        sys.exit(1)
    except (OSError, MemoryError) as error:
        _say(plain_words(error))
        sys.exit(1)
    except Exception as error:
        said = store_words(error)
        if said is None:
            raise
        _say(said)
        sys.exit(2)
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


def plain_words(error: OSError | MemoryError) -> str:
    """Say what the system refused, and of which file."""
    if isinstance(error, MemoryError):
        return "out of memory: give the process more (see `ulimit -v`), or fewer --direct_num_workers"
    named = f"{error.filename}: " if error.filename else ""
    return f"{named}{error.strerror or type(error).__name__}"


def store_words(error: Exception) -> str | None:
    """Say what a store refused; None for any other error. The stores are imported where something went wrong only."""
    if not any(
        kind.__name__ in ("StoreError", "GoogleAuthError", "NoCredentialsError") for kind in type(error).__mro__
    ):
        return None
    from mirrorfold.pipelines.output import explain

    return explain(error, named_folder(sys.argv))


def named_folder(arguments: Sequence[str]) -> str:
    """Find the folder in a bucket that a command line names."""
    values = [value for argument in arguments for value in (argument, argument.partition("=")[2])]
    return next((value for value in values if value.startswith(("s3://", "gs://", "az://"))), "the output folder")


def _say(message: str) -> None:
    if VERBOSITY.verbose and sys.exc_info()[0] is not None:
        traceback.print_exc()
    for line in message.splitlines() or [""]:
        click.echo(f"mirrorfold: {' '.join(line.split())}", err=True)


if __name__ == "__main__":
    console()
