"""How a picture can fail: a stable code and a sentence."""

from __future__ import annotations

from pathlib import PurePath


class DecodeError(Exception):
    """The bytes aren't a picture we can read; `code` is one of the decode codes in schemas/failures.py."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self):
        return type(self), (self.code, self.message)


def unforeseen(error: Exception) -> DecodeError:
    """Make a file's failure of what no reader foresaw: the run goes on, and the message says where to look."""
    if isinstance(error, MemoryError):
        return DecodeError("too-much-memory", "reading it ran out of the worker's memory")
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {PurePath(trace.tb_frame.f_code.co_filename).name}" if trace else ""
    return DecodeError("crashed", f"reading it raised {type(error).__name__}{place}")
