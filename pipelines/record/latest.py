"""`--previous latest`: this archive's newest finished run beside DIR, so that one line of cron does for every month."""

from __future__ import annotations

import json
import logging
import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from mirrorfold.pipelines.output import output_errors
from mirrorfold.pipelines.record.request import REQUEST_PATH
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import open_output

LATEST = "latest"

_log = logging.getLogger("mirrorfold.previous")


def find_previous(previous: str | None, output: str, sources: Sequence[SourceSpec]) -> str | None:
    """Give the run to build upon, by a name that holds from any working folder.

    Args:
      previous: a DIR; None; or `latest`, the run of this archive beside `output` that finished last: None where there
        is none yet.
      output: DIR of the new run. A run that is begun again keeps what it was begun with.
      sources: of the new run.
    """
    if previous is None:
        return None
    if previous != LATEST:
        return previous if "://" in previous else os.path.abspath(os.path.expanduser(previous))
    with output_errors(output):
        begun, kept = _begun_with(output)
        found = kept if begun else newest_beside(output, sources)
    told = "no finished run of these sources lies beside the output yet; everything is read"
    _log.info("--previous latest: %s", found or told)
    return found


def newest_beside(output: str, sources: Sequence[SourceSpec]) -> str | None:
    """Find the run that finished last among the folders beside DIR; None where none is finished.

    Runs over the very same places come first, then those that share one of them: a source may have come or gone. A run
    that shares none is another archive's.
    """
    cloud = "://" in output
    own = output.rstrip("/") if cloud else os.path.abspath(output)
    parent = posixpath.dirname(own) if cloud else os.path.dirname(own)
    if cloud and parent.count("/") < 2:
        return None  # DIR is a whole bucket
    ours = {_place(asdict(spec)) for spec in sources}
    found = []
    for name in _finished(parent, cloud):
        folder = f"{parent}/{name}" if cloud else os.path.join(parent, name)
        if folder == own:
            continue
        record = json.loads(open_output(folder).get("run.json"))
        theirs = {_place(source) for source in record.get("sources", ())}
        if theirs & ours and "travels" not in record:  # that was packed for merging
            found.append((theirs == ours, record["finished_at"], folder))
    return max(found)[2] if found else None


def _place(source: Mapping) -> tuple[str, ...]:
    """Name what a source is of, whatever the library is called; a report's name changes from month to month."""
    if not source["bucket"]:
        return source["kind"], source["library"]  # a list of URIs: of what, isn't known before it is read
    return source["store"], source["bucket"], source["prefix"]


def _finished(parent: str, cloud: bool) -> list[str]:
    if cloud:
        paths = (path.split("/") for path in open_output(parent).list())
        return sorted(parts[0] for parts in paths if len(parts) == 2 and parts[1] == "_SUCCESS")
    if not os.path.isdir(parent):
        return []
    return sorted(name for name in os.listdir(parent) if os.path.isfile(os.path.join(parent, name, "_SUCCESS")))


def _begun_with(output: str) -> tuple[bool, str | None]:
    """Tell whether DIR holds a run already, and which earlier run that builds upon."""
    try:
        return True, json.loads(open_output(output).get(REQUEST_PATH))["previous"]
    except FileNotFoundError:
        return False, None
