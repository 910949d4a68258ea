"""How a picture can fail: a stable code and a sentence."""

from __future__ import annotations


class DecodeError(Exception):
    """The bytes aren't a picture we can read; `code` is one of the decode codes in schemas/failures.py."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self):
        return type(self), (self.code, self.message)
