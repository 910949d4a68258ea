"""A catalogue's export as text: in whatever encoding it came, or refused with what to say."""

from __future__ import annotations

import codecs

ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf-16": "utf-16",
    "big5": "big5hkscs",  # Hong Kong's characters are a superset of Big5's
    "gb18030": "gb18030",
    "cp1252": "cp1252",
    "shift-jis": "cp932",
    "euc-kr": "cp949",
}
"""What `--encoding` takes, and the codec that reads it."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


def decode(data: bytes, name: str, encoding: str | None = None) -> str:
    """Read an export's text: by its mark, as UTF-16 where every other byte is zero, else as UTF-8.

    Nothing else is guessed: most bytes of Big5 are as good in GB18030, and what comes out is other names.

    Args:
      encoding: one of ENCODINGS, where the file's owner says it.

    Raises:
      ValueError: one line naming the file, the byte and what to say.
    """
    if encoding is not None and encoding not in ENCODINGS:
        raise ValueError(f"--encoding {encoding}: there are {', '.join(ENCODINGS)}")
    codec = ENCODINGS[encoding] if encoding else _told(data)
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        advice = "say with --encoding which one its catalogue writes" if encoding is None else "it is another one"
        others = ", ".join(one for one in ENCODINGS if one != encoding)
        raise ValueError(f"{name}: not {encoding or codec} at byte {error.start}: {advice} ({others})") from error
    if "\0" in text:
        raise ValueError(
            f"{name}: there are zero bytes in it: it is no text, or in an encoding that --encoding can't name"
        )
    return text


def _told(data: bytes) -> str:
    marked = next((codec for mark, codec in _MARKS if data.startswith(mark)), None)
    if marked:
        return marked
    start = data[: 1 << 12]
    for half, codec in ((start[1::2], "utf-16-le"), (start[0::2], "utf-16-be")):
        if half and half.count(0) > 0.4 * len(half):
            return codec
    return "utf-8"
