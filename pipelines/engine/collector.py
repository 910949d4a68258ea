"""Keep Python's cycle collector from walking what never dies.

Importing Beam and the stores makes some 700,000 objects that live as long as the process; the collector walks them
again and again, which costs a third of the imports' CPU and part of every later stage.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
from collections.abc import Iterator

YOUNG_OBJECTS = 50_000
"""New containers between two collections of the youngest: Python's 700 suits programs of a few thousand objects."""


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Put the collector off while modules are imported, then leave what they made out of its walks for good."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        # At the end the collector has to see everything again: extension modules report what they find unfreed.
        atexit.register(gc.unfreeze)
        gc.set_threshold(YOUNG_OBJECTS)
        gc.enable()
