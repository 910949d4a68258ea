"""`--previous latest`: the newest finished run beside DIR, so that one line of cron does for every month."""

from __future__ import annotations

import json
import logging
import os
import posixpath

from mirrorfold.pipelines.output import output_errors
from mirrorfold.pipelines.record.request import REQUEST_PATH
from mirrorfold.transforms.stores.output import open_output

LATEST = "latest"

_log = logging.getLogger("mirrorfold.previous")


def find_previous(previous: str | None, output: str) -> str | None:
    """Give the run to build upon, by a name that holds from any working folder.

    Args:
      previous: a DIR; None; or `latest`, the run beside `output` that finished last: None where there is none yet.
      output: DIR of the new run. A run that is begun again keeps what it was begun with.
    """
    if previous is None:
        return None
    if previous != LATEST:
        return previous if "://" in previous else os.path.abspath(os.path.expanduser(previous))
    with output_errors(output):
        begun, kept = _begun_with(output)
        found = kept if begun else newest_beside(output)
    _log.info("--previous latest: %s", found or "no finished run lies beside the output yet; everything is read")
    return found


def newest_beside(output: str) -> str | None:
    """Find the run that finished last among the folders beside DIR; None where none is finished."""
    cloud = "://" in output
    own = output.rstrip("/") if cloud else os.path.abspath(output)
    parent = posixpath.dirname(own) if cloud else os.path.dirname(own)
    if cloud and parent.count("/") < 2:
        return None  # DIR is a whole bucket
    found = []
    for name in _finished(parent, cloud):
        folder = f"{parent}/{name}" if cloud else os.path.join(parent, name)
        if folder != own:
            record = json.loads(open_output(folder).get("run.json"))
            if "travels" not in record:  # packed for merging
                found.append((record["finished_at"], folder))
    return max(found)[1] if found else None


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
