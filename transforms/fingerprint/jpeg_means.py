"""Decode a JPEG to 1/8 from its blocks' means alone: libjpeg's own pixels, without decoding what they don't need."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from mirrorfold.transforms.fingerprint import entropy, scans
from mirrorfold.transforms.fingerprint.canonical import SIDE
from mirrorfold.transforms.fingerprint.huffman import Tables, make_tables
from mirrorfold.transforms.fingerprint.jpeg import JpegHeader, Scan, read_scan

SEQUENTIAL, PROGRESSIVE = (0xC0, 0xC1), 0xC2
SMALLEST_SIDE, LARGEST_SIDE = 64, 65_500
"""Pixels: libjpeg refuses larger ones; smaller ones are cheap any way."""

_SAMPLINGS = ((1, 1), (2, 1), (1, 2), (2, 2))
MAX_SEGMENTS = 32
"""Segments of the file between scans of a progressive picture that are looked through for means."""


class Means(NamedTuple):
    """A picture at 1/8.

    Attributes:
      luma: grey image, a pixel per 8x8 block.
      colours: 64x64 samples of its pixels, YCbCr; None for a grey picture.
      end: where a sequential file's picture ends, behind its end marker; 0 of a progressive one, which is read in part.
    """

    luma: Image.Image
    colours: Image.Image | None
    end: int = 0


def read_means(data: bytes, header: JpegHeader) -> Means | None:
    """Read the means; None for whatever isn't plainly well-formed, which is libjpeg's to judge."""
    if not _is_plain(header):
        return None
    read = _read_sequential if header.frame in SEQUENTIAL else _read_progressive
    return read(data, header)


def _is_plain(header: JpegHeader) -> bool:
    samplings = list(header.sampling.values())
    return (
        header.plain
        and header.frame in (*SEQUENTIAL, PROGRESSIVE)
        and header.precision == 8
        and len(samplings) == header.components == len(header.table_numbers)
        and all(number in header.tables for number in header.table_numbers)
        and min(header.width, header.height) >= SMALLEST_SIDE
        and max(header.width, header.height) <= LARGEST_SIDE
        and (
            (header.components == 1 and samplings[0] in _SAMPLINGS)
            or (header.luma_and_chroma and samplings[0] in _SAMPLINGS and samplings[1:] == [(1, 1), (1, 1)])
        )
    )


def _read_sequential(data: bytes, header: JpegHeader) -> Means | None:
    scan = read_scan(data, header.scan_marker)
    names = tuple(header.sampling)
    if scan is None or scan.components != names or scan.band != (0, 63, 0, 0) or scan.codes[1:2] != scan.codes[2:3]:
        return None
    tables = make_tables(header.codes, (scan.codes[0], scan.codes[-1]))
    colour = header.components == 3
    across, down = header.sampling[names[0]] if colour else (1, 1)
    shape = (-(-header.height // (8 * down)), -(-header.width // (8 * across)))
    coded = _unstuff(data, scan.coded, shape, header.restart)
    if tables is None or coded is None or data[coded.end : coded.end + 2] != b"\xff\xd9":
        return None
    size = (-(-header.width // 8), -(-header.height // 8))
    luma = np.empty((shape[0] * down, shape[1] * across), np.uint8)
    fine = (across, down) == (2, 2)  # libjpeg scales such chrominance by 2/8, so that it needs no enlarging
    chroma = np.empty((2 if colour else 0, shape[0] * (1 + fine), shape[1] * (1 + fine)), np.uint8)
    columns, rows = _places(header.width, size[0]), _places(header.height, size[1])
    if not scans.read_means(
        coded.data,
        coded.starts,
        header.restart,
        shape,
        (down, across),
        _steps(header),
        *tables,
        luma,
        chroma,
        fine,
        _marked(columns // across, shape[1]),
        _marked(rows // down, shape[0]),
    ):
        return None
    shrink = (1, 1) if fine else (across, down)
    return Means(*_images(luma, chroma, size, columns, rows, shrink), coded.end + 2)


def _read_progressive(data: bytes, header: JpegHeader) -> Means | None:
    """Read the first scans of means: all components in one, or one each."""
    names = list(header.sampling)
    widest = max(across for across, _ in header.sampling.values())
    tallest = max(down for _, down in header.sampling.values())
    blocks = {n: (header.sampling[n][1], header.sampling[n][0]) for n in names}
    units = (-(-header.height // (8 * tallest)), -(-header.width // (8 * widest)))
    planes = np.empty((len(names), units[0] * tallest, units[1] * widest), np.uint8)
    steps = np.array([header.tables[number][0] for number in header.table_numbers], np.int64)
    missing, codes, restart, at = set(names), header.codes, header.restart, header.scan_marker
    for _ in range(MAX_SEGMENTS):
        kind, length = data[at : at + 2], int.from_bytes(data[at + 2 : at + 4], "big")
        if kind == b"\xff\xc4":
            codes += data[at + 4 : at + 2 + length]
            at += 2 + length
            continue
        scan = read_scan(data, at) if kind == b"\xff\xda" else None
        if scan is None or scan.band[:3] != (0, 0, 0) or scan.band[3] > 13 or not set(scan.components) <= missing:
            return None
        single = len(scan.components) == 1
        shape = _single_shape(header, scan.components[0], widest, tallest) if single else units
        coded = _unstuff(data, scan.coded, shape, restart)
        tables = _mean_tables(codes, scan)
        if coded is None or tables is None:
            return None
        layout = [
            (names.index(name), row, column, *((1, 1) if single else blocks[name]), min(index, 1))
            for index, name in enumerate(scan.components)
            for row in range(1 if single else blocks[name][0])
            for column in range(1 if single else blocks[name][1])
        ]
        if not scans.read_first_means(
            coded.data,
            coded.starts,
            restart,
            shape,
            np.array(layout, np.int64),
            steps,
            scan.band[3],
            *tables,
            planes,
        ):
            return None
        missing -= set(scan.components)
        at = coded.end
        if not missing:
            size = (-(-header.width // 8), -(-header.height // 8))
            columns, rows = _places(header.width, size[0]), _places(header.height, size[1])
            return Means(*_images(planes[0], planes[1:], size, columns, rows, (widest, tallest)))
    return None


def _mean_tables(codes: bytes, scan: Scan) -> Tables | None:
    """Make the tables of a scan of means: its first component's, and one that the others share."""
    numbers = [dc for dc, _ in scan.codes]
    if len(set(numbers[1:])) > 1:
        return None
    return make_tables(codes, ((numbers[0], -1), (numbers[-1], -1)))


def _single_shape(header: JpegHeader, name: int, widest: int, tallest: int) -> tuple[int, int]:
    """Give the blocks down and across of a scan of one component alone, which isn't padded to whole units."""
    across, down = header.sampling[name]
    width, height = -(-header.width * across // widest), -(-header.height * down // tallest)
    return -(-height // 8), -(-width // 8)


class _Coded(NamedTuple):
    data: np.ndarray
    starts: np.ndarray
    end: int


def _unstuff(data: bytes, start: int, shape: tuple[int, int], restart: int) -> _Coded | None:
    restarts = (shape[0] * shape[1] - 1) // restart if restart else 0
    if restarts * entropy.PADDING > len(data):
        return None  # memory in proportion to the file
    room = len(data) - start + (restarts + 1) * entropy.PADDING + entropy.TAIL
    out, starts = np.empty(room, np.uint8), np.empty(restarts + 2, np.int64)
    end = int(entropy.unstuff(np.frombuffer(data, np.uint8), start, restarts, out, starts))
    return _Coded(out, starts, end) if end >= 0 else None


def _steps(header: JpegHeader) -> np.ndarray:
    return np.array([header.tables[number] for number in header.table_numbers], np.int64)


@lru_cache(maxsize=256)
def _places(side: int, pixels: int) -> np.ndarray:
    """Give which of a line's pixels are sampled, as Pillow's nearest neighbour chooses them."""
    line = Image.fromarray(np.arange(pixels, dtype=np.int32)[None, :])
    return np.asarray(line.resize((SIDE, 1), Image.Resampling.NEAREST, (0, 0, side / 8, 1)))[0].astype(np.int64)


def _marked(places: np.ndarray, count: int) -> np.ndarray:
    marked = np.zeros(count, np.bool_)
    marked[places] = True
    return marked


def _images(
    luma: np.ndarray, chroma: np.ndarray, size: tuple[int, int], columns: np.ndarray, rows: np.ndarray, shrink
) -> tuple[Image.Image, Image.Image | None]:
    grey = Image.fromarray(np.ascontiguousarray(luma[: size[1], : size[0]]))
    if not len(chroma):
        return grey, None
    brightness = luma[rows[:, None], columns]
    colours = chroma[:, (rows // shrink[1])[:, None], columns // shrink[0]]
    return grey, Image.fromarray(np.dstack([brightness, *colours]), "YCbCr")
