"""Files that are cut, spoilt in one place, or written oddly: what real archives hold beside sound and broken ones."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
import tifffile

from tests.fingerprint.worlds import encode, photo

PHOTO = photo(size=(420, 300))
PIXELS = np.asarray(PHOTO)
GREY = PHOTO.convert("L")

JPEG = encode(PHOTO, "JPEG", quality=90)
PROGRESSIVE = encode(PHOTO, "JPEG", quality=90, progressive=True)
RESTARTED = encode(PHOTO, "JPEG", quality=90, restart_marker_rows=1)
PNG = encode(PHOTO, "PNG")
GIF = encode(PHOTO, "GIF")
BMP = encode(PHOTO, "BMP")
WEBP = encode(PHOTO, "WEBP", quality=85)
LOSSLESS_WEBP = encode(PHOTO, "WEBP", lossless=True)
TGA = encode(PHOTO, "TGA")
JP2 = encode(PHOTO, "JPEG2000", irreversible=True, quality_layers=[10])
J2K = encode(PHOTO, "JPEG2000", no_jp2=True)
AVIF = encode(PHOTO, "AVIF", quality=80, speed=9)
JXL = imagecodecs.jpegxl_encode(PIXELS, level=90, effort=3)


def tiff(**options) -> bytes:
    sink = io.BytesIO()
    tifffile.imwrite(sink, PIXELS, **({"photometric": "rgb", "metadata": None} | options))
    return sink.getvalue()


STRIPS = tiff(rowsperstrip=50)
LZW = tiff(rowsperstrip=50, compression="lzw")
DEFLATE = tiff(rowsperstrip=50, compression="deflate")
TILED = tiff(tile=(128, 128), compression="deflate")


def cut(data: bytes, share: float) -> bytes:
    return data[: round(len(data) * share)]


def replaced(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def entry_of(data: bytes, tag: int) -> int:
    """Find a little-endian TIFF's entry of a tag: where its count lies."""
    directory = struct.unpack_from("<I", data, 4)[0]
    for number in range(struct.unpack_from("<H", data, directory)[0]):
        at = directory + 2 + 12 * number
        if struct.unpack_from("<H", data, at)[0] == tag:
            return at + 4
    raise AssertionError(f"no tag {tag}")


def with_count(data: bytes, tag: int, count: int) -> bytes:
    return replaced(data, entry_of(data, tag), struct.pack("<I", count))


def with_value(data: bytes, tag: int, value: int) -> bytes:
    return replaced(data, entry_of(data, tag) + 4, struct.pack("<I", value))


def with_strip(data: bytes, tag: int, strip: int, value: int) -> bytes:
    """Set one strip's offset (273) or byte count (279), both stored elsewhere."""
    entry = entry_of(data, tag)
    kind, at = struct.unpack_from("<H", data, entry - 2)[0], struct.unpack_from("<I", data, entry + 4)[0]
    return replaced(data, at + strip * (2 if kind == 3 else 4), struct.pack("<H" if kind == 3 else "<I", value))


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def png(parts: list[tuple[bytes, bytes]], wrong: bytes = b"") -> bytes:
    """Write a PNG of chunks; the sums of those named `wrong` are so."""
    sums = [zlib.crc32(kind + body) ^ (kind == wrong) for kind, body in parts]
    body = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)
        for (kind, body), crc in zip(parts, sums, strict=True)
    )
    return b"\x89PNG\r\n\x1a\n" + body


def split_png(size: int) -> bytes:
    """A PNG whose data lie in many small chunks."""
    parts = chunks(PNG)
    body = b"".join(body for kind, body in parts if kind == b"IDAT")
    pieces = [(b"IDAT", body[at : at + size]) for at in range(0, len(body), size)]
    return png([parts[0], *pieces, (b"IEND", b"")])


def bad_sum_of_zlib() -> bytes:
    parts = chunks(PNG)
    body = b"".join(body for kind, body in parts if kind == b"IDAT")
    return png([parts[0], (b"IDAT", body[:-4] + b"\0\1\2\3"), (b"IEND", b"")])


def height_behind() -> bytes:
    frame = JPEG.index(b"\xff\xc0")
    height = JPEG[frame + 5 : frame + 7]
    return replaced(JPEG, frame + 5, b"\0\0")[:-2] + b"\xff\xdc\0\4" + height + JPEG[-2:]


def jpeg_of(height: int) -> bytes:
    """A JPEG that states more rows, or fewer, than it has."""
    return replaced(JPEG, JPEG.index(b"\xff\xc0") + 5, struct.pack(">H", height))


def spoilt(data: bytes, share: float, count: int = 64) -> bytes:
    """Zeros where the data lay: a disk's lost sector."""
    at = round(len(data) * share)
    return replaced(data, at, bytes(count))


def jp2_at(offset: tuple[int, int], size: tuple[int, int] = (301, 217)) -> bytes:
    """A codestream whose picture starts away from its grid's origin."""
    return encode(PHOTO.resize(size), "JPEG2000", no_jp2=True, offset=offset, tile_size=(512, 512))


def jp2_tiles(size: tuple[int, int], tile: int) -> bytes:
    return encode(PHOTO.resize(size), "JPEG2000", no_jp2=True, tile_size=(tile, tile))


MADE: dict[str, Callable[[], bytes]] = {
    # JPEG
    **{f"JPEG cut at {share:.0%}": lambda share=share: cut(JPEG, share) for share in (0.02, 0.1, 0.5, 0.9)},
    **{
        f"progressive JPEG cut at {share:.0%}": lambda share=share: cut(PROGRESSIVE, share) for share in (0.1, 0.5, 0.9)
    },
    "JPEG without its end": lambda: JPEG[:-2],
    "JPEG with 5 KB behind it": lambda: JPEG + bytes(range(250)) * 20,
    "JPEG with zeros behind it": lambda: JPEG + bytes(4096),
    "JPEG with two starts": lambda: b"\xff\xd8" + JPEG,
    "JPEG with three starts": lambda: b"\xff\xd8\xff\xd8" + JPEG,
    "JPEG behind a byte order mark": lambda: b"\xef\xbb\xbf" + JPEG,
    "JPEG behind an empty line": lambda: b"\r\n\r\n" + JPEG,
    "JPEG behind 600 bytes of HTTP": lambda: b"HTTP/1.1 200 OK\r\nX: " + b"y" * 570 + b"\r\n\r\n" + JPEG,
    "JPEG whose height follows": height_behind,
    "JPEG that states twice its rows": lambda: jpeg_of(600),
    "JPEG that states half its rows": lambda: jpeg_of(150),
    "JPEG with fill bytes": lambda: JPEG[:2] + b"\xff" * 8 + JPEG[2:],
    "JPEG with bytes between markers": lambda: JPEG[:20] + b"\0\0\0" + JPEG[20:],
    "JPEG without a JFIF header": lambda: JPEG[:2] + JPEG[20:],
    "JPEG with a lost sector": lambda: spoilt(JPEG, 0.5, 512),
    "JPEG with restarts, one lost": lambda: spoilt(RESTARTED, 0.5, 256),
    "two JPEGs in one": lambda: JPEG + JPEG,
    # PNG
    **{f"PNG cut at {share:.0%}": lambda share=share: cut(PNG, share) for share in (0.01, 0.1, 0.5, 0.9)},
    "PNG without IEND": lambda: PNG[:-12],
    "PNG with half an IEND": lambda: PNG[:-6],
    "PNG with bytes behind it": lambda: PNG + b"trailing" * 500,
    "PNG with a wrong sum in a text": lambda: png(
        [*chunks(PNG)[:1], (b"tEXt", b"Comment\0x"), *chunks(PNG)[1:]], b"tEXt"
    ),
    "PNG with a wrong sum in its data": lambda: png(chunks(PNG), b"IDAT"),
    "PNG with a wrong sum in its header": lambda: png(chunks(PNG), b"IHDR"),
    "PNG with a wrong sum of zlib's": bad_sum_of_zlib,
    "PNG in chunks of 100 bytes": lambda: split_png(100),
    "PNG with a lost sector": lambda: spoilt(PNG, 0.5, 512),
    "PNG with an unknown critical chunk": lambda: png([*chunks(PNG)[:1], (b"ABCD", b"what"), *chunks(PNG)[1:]]),
    "PNG with line ends turned": lambda: PNG.replace(b"\r\n", b"\n"),
    # GIF
    **{f"GIF cut at {share:.0%}": lambda share=share: cut(GIF, share) for share in (0.01, 0.1, 0.5, 0.9)},
    "GIF without its trailer": lambda: GIF[:-1],
    "GIF with bytes behind it": lambda: GIF + bytes(999),
    "GIF of another version": lambda: b"GIF88a" + GIF[6:],
    # BMP
    **{f"BMP cut at {share:.0%}": lambda share=share: cut(BMP, share) for share in (0.0001, 0.1, 0.5, 0.99)},
    "BMP that states a wrong size": lambda: replaced(BMP, 2, struct.pack("<I", 99)),
    "BMP that states no size of its picture": lambda: replaced(BMP, 34, struct.pack("<I", 0)),
    "BMP whose picture starts nowhere": lambda: replaced(BMP, 10, struct.pack("<I", len(BMP) + 5)),
    "BMP with bytes behind it": lambda: BMP + bytes(777),
    "BMP upside down": lambda: replaced(BMP, 22, struct.pack("<i", -300)),
    # WebP
    **{f"WebP cut at {share:.0%}": lambda share=share: cut(WEBP, share) for share in (0.01, 0.1, 0.5, 0.9)},
    "lossless WebP cut at 50%": lambda: cut(LOSSLESS_WEBP, 0.5),
    "WebP with bytes behind it": lambda: WEBP + b"behind" * 300,
    "WebP that states a wrong size": lambda: replaced(WEBP, 4, struct.pack("<I", 10)),
    "WebP that states a larger size": lambda: replaced(WEBP, 4, struct.pack("<I", len(WEBP) + 1000)),
    # TIFF
    **{f"TIFF cut at {share:.0%}": lambda share=share: cut(STRIPS, share) for share in (0.0001, 0.1, 0.5, 0.9)},
    **{f"TIFF LZW cut at {share:.0%}": lambda share=share: cut(LZW, share) for share in (0.5, 0.9)},
    "TIFF tiles cut at 90%": lambda: cut(TILED, 0.9),
    "TIFF with fewer strips than rows": lambda: with_count(with_count(STRIPS, 273, 4), 279, 4),
    "TIFF with fewer byte counts than strips": lambda: with_count(STRIPS, 279, 3),
    "TIFF with more strips than rows": lambda: with_value(STRIPS, 257, 200),
    "TIFF whose byte counts are zero": lambda: replaced(
        STRIPS, struct.unpack_from("<I", STRIPS, entry_of(STRIPS, 279) + 4)[0], bytes(4 * 6)
    ),
    "TIFF LZW whose byte counts are zero": lambda: replaced(
        LZW, struct.unpack_from("<I", LZW, entry_of(LZW, 279) + 4)[0], bytes(2 * 6)
    ),
    "TIFF with a strip beyond its end": lambda: with_strip(STRIPS, 273, 3, len(STRIPS) + 99),
    "TIFF with a lost sector": lambda: spoilt(DEFLATE, 0.5, 512),
    "TIFF whose next page lies beyond its end": lambda: next_page(STRIPS, len(STRIPS) + 1000),
    "TIFF whose next page is itself": lambda: next_page(STRIPS, struct.unpack_from("<I", STRIPS, 4)[0]),
    "TIFF of rows in one strip that says more": lambda: with_value(STRIPS, 278, 1 << 31),
    "TIFF with bytes behind it": lambda: STRIPS + bytes(5000),
    "TIFF of a compression that nobody knows": lambda: with_value(LZW, 259, 40_000),
    # JPEG 2000
    **{f"JP2 cut at {share:.0%}": lambda share=share: cut(JP2, share) for share in (0.01, 0.1, 0.5, 0.9)},
    **{f"J2K at {offset}": lambda offset=offset: jp2_at(offset) for offset in ((1, 1), (17, 5), (100, 63))},
    **{
        f"J2K of {size} in tiles of {tile}": lambda size=size, tile=tile: jp2_tiles(size, tile)
        for size, tile in (((257, 255), 64), ((1021, 517), 200), ((300, 1), 64), ((1, 300), 64), ((33, 700), 128))
    },
    "JP2 with bytes behind it": lambda: JP2 + bytes(999),
    "J2K without its end": lambda: J2K[:-2],
    # The others
    **{f"TGA cut at {share:.0%}": lambda share=share: cut(TGA, share) for share in (0.5, 0.99)},
    **{f"AVIF cut at {share:.0%}": lambda share=share: cut(AVIF, share) for share in (0.01, 0.1, 0.5, 0.9)},
    "AVIF with bytes behind it": lambda: AVIF + bytes(100),
    **{f"JPEG XL cut at {share:.0%}": lambda share=share: cut(JXL, share) for share in (0.01, 0.1, 0.5, 0.9)},
    "PPM cut at 50%": lambda: cut(encode(PHOTO, "PPM"), 0.5),
    "PPM with bytes behind it": lambda: encode(PHOTO, "PPM") + bytes(50),
    "PCX cut at 50%": lambda: cut(encode(PHOTO, "PCX"), 0.5),
    "SGI cut at 50%": lambda: cut(encode(PHOTO, "SGI"), 0.5),
    "ICO cut at 50%": lambda: cut(encode(PHOTO.resize((64, 64)), "ICO"), 0.5),
    "QOI cut at 50%": lambda: cut(imagecodecs.qoi_encode(PIXELS), 0.5),
    "DDS cut at 50%": lambda: cut(encode(PHOTO, "DDS"), 0.5),
}


def next_page(data: bytes, at: int) -> bytes:
    directory = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, directory)[0]
    return replaced(data, directory + 2 + 12 * entries, struct.pack("<I", at))


NOT_READ = {
    "PNG with a wrong sum in its header": "corrupt",
    "PNG with a wrong sum of zlib's": "corrupt",
    "PNG with a lost sector": "corrupt",
    "PNG with line ends turned": "corrupt",
    "BMP whose picture starts nowhere": "truncated",
    "WebP that states a wrong size": "corrupt",
    "WebP that states a larger size": "truncated",
    "TIFF with fewer strips than rows": "corrupt",
    "TIFF LZW whose byte counts are zero": "corrupt",
    "TIFF with a strip beyond its end": "truncated",
    "TIFF of a compression that nobody knows": "unsupported",
    # No footer and no exact length is left: then TGA has nothing to tell it by.
    "TGA cut at 50%": "not-an-image",
    "TGA cut at 99%": "not-an-image",
    "PCX cut at 50%": "unverified",  # no second decoder
}
"""How those end that aren't read; what is cut is `truncated` but for those."""
LOOKS_OTHERWISE = {
    "JPEG that states twice its rows": "grey where nothing is, and said to be damaged",
    "JPEG that states half its rows": "the upper half, as stated, and said to be damaged",
    "JPEG with a lost sector": "said to be damaged",
    "JPEG with restarts, one lost": "said to be damaged",
    "BMP upside down": "its mirror, as stated",
    "TIFF with more strips than rows": "the upper rows, as stated",
    "TIFF with a lost sector": "zlib's sum is looked at by no one: 2 levels off, a strip's end",
}
"""What is read and doesn't show the whole picture, and why."""
DAMAGED = {
    "JPEG without its end": "it lacks its end marker",
    "JPEG that states twice its rows": "premature end",
    "JPEG that states half its rows": "extraneous bytes before marker 0xd9",
    "JPEG with bytes between markers": "3 extraneous bytes",
    "JPEG with a lost sector": "extraneous bytes before marker 0xd9",
    "JPEG with restarts, one lost": "extraneous bytes before marker 0xd2",
    "PNG with a wrong sum in its data": "the checksum of IDAT",
    "GIF of another version": "its header",
}
"""What is read and said to be damaged; of all others nothing is."""
