"""Photoshop's image resources: the metadata blocks of a PSD, and of JPEG's and TIFF's blocks of the same kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mirrorfold.transforms.fingerprint import ifd
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.parts import LAYERS

IPTC, ICC, VERSION, EXIF, XMP = 0x0404, 0x040F, 0x0421, 0x0422, 0x0424
MAX_RESOURCES = 10_000
TIFF_LAYERS = 37724
"""Tag of the block in which Photoshop keeps a TIFF's layers."""
_LAYER_KEYS = (b"8BIMLayr", b"8BIMLr16", b"8BIMLr32", b"MIB8ryaL", b"MIB861rL", b"MIB823rL")


class Blocks(NamedTuple):
    """Metadata blocks, as `read_provenance` takes them, and the ICC profile; None where there is none."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    icc: bytes | None = None


def resources(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the number and content of each resource of a block; a broken one ends the walk."""
    at = 0
    for _ in range(MAX_RESOURCES):
        if at + 12 > len(block) or block[at : at + 4] != b"8BIM":
            return
        number = int.from_bytes(block[at + 4 : at + 6], "big")
        name = block[at + 6] + 1
        head = at + 6 + name + (name & 1)
        length = int.from_bytes(block[head : head + 4], "big")
        yield number, block[head + 4 : head + 4 + length]
        at = head + 4 + length + (length & 1)


def parts_of_layers(data: bytes) -> tuple[str, ...]:
    """Name the layers of a PSD or PSB, if there are any: a flattened one has none."""
    return (LAYERS,) if _layers(data)[0] else ()


def has_opacity(data: bytes) -> bool:
    """Tell whether the first channel beside a PSD's colours is opacity: else it is a selection that somebody saved."""
    count, section = _layers(data)
    return count < 0 or any(b"8BIM" + key in section for key in _MERGED_KEYS)


_MERGED_KEYS = (b"Mtrn", b"Mt16", b"Mt32")
"""Blocks that say of a flattened picture that its first further channel is its opacity."""


def _layers(data: bytes) -> tuple[int, bytes]:
    """Give the number of layers, negative where the flattened picture has opacity, and the section that holds them."""
    wide = 8 if data[4:6] == b"\0\2" else 4
    at = 26
    for _ in range(2):  # the colour table and the resources
        at += 4 + int.from_bytes(data[at : at + 4], "big")
    section, layers = (int.from_bytes(data[start : start + wide], "big") for start in (at, at + wide))
    count = int.from_bytes(data[at + 2 * wide : at + 2 * wide + 2], "big", signed=True) if section and layers else 0
    return count, data[at + wide : at + wide + section]


def parts_of_tiff(main: ifd.Directory) -> tuple[str, ...]:
    """Name the layers in Photoshop's own block of a TIFF, if there are any: nothing else there takes megabytes."""
    if TIFF_LAYERS not in main:
        return ()
    block = main.raw(TIFF_LAYERS)
    return (LAYERS,) if block is None or any(key in block for key in _LAYER_KEYS) else ()


def blocks(data: bytes) -> Blocks:
    """Read the metadata blocks of a PSD or PSB, which lie between its colour table and its layers."""
    found = _resources_of(data)
    return Blocks(found.get(EXIF), found.get(XMP), found.get(IPTC), found.get(ICC))


def check_flattened(data: bytes) -> None:
    """Refuse a PSD or PSB without its flattened picture: one notice stands in its place in all such files.

    Raises:
      DecodeError: `unsupported`.
    """
    if _resources_of(data).get(VERSION, b"")[4:5] == b"\0":
        raise DecodeError("unsupported", "PSD: saved without its flattened picture, and its layers aren't joined here")


def _resources_of(data: bytes) -> dict[int, bytes]:
    start = 26 + 4 + int.from_bytes(data[26:30], "big")
    length = int.from_bytes(data[start : start + 4], "big")
    return dict(resources(data[start + 4 : start + 4 + length]))
