"""Import Beam without the notices of its dependencies that no user can act on, and without connectors we never use.

Beam 2.71 still takes grpcio 1.65, of which Google's packages say at import that they will want a newer one in 2027; and
Beam names a package that only TFRecord files need. Neither is anything a user of mirrorfold can act on. What other
packages warn of still shows.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings

_PREFIXES = (r"Package google[\w.]* depends on grpcio", "grpcio <")
_INHERITED = ("Package google", "grpcio <")  # PYTHONWARNINGS takes literal beginnings only


_UNUSED = ("google.cloud.pubsub", "pymongo")
"""Clients of services that Beam imports where they are installed; we read neither, and they are a tenth of start-up."""


def without_notices() -> None:
    """Keep the two notices off this process and those that it starts."""
    for prefix in _PREFIXES:
        warnings.filterwarnings("ignore", message=prefix, category=FutureWarning)
    rules = os.environ.get("PYTHONWARNINGS", "").split(",")
    ours = [f"ignore:{prefix}:FutureWarning" for prefix in _INHERITED]
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [*rules, *(rule for rule in ours if rule not in rules)]))


def without_log_noise() -> None:
    """Keep off standard error what libraries log at import, in commands that never set logging up."""
    root = logging.getLogger()
    root.addFilter(_is_worth_saying)
    if not root.handlers:
        root.addHandler(logging.NullHandler())


def import_beam() -> None:
    """Import apache_beam without the two notices, here and in worker processes started from here."""
    without_notices()
    # A log call before logging is configured configures it: the handler and the filter are there for the import only.
    root, swallow = logging.getLogger(), logging.NullHandler()
    root.addHandler(swallow)
    root.addFilter(_is_worth_saying)
    hidden = [name for name in _UNUSED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # an import says that it isn't installed
    try:
        import apache_beam.runners.portability  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
        root.removeFilter(_is_worth_saying)
        root.removeHandler(swallow)


def _is_worth_saying(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("crcmod package not found")
