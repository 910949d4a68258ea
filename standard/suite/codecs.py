"""Write files whose bytes hang on no encoder's version: PNG, TIFF, BMP by ourselves; JPEG as libjpeg-turbo does."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image


def jpeg(picture: np.ndarray, quality: int = 92, subsampling: int = 0) -> bytes:
    """Write a baseline JPEG with the standard's own Huffman tables: the one coding that we don't write ourselves."""
    sink = io.BytesIO()
    Image.fromarray(picture).save(sink, "JPEG", quality=quality, subsampling=subsampling, optimize=False)
    return sink.getvalue()


def pixels(data: bytes) -> np.ndarray:
    """Decode a file made here."""
    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(opened).copy()


def _deflated(data: bytes) -> bytes:
    """Wrap bytes as zlib does without compressing (RFC 1950, 1951): no two zlibs compress alike."""
    blocks = [data[at : at + 65535] for at in range(0, len(data), 65535)] or [b""]
    stored = b"".join(
        struct.pack("<BHH", number == len(blocks) - 1, len(block), 65535 - len(block)) + block
        for number, block in enumerate(blocks)
    )
    return b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(data))


def chunk(kind: bytes, data: bytes) -> bytes:
    """Write a PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(picture: np.ndarray, text: str = "") -> bytes:
    """Write a PNG of grey, RGB or RGBA samples."""
    height, width = picture.shape[:2]
    colour = {1: 0, 3: 2, 4: 6}[1 if picture.ndim == 2 else picture.shape[2]]
    rows = np.ascontiguousarray(picture.reshape(height, -1))
    raw = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    said = chunk(b"tEXt", b"Description\0" + text.encode("latin-1")) if text else b""
    data = chunk(b"IDAT", _deflated(raw))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + said + data + chunk(b"IEND", b"")


def tiff(picture: np.ndarray, description: str = "") -> bytes:
    """Write an uncompressed baseline TIFF in one strip."""
    height, width = picture.shape[:2]
    samples = 1 if picture.ndim == 2 else picture.shape[2]
    words = description.encode("ascii") + b"\0"
    words += b"\0" * (len(words) % 2)
    at_words, at_bits = 8, 8 + len(words)
    at_data = at_bits + 6
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, samples, at_bits if samples > 2 else 8), (259, 3, 1, 1),
        (262, 3, 1, 2 if samples == 3 else 1), (270, 2, len(words), at_words), (273, 4, 1, at_data),
        (277, 3, 1, samples), (278, 4, 1, height), (279, 4, 1, picture.size),
    ]  # fmt: skip
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + b"\0\0\0\0"
    data = picture.tobytes() + b"\0" * (picture.size % 2)
    return b"II*\0" + struct.pack("<I", at_data + len(data)) + words + struct.pack("<HHH", 8, 8, 8) + data + table


def bmp(picture: np.ndarray) -> bytes:
    """Write a 24-bit BMP."""
    height, width = picture.shape[:2]
    rows = picture[::-1, :, ::-1].reshape(height, -1)
    pad = -rows.shape[1] % 4
    data = np.concatenate([rows, np.zeros((height, pad), np.uint8)], axis=1).tobytes()
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(data), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + info + data


def segment(marker: int, data: bytes) -> bytes:
    """Write a JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def stating(data: bytes, *segments: bytes) -> bytes:
    """Put segments into a JPEG behind its JFIF header: the coded picture stays as it is."""
    after = 4 + struct.unpack(">H", data[4:6])[0]
    return data[:after] + b"".join(segments) + data[after:]


def exif(creator: str = "", rights: str = "", taken: str = "", camera: str = "") -> bytes:
    """Write an EXIF segment: camera, creator, rights, and when it was taken (YYYY:MM:DD HH:MM:SS)."""
    texts = [(272, camera), (306, taken), (315, creator), (33432, rights)]
    given = [(tag, said.encode("ascii") + b"\0") for tag, said in texts if said]
    at = 8 + 2 + 12 * (len(given) + bool(taken)) + 4
    rows, heap = [], b""
    for tag, said in given:
        place = at + len(heap)
        rows.append(
            struct.pack("<HHI", tag, 2, len(said))
            + (said.ljust(4, b"\0") if len(said) < 5 else struct.pack("<I", place))
        )
        heap += said if len(said) > 4 else b""
    if taken:
        inner = at + len(heap)
        said = taken.encode("ascii") + b"\0"
        heap += struct.pack("<H", 1) + struct.pack("<HHII", 36867, 2, len(said), inner + 18) + b"\0\0\0\0" + said
        rows.append(struct.pack("<HHII", 0x8769, 4, 1, inner))
    table = struct.pack("<H", len(rows)) + b"".join(rows) + b"\0\0\0\0"
    return segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + table + heap)


def xmp(attributes: str, inner: str = "") -> bytes:
    """Write an XMP segment: attributes with their namespaces, and elements within the description."""
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet.encode())


def icc(gamma: int) -> bytes:
    """Write a colour profile (ICC.1:2001-04) with sRGB's primaries and a gamma of 256ths, as a JPEG segment."""

    def fixed(*values: int) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", value) for value in values)

    name = b"Made for the suite\0"
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, gamma) + b"\0\0"
    parts = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + b"\0" * 78),
        (b"cprt", b"text\0\0\0\0CC0\0"), (b"wtpt", fixed(63190, 65536, 54061)),
        (b"rXYZ", fixed(28578, 14581, 912)), (b"gXYZ", fixed(25241, 46981, 6362)), (b"bXYZ", fixed(9372, 3974, 46799)),
        (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve),
    ]  # fmt: skip
    table, heap, at = struct.pack(">I", len(parts)), b"", 128 + 4 + 12 * len(parts)
    for tag, body in parts:
        body += b"\0" * (-len(body) % 4)
        table += tag + struct.pack(">II", at + len(heap), len(body))
        heap += body
    head = struct.pack(">I4xI4s4s4s", at + len(heap), 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">HHHHHH4s", 2001, 4, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    head += struct.pack(">iii", 63190, 65536, 54061)
    return segment(0xE2, b"ICC_PROFILE\0\x01\x01" + head.ljust(128, b"\0") + table + heap)


def bomb(side: int) -> bytes:
    """Write a valid PNG of side x side one-bit pixels in a hundredth of its size: a literal zero, then copies of it."""
    total = side * ((side + 7) // 8 + 1)
    copies, rest = divmod(total - 1, 258)
    # Fixed Huffman codes (RFC 1951, 3.2.6): 0 is 00110000, a copy of 258 at distance 1 11000101 00000, the end 0000000.
    bits = "110" + "00110000" * (1 + rest) + "1100010100000" * copies + "0000000"
    body = int(bits[::-1], 2).to_bytes((len(bits) + 7) // 8, "little")
    check = struct.pack(">HH", total % 65521, 1)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"\x78\x01" + body + check) + chunk(b"IEND", b"")
    )
