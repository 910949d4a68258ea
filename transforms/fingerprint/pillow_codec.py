"""Open bytes with one named Pillow decoder, and turn what it raises into stable codes."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from mirrorfold.transforms.fingerprint.errors import DecodeError

# Pillow would refuse by the header before a scaled decode can help; `limits` refuses by budgets of our own.
Image.MAX_IMAGE_PIXELS = None
# Pillow warns of oddities in metadata, once per file: what matters of them ends as a failure's code.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")

CODEC_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    AssertionError,
    EOFError,
    struct.error,
    zlib.error,
)
"""What decoders raise on hostile bytes: plugins index, unpack and convert before they check."""

_MISSING = (
    "unsupported",
    "not supported",
    "unknown compression",
    "not implemented",
    "no decoder",
    "cannot read this xpm",
)
"""What decoders say of variants that they don't know."""

_CUT = ("truncated", "unexpected end", "eof", "end of file", "not enough data", "premature")
"""What decoders say of files that end too early."""

_ADDRESS = re.compile(r"<[^<>]*0x[0-9a-f]+[^<>]*>|0x[0-9a-f]{6,}|b'(?:[^'\\]|\\.)*'|'[^']*[/\\][^']*'")
"""Addresses, paths and the file's own bytes: nobody reads them in a message."""


@contextmanager
def codec_errors(what: str) -> Iterator[None]:
    """Turn a decoder's errors into `DecodeError`s whose message never differs between runs."""
    try:
        yield
    except DecodeError:
        raise
    except MemoryError as error:
        raise DecodeError("too-much-memory", f"{what}: the decoder ran out of its memory budget") from error
    except UnidentifiedImageError as error:
        raise DecodeError("corrupt", f"{what}: its header can't be read") from error
    except CODEC_ERRORS as error:
        text = _ADDRESS.sub("", str(error)).strip() or type(error).__name__
        raise coded(what, text, isinstance(error, NotImplementedError)) from error


def coded(what: str, said: str, missing: bool = False) -> DecodeError:
    """Make a failure of what a decoder says: cut, of a variant that it doesn't know (`missing`), or else damaged."""
    lower = said.lower()
    missing = missing or any(word in lower for word in _MISSING)
    code = "truncated" if any(word in lower for word in _CUT) else "unsupported" if missing else "corrupt"
    return DecodeError(code, f"{what}: {said[:200]}")


def open_with(data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """Open with these decoders alone: no other one ever sees the bytes."""
    return Image.open(io.BytesIO(data), formats=formats)
