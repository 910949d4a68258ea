"""What a HEIF or AVIF holds beside its picture, by its boxes alone (ISO 23008-12): gain maps, depth, mattes, a video.

Thumbnails are the same picture and count for nothing; neither does transparency, which counts where it shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from mirrorfold.transforms.fingerprint.containers import iso_boxes
from mirrorfold.transforms.fingerprint.parts import AUXILIARY, DEPTH, GAIN_MAP, SECOND, VIDEO

_ALPHA = ("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:hevc:2015:auxid:1", "urn:mpeg:avc:2015:auxid:1")
_DEPTH = ("urn:mpeg:mpegB:cicp:systems:auxiliary:depth", "urn:mpeg:hevc:2015:auxid:2", "urn:mpeg:avc:2015:auxid:2")
_GAIN_MAPS = ("urn:com:apple:photo:2020:aux:hdrgainmap", "urn:iso:std:iso:ts:21496:-1")
_TONE_MAP, _STEREO, _SAMSUNG_VIDEO = b"tmap", b"ster", b"mpvd"


def parts_of_items(data: bytes) -> tuple[str, ...]:
    """Name what lies beside the primary picture, sorted."""
    found: set[str] = set()
    for kind, start, stop in iso_boxes(data):
        if kind == _SAMSUNG_VIDEO:
            found.add(VIDEO)
        if kind == b"meta":
            found.update(_parts(data, start + 4, stop))
    return tuple(sorted(found))


def _parts(data: bytes, start: int, stop: int) -> Iterator[str]:
    boxes = {kind: (first, last) for kind, first, last in iso_boxes(data, start, stop)}
    if b"iprp" in boxes:
        for kind, first, last in iso_boxes(data, *boxes[b"iprp"]):
            if kind == b"ipco":
                yield from _auxiliaries(data, first, last)
    if b"iinf" in boxes and _TONE_MAP in _item_types(data, *boxes[b"iinf"]):
        yield GAIN_MAP
    if b"grpl" in boxes and any(kind == _STEREO for kind, *_ in iso_boxes(data, *boxes[b"grpl"])):
        yield SECOND


def _auxiliaries(data: bytes, start: int, stop: int) -> Iterator[str]:
    """Name what each auxiliary picture is by its property `auxC`."""
    for kind, first, last in iso_boxes(data, start, stop):
        if kind != b"auxC":
            continue
        name = data[first + 4 : last].partition(b"\0")[0].decode("latin-1")
        if name not in _ALPHA:
            yield DEPTH if name in _DEPTH else GAIN_MAP if name in _GAIN_MAPS else AUXILIARY


def _item_types(data: bytes, start: int, stop: int) -> set[bytes]:
    wide = data[start : start + 1] != b"\0"
    found = set()
    for kind, first, _ in iso_boxes(data, start + (8 if wide else 6), stop):
        if kind == b"infe" and data[first] >= 2:
            at = first + 4 + (2 if data[first] == 2 else 4) + 2
            found.add(data[at : at + 4])
    return found
