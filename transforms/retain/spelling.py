"""One form for the many spellings of a URI, in which hold lists and catalogues are joined with what was listed.

Lists are written by people and other systems: percent-encoded, in another Unicode form or letter case, as a path or a
web address, with a blank at the end. Two URIs that are the same in this form name one object as far as a hold is
concerned: a hold on too much does no harm.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.uri import escape_key

_WEB = re.compile(r"(?i)^https?://([^/?#]+)/([^?#]*)")
_HOSTED = re.compile(
    r"(?i)^(.+?)\.(?:s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?|storage\.googleapis\.com)$",
)
_QUERY = re.compile(r"[?#][^\s\"']*")
_USER = re.compile(r"(//)[^/?#]*@")
_VERSION = re.compile(r"(?i)\?versionid=[^/]*$|#\d{10,}$")
_SCHEME = r"(?i)^(?:s3|s3a|s3n|gs|gcs|az|abfss?)://"
_FILE = r"(?i)^file:/*(?:localhost/)?"
_ESCAPES = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_UNSEEN = "\ufeff\u200b\u200c\u200d\u2060\u00ad"


def canonical(line: str) -> str:
    """Write a line of a list as a URI: a web address of a store as bucket and key, a path as file://."""
    text = line.strip().strip(_UNSEEN).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if web := _WEB.match(text):
        hosted = _HOSTED.match(web[1].partition(":")[0])
        return f"s3://{hosted[1]}/{web[2]}" if hosted else f"s3://{web[2]}"
    text = _VERSION.sub("", text)
    if re.match(r"(?i)^file:", text):
        text = "/" + re.sub(_FILE, "", text)
    if text.startswith("/"):
        folder, name = os.path.split(text)
        # A list may name a folder by a link to it; sources are listed under their real path.
        return f"file://{os.path.join(os.path.realpath(folder), name)}" if os.path.isdir(folder) else f"file://{text}"
    return text


def shown(line: str) -> str:
    """Give a line as it may be written down: a web address without its query and user, which may be a signature."""
    return _QUERY.sub("", _USER.sub(r"\1", line)) if re.match(r"(?i)[\s\"'\ufeff]*https?://", line) else line


def is_pattern(line: str) -> bool:
    """Tell whether a line stands for many objects, as `s3://hk/box-3/**` and the folder `s3://hk/box-3/` do."""
    if line.strip().strip(_UNSEEN).strip("\"' ").endswith("/"):
        return True
    return "*" in line or ("?" in line and not _WEB.match(line.strip()) and not _VERSION.search(line))


def join_keys(uris: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Give the form in which URIs are compared: without scheme and percent-encoding, in NFC and small letters."""
    text = pc.utf8_trim_whitespace(uris.combine_chunks() if isinstance(uris, pa.ChunkedArray) else uris)
    encoded = pc.fill_null(pc.match_substring(text, "%"), False)
    if pc.any(encoded).as_py():
        plain = pa.array([_decoded(value) for value in text.filter(encoded).to_pylist()], pa.string())
        text = pc.replace_with_mask(text, encoded, plain)
    text = pc.replace_substring(text, "+", " ")  # decoded ones too: a blank in one spelling, itself in another
    text = pc.utf8_lower(pc.utf8_normalize(text, "NFC"))
    text = pc.utf8_trim_whitespace(pc.utf8_normalize(text, "NFC"))
    text = pc.replace_substring_regex(text, _SCHEME, "")
    paths = pc.fill_null(pc.match_substring_regex(text, "^(?:file:|/)"), False)
    folded = pc.replace_substring_regex(pc.replace_substring_regex(text, _FILE, "/"), "/+", "/")
    return pc.if_else(paths, folded, text)


def _decoded(text: str) -> str:
    # Again and again: nobody knows how often a list was encoded, and a key that holds %20 itself is decoded as well.
    while (plain := _ESCAPES.sub(lambda found: escape_key(unquote_to_bytes(found[0])), text)) != text:
        text = plain
    return text


def line_keys(lines: Sequence[str]) -> list[str]:
    """Give the form in which lines of a list are compared."""
    return join_keys(pa.array([canonical(line) for line in lines], pa.string())).to_pylist()
