"""A TIFF's strips and tiles: whether they are as many as its picture has, and lie within the file."""

from __future__ import annotations

import struct

from mirrorfold.transforms.fingerprint import ifd

WIDTH, HEIGHT, SAMPLES, ROWS, PLANES = 256, 257, 277, 278, 284
OFFSETS, LENGTHS, TILE_OFFSETS, TILE_LENGTHS, TILE_WIDTH, TILE_HEIGHT = 273, 279, 324, 325, 322, 323
_SEPARATE = 2
_ENTRY_BYTES = {False: 12, True: 20}


def missing(directory: ifd.Directory) -> int:
    """Give how many strips or tiles a directory names too few, negative for too many; 0 where it can't be told."""
    tiled = TILE_OFFSETS in directory
    tag = TILE_OFFSETS if tiled else OFFSETS
    width, height = directory.number(WIDTH), directory.number(HEIGHT)
    if tag not in directory or min(width, height) < 1:
        return 0
    if tiled:
        across, down = directory.number(TILE_WIDTH), directory.number(TILE_HEIGHT)
        each = -(-width // across) * -(-height // down) if min(across, down) > 0 else 0
    else:
        rows = directory.number(ROWS, height)
        each = -(-height // rows) if rows > 0 else 0
    planes = max(1, directory.number(SAMPLES, 1)) if directory.number(PLANES, 1) == _SEPARATE else 1
    return each * planes - directory.entries[tag][1] if each else 0


def are_measured(directory: ifd.Directory) -> bool:
    """Tell whether each strip or tile that lies somewhere has a length: tifffile shows one without as black."""
    tiled = TILE_OFFSETS in directory
    offsets = directory.numbers(TILE_OFFSETS if tiled else OFFSETS)
    lengths = directory.numbers(TILE_LENGTHS if tiled else LENGTHS)
    return len(lengths) >= len(offsets) and all(n or not at for at, n in zip(offsets, lengths, strict=False))


def last_byte(data: bytes, layout: ifd.Layout) -> int:
    """Give up to where a file's first directory, and its strips or tiles, reach by what they state.

    Raises:
      struct.error: the directory's count lies beyond the end.
    """
    directory = ifd.read_directory(data, layout, layout.first)
    if directory is None:
        count = struct.unpack_from(layout.order + ("Q" if layout.big else "H"), data, layout.first)[0]
        return layout.first + min(count, ifd.MAX_ENTRIES) * _ENTRY_BYTES[layout.big]
    found = [0]
    for at, length in ((OFFSETS, LENGTHS), (TILE_OFFSETS, TILE_LENGTHS)):
        pairs = zip(directory.numbers(at), directory.numbers(length), strict=False)
        found += [int(start) + int(size) for start, size in pairs]
    return max(found)
