"""Camera RAW by its directories: whose it is, the size of the sensor's picture, which JPEGs in it are previews."""

from __future__ import annotations

from collections.abc import Iterator

from mirrorfold.transforms.fingerprint import ifd
from mirrorfold.transforms.fingerprint.tiff_pages import HEIGHT, MAX_SUB_IFDS, SUB_IFDS, SUBFILE, WIDTH

DNG_VERSION, MAKE, ORIENTATION, PHOTOMETRIC, CROP_SIZE = 50706, 271, 274, 262, 50720
WHITE_LEVEL, LEAST_WHITE = 50717, 255
STRIPS, TILES = 273, 324
SENSOR = frozenset({32803, 34892})
"""Photometric interpretations of a colour filter array and of linear sensor data."""

_STARTS = (
    (b"FUJIFILMCCD-RAW", "image/x-fuji-raf"),
    (b"IIRO", "image/x-olympus-orf"),
    (b"IIRS", "image/x-olympus-orf"),
    (b"MMOR", "image/x-olympus-orf"),
    (b"IIU\0", "image/x-panasonic-rw2"),
    (b"FOVb", "image/x-sigma-x3f"),
)
_MAKERS = (
    ("nikon", "image/x-nikon-nef"),
    ("sony", "image/x-sony-arw"),
    ("pentax", "image/x-pentax-pef"),
    ("ricoh", "image/x-pentax-pef"),
    ("samsung", "image/x-samsung-srw"),
    ("hasselblad", "image/x-hasselblad-3fr"),
    ("phase one", "image/x-phaseone-iiq"),
    ("leaf", "image/x-phaseone-iiq"),
)
UNKNOWN = "image/x-raw"


def media_type_of(data: bytes, main: ifd.Directory | None) -> str:
    """Name a RAW's media type by its first bytes, its DNG version or its maker."""
    for start, name in _STARTS:
        if data.startswith(start):
            return name
    if data[4:12] == b"ftypcrx ":
        return "image/x-canon-cr3"
    if main is not None and DNG_VERSION in main:
        return "image/x-adobe-dng"
    if data[8:10] == b"CR":
        return "image/x-canon-cr2"
    make = ((main.text(MAKE) if main is not None else None) or "").lower()
    return next((name for maker, name in _MAKERS if make.startswith(maker)), UNKNOWN)


def sensor_directories(data: bytes, layout: ifd.Layout) -> list[ifd.Directory]:
    """List the directories that hold the sensor's data: those that say so."""
    return [one for one in _all_directories(data, layout) if one.number(PHOTOMETRIC) in SENSOR]


def sensor_size(directories: list[ifd.Directory], orientation: int) -> tuple[int, int] | None:
    """Give the size of the sensor's picture, upright and cut as it is meant; None where no directory states one."""
    sizes = []
    for one in directories:
        if not one.number(SUBFILE) & 1:  # reduced in size
            crop = [int(side) for side in one.numbers(CROP_SIZE)[:2]]
            width, height = crop if len(crop) == 2 and min(crop) > 0 else (one.number(WIDTH), one.number(HEIGHT))
            if min(width, height) > 0 and max(width, height) < 1 << 20:
                sizes.append((width, height))
    if not sizes:
        return None
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return (height, width) if orientation >= 5 else (width, height)


def used_bits(directories: list[ifd.Directory], declared: int) -> int | None:
    """Give the bits that the sensor's numbers use by the white level that a DNG states; None where none does."""
    levels = [int(level) for one in directories for level in one.numbers(WHITE_LEVEL)]
    white = max(levels, default=0)  # of floating samples it is 1
    return min(declared, white.bit_length()) if white >= LEAST_WHITE and declared > 0 else None


def sensor_offsets(directories: list[ifd.Directory]) -> frozenset[int]:
    """Name where the sensor's strips and tiles begin: in a lossy DNG they are JPEGs, and no previews."""
    return frozenset(int(at) for one in directories for tag in (STRIPS, TILES) for at in one.numbers(tag))


def _all_directories(data: bytes, layout: ifd.Layout) -> Iterator[ifd.Directory]:
    for count, one in enumerate(ifd.directories(data, layout)):
        if count >= MAX_SUB_IFDS:
            return
        yield one
        for offset in one.numbers(SUB_IFDS)[:MAX_SUB_IFDS]:
            below = ifd.read_directory(data, layout, int(offset))
            if below is not None:
                yield below
