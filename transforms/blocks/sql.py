"""How SQL names texts and files: one way to quote, for everything that asks tables questions."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable


def quoted(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def literal(path: str | os.PathLike[str]) -> str:
    """Quote a path for SQL, with the characters that DuckDB would expand to other files' names taken as they are."""
    return quoted(re.sub(r"([\[*?])", r"[\1]", os.fspath(path)))


def parquet_files(paths: Iterable[str]) -> str:
    """Write the SQL that reads Parquet files, exactly those."""
    return f"read_parquet([{', '.join(map(literal, paths))}])"
