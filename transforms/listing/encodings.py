"""Columns as reports write them -> columns as `objects` has them, without a Python call per row."""

from __future__ import annotations

import base64
from urllib.parse import unquote_to_bytes

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.uri import escape_key

_ALPHABET = np.zeros(256, dtype=np.uint32)
_ALPHABET[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)] = range(64)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def escape_keys(keys: pa.Array) -> pa.Array:
    """Escape keys as the tables write them: only the rare ones that hold an escape character change."""
    rare = pc.match_substring_regex(keys, r"[\x{EF80}-\x{EFFF}]")
    return _replace(keys, rare, lambda key: escape_key(key.encode()))


def decode_urls(keys: pa.Array) -> pa.Array:
    """Undo the URL encoding of S3's CSV reports, a space being a plus, and escape keys as the tables write them."""
    keys = pc.replace_substring(keys, "+", " ")
    return _replace(keys, pc.match_substring(keys, "%"), lambda key: escape_key(unquote_to_bytes(key)))


def _replace(values: pa.Array, where: pa.Array, change) -> pa.Array:
    if not pc.any(where).as_py():
        return values
    changed = pa.array([change(value) for value in values.filter(where).to_pylist()], values.type)
    return pc.replace_with_mask(values, pc.fill_null(where, False), changed)


def base64_to_hex(values: pa.Array, size: int) -> pa.Array:
    """Turn base64 hashes of `size` bytes (16 for MD5, 4 for CRC32C) into lowercase hex; anything else into null."""
    length = -(-size // 3) * 4
    padding = base64.b64encode(bytes(size)).count(b"=")
    proper = pc.match_substring_regex(values, f"^[A-Za-z0-9+/]{{{length - padding}}}={{{padding}}}$")
    proper = pc.fill_null(proper, False)
    given = values.filter(proper)
    if not len(given):
        return pa.nulls(len(values), pa.string())
    text = np.frombuffer(b"".join(given.cast(pa.binary()).to_pylist()), np.uint8).reshape(-1, length)
    code = _ALPHABET[text].reshape(len(text), -1, 4)
    words = (code[..., 0] << 18) | (code[..., 1] << 12) | (code[..., 2] << 6) | code[..., 3]
    data = np.stack([words >> 16, words >> 8, words], axis=-1).astype(np.uint8).reshape(len(text), -1)[:, :size]
    digits = _HEX[np.stack([data >> 4, data & 15], axis=-1)].reshape(len(text), 2 * size)
    offsets = np.arange(len(text) + 1, dtype=np.int32) * (2 * size)
    hexes = pa.StringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(digits.tobytes()))
    return pc.replace_with_mask(pa.nulls(len(values), pa.string()), proper, hexes)


def extra_map(columns: dict[str, pa.Array], rows: int) -> pa.Array:
    """Keep columns that we don't know as they were: a map by name for each row."""
    kind = pa.map_(pa.string(), pa.string())
    if not columns or not rows:
        return pa.nulls(rows, kind)
    names = sorted(columns)
    across = np.arange(rows * len(names)).reshape(len(names), rows).T.reshape(-1)
    values = pa.concat_arrays([columns[name].cast(pa.string()) for name in names]).take(pa.array(across))
    keys = pa.DictionaryArray.from_arrays(np.tile(np.arange(len(names), dtype=np.int32), rows), names)
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * len(names))
    return pa.MapArray.from_arrays(offsets, keys.cast(pa.string()), values)
