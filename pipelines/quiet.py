"""Keep two import-time notices of dependencies away from a user's terminal, and nothing else.

Beam 2.71 still takes grpcio 1.65, of which Google's packages say at import that they will want a newer one in 2027; and
Beam names a package that only TFRecord files need. Neither is anything a user of mirrorfold can act on.
"""

from __future__ import annotations

import logging
import os
import warnings

_PREFIXES = (r"Package google[\w.]* depends on grpcio", "grpcio <")
_INHERITED = ("Package google", "grpcio <")  # PYTHONWARNINGS takes literal beginnings only


def import_beam() -> None:
    """Import apache_beam without the two notices, here and in worker processes started from here."""
    for prefix in _PREFIXES:
        warnings.filterwarnings("ignore", message=prefix, category=FutureWarning)
    rules = os.environ.get("PYTHONWARNINGS", "").split(",")
    ours = [f"ignore:{prefix}:FutureWarning" for prefix in _INHERITED]
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [*rules, *(rule for rule in ours if rule not in rules)]))
    # A log call before logging is configured configures it: the handler and the filter are there for the import only.
    root, swallow = logging.getLogger(), logging.NullHandler()
    root.addHandler(swallow)
    root.addFilter(_is_worth_saying)
    try:
        import apache_beam.runners.portability  # noqa: F401
    finally:
        root.removeFilter(_is_worth_saying)
        root.removeHandler(swallow)


def _is_worth_saying(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("crcmod package not found")
