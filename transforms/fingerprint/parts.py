"""What lies behind the picture: a video, a gain map, a depth map, a second picture, transparency, layers; in a JPEG."""

from __future__ import annotations

from collections.abc import Iterable

from mirrorfold.transforms.fingerprint.jpeg import JpegHeader

VIDEO, GAIN_MAP, DEPTH, SECOND = "motion-video", "gain-map", "depth", "second-picture"
AUXILIARY, TRANSPARENCY, LAYERS = "auxiliary-picture", "transparency", "layers"

_GAIN_MAPS = (
    b"http://ns.adobe.com/hdr-gain-map/",
    b"urn:iso:std:iso:ts:21496:-1",
    b"urn:com:apple:photo:2020:aux:hdrgainmap",
    b"http://ns.apple.com/HDRGainMap/",
)
_DEPTHS = (b"http://ns.google.com/photos/1.0/depthmap/", b"http://ns.google.com/photos/dd/1.0/", b"GDepth:Data")
_LARGEST_TYPE_BOX = 256


def parts_of(data: bytes, header: JpegHeader, indexed: bool, end: int = 0) -> tuple[str, ...]:
    """Name what a JPEG holds beside its picture, sorted.

    Metadata that speak of a part which isn't there, as editors leave them behind, count for nothing: a video and a
    further picture have to be found.

    Args:
      indexed: its multi-picture index lists a further picture that isn't a thumbnail.
      end: where its own picture ends; 0 where that isn't known, and all behind its header is searched.
    """
    found, end = set(), end or header.scan
    if _has_video(data, end):
        found.add(VIDEO)
    further = data.find(b"\xff\xd8\xff", end) >= 0
    head = data[: header.scan]
    if further and any(name in head for name in _GAIN_MAPS):
        found.add(GAIN_MAP)
    elif indexed and further:
        found.add(SECOND)
    if any(name in head for name in _DEPTHS):
        found.add(DEPTH)
    return tuple(sorted(found))


def joined(*parts: Iterable[str]) -> tuple[str, ...]:
    """Put together what several looks at a file found, sorted."""
    return tuple(sorted(set().union(*parts)))


def _has_video(data: bytes, start: int) -> bool:
    """Find the first box of an ISO media file: its length, `ftyp` and a brand in letters."""
    at = data.find(b"ftyp", start)
    while at >= 0:
        length, brand = int.from_bytes(data[at - 4 : at], "big"), data[at + 4 : at + 8]
        if 16 <= length <= _LARGEST_TYPE_BOX and length % 4 == 0 and len(brand) == 4 and brand.isascii():
            return brand.decode("ascii").isprintable()
        at = data.find(b"ftyp", at + 1)
    return False
