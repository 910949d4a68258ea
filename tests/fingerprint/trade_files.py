"""One photograph, small, in formats that neither Pillow nor OpenImageIO writes: made after their descriptions."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image, ImageChops

from tests.fingerprint.worlds import encode, photo

PHOTO = photo(size=(96, 72))
GREY = PHOTO.convert("L")
BILEVEL = GREY.convert("1")


def sun(image: Image.Image = PHOTO) -> bytes:
    """Sun raster, 24 bits, blue first, of an even width: lines are padded to 16 bits."""
    rows = np.asarray(image)[:, :, ::-1].tobytes()
    return struct.pack(">8I", 0x59A66A95, *image.size, 24, len(rows), 1, 0, 0) + rows


def xpm(image: Image.Image = PHOTO) -> bytes:
    """XPM of two characters a pixel."""
    small = image.quantize(64)
    palette, pixels = small.getpalette() or [], np.asarray(small)
    names = [f"{chr(65 + n // 16)}{chr(97 + n % 16)}" for n in range(64)]
    colours = [f'"{name} c #{bytes(palette[3 * n : 3 * n + 3]).hex():0<6}",' for n, name in enumerate(names)]
    rows = ['"' + "".join(names[value] for value in row) + '",' for row in pixels]
    return "\n".join(
        ["/* XPM */", "static char *x[] = {", f'"{image.width} {image.height} 64 2",', *colours, *rows, "};", ""]
    ).encode()


def xv_thumbnail(image: Image.Image = PHOTO) -> bytes:
    """XV's thumbnail: 3 bits of red and green, 2 of blue."""
    pixels = np.asarray(image).astype(int)
    packed = (pixels[:, :, 0] >> 5 << 5 | pixels[:, :, 1] >> 5 << 2 | pixels[:, :, 2] >> 6).astype(np.uint8)
    sides = f"{image.width} {image.height} 255\n".encode()
    return b"P7 332\n#XVVERSION:3\n#END_OF_COMMENTS\n" + sides + packed.tobytes()


def pixar(image: Image.Image = PHOTO) -> bytes:
    """Pixar's raster: a header of 1024 bytes, then RGB."""
    head = bytearray(1024)
    head[:4] = b"\x80\xe8\0\0"
    struct.pack_into("<HH", head, 416, image.height, image.width)
    struct.pack_into("<HH", head, 424, 14, 2)
    return bytes(head) + image.tobytes()


def fli(image: Image.Image = PHOTO) -> bytes:
    """Autodesk's animation of one frame, copied whole."""
    small = image.quantize(200)
    colours = bytes(value >> 2 for value in (small.getpalette() or [])[:768]).ljust(768, b"\0")
    palette = struct.pack("<IHHBB", 10 + 768, 11, 1, 0, 0) + colours
    copied = struct.pack("<IH", 6 + image.width * image.height, 16) + small.tobytes()
    frame = struct.pack("<IHH8x", 16 + len(palette) + len(copied), 0xF1FA, 2) + palette + copied
    size = 128 + len(frame)
    return struct.pack("<IHHHHHHI", size, 0xAF11, 1, *image.size, 8, 0, 5).ljust(128, b"\0") + frame


def brush(image: Image.Image = GREY) -> bytes:
    """GIMP's brush: grey, where 255 is black."""
    return struct.pack(">5I4sI", 28 + 6, 2, *image.size, 1, b"GIMP", 10) + b"brush\0" + image.tobytes()


def cals(turn: str = "000,270", image: Image.Image = BILEVEL) -> bytes:
    """CALS raster of type 1: CCITT group 4 behind 2048 bytes of records."""
    records = {"srcdocid": "NONE", "dstdocid": "NONE", "rtype": "1", "rorient": turn}
    records["rpelcnt"] = f"{image.width:06d},{image.height:06d}"
    head = b"".join(f"{name}: {value}".encode().ljust(128) for name, value in records.items()).ljust(2048)
    inked = ImageChops.invert(image)  # Pillow's TIFF counts white as 1, a facsimile black
    coded = encode(inked, "TIFF", compression="group4", strip_size=1 << 30)
    tags = Image.open(io.BytesIO(coded)).tag_v2  # type: ignore[attr-defined]  # a TIFF's
    assert len(tags[273]) == 1
    return head + coded[tags[273][0] : tags[273][0] + tags[279][0]]


def dcx(image: Image.Image = PHOTO) -> bytes:
    """A list of one PCX."""
    return struct.pack("<III", 0x3ADE68B1, 12, 0) + encode(image, "PCX")


def cursor(image: Image.Image = PHOTO) -> bytes:
    """An icon of 32 bits, with a hot spot."""
    data = bytearray(encode(image.resize((128, 128)), "ICO", sizes=[(128, 128)], bitmap_format="bmp"))
    data[2:4] = b"\2\0"
    data[10:14] = bytes(4)
    return bytes(data)


def pam(image: Image.Image = PHOTO) -> bytes:
    """PAM of three samples."""
    head = f"P7\nWIDTH {image.width}\nHEIGHT {image.height}\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n"
    return head.encode() + image.tobytes()


def packed_tga() -> bytes:
    """A run-length coded TGA of version 1, without a footer."""
    data = encode(PHOTO.quantize(8).convert("RGB"), "TGA", compression="tga_rle")
    return data[:-26] if data.endswith(b"TRUEVISION-XFILE.\0") else data


def mono_tga() -> bytes:
    """TGA of one bit a pixel, as ImageMagick writes it."""
    return struct.pack("<BBBHHBHHHHBB", 0, 0, 3, 0, 0, 0, 0, 0, 96, 72, 1, 0x20) + BILEVEL.tobytes()


READ = {
    "sun": (sun, "image/x-sun-raster"),
    "xpm": (xpm, "image/x-xpixmap"),
    "xvthumb": (xv_thumbnail, "image/x-xv-thumbnail"),
    "pixar": (pixar, "image/x-pixar"),
    "fli": (fli, "image/x-fli"),
    "fli, with its maker's fields": (lambda: fli()[:22] + b"\3" * 20 + fli()[42:], "image/x-fli"),
    "gbr": (brush, "image/x-gimp-gbr"),
    "cals": (cals, "image/x-cals"),
    "xbm": (lambda: encode(BILEVEL, "XBM"), "image/x-xbitmap"),
    "msp": (lambda: encode(BILEVEL, "MSP"), "image/x-ms-paint"),
    "im": (lambda: encode(PHOTO, "IM"), "image/x-ifunc-im"),
    "blp": (lambda: encode(PHOTO.quantize(128), "BLP"), "image/x-blp"),
    "tga, packed": (packed_tga, "image/x-tga"),
    "tga, bilevel": (mono_tga, "image/x-tga"),
}
"""What is read: (bytes, media type)."""

NAMED = {
    "MIFF, ImageMagick's own": b"id=ImageMagick  version=1.0\nclass=DirectClass",
    "JBIG": struct.pack(">BBBBIIIBBBB", 0, 0, 1, 0, 70, 46, 2, 8, 0, 3, 28) + b"\xcc\x87" * 20,
    "AVS": struct.pack(">II", 12, 9) + bytes(4 * 12 * 9),
    "MTV, of a ray tracer": b"12 9\n" + bytes(3 * 12 * 9),
    "PICT, of the Macintosh": bytes(512) + b"\x18\x78\0\0\0\0\0\x2e\0\x46\0\x11\2\xff\x0c\0",
    "Scitex CT": b"picture.sct".ljust(80) + b"CT" + bytes(2000),
    "TIM, a texture": b"\x10\0\0\0\x08\0\0\0\x2c\0\0\0",
    "XWD, a window": struct.pack(">6I", 110, 7, 2, 24, 70, 46) + bytes(200),
    "Utah RLE": b"\x52\xcc\0\0\0\0F\0.\0\x09\3\x08",
    "VIFF, of Khoros": b"\xab\1\1\3\2" + bytes(1019),
    "WPG, WordPerfect's graphics": b"\xffWPC\x10\0\0\0\1\x16\1\0",
    "SFW, of Seattle FilmWorks": b"SFW94A\4\0\x10",
    "HDF, scientific data": b"\x0e\3\x13\1" + bytes(60),
    "MATLAB's data": b"MATLAB 5.0 MAT-file, Platform: GLNXA64",
    "GRIB, weather data": b"GRIB" + bytes(30),
    "WMF, a drawing": b"\1\0\x09\0\0\3" + bytes(30),
    "CALS of another type": b"srcdocid: NONE".ljust(128) + b"rtype: 2".ljust(128) + bytes(2000),
    "FlashPix": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(30, b"\0") + b"\x09\0" + bytes(16) + b"\1\0\0\0"
    + bytes(1024 - 52 + 80) + bytes.fromhex("0067615654c1ce11855300aa00a1f95b") + bytes(500),
    "EPS with a preview": b"\xc5\xd0\xd3\xc6" + bytes(30),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "PDF, whose pages may be pictures": b"%PDF-1.7\n",
    "SVG, a drawing program": b"<?xml version='1.0'?>\n<!-- made by hand -->\n<svg xmlns='http://www.w3.org/2000/svg'/>",
    "DICOM, a medical picture": bytes(128) + b"DICM",
}  # fmt: skip
"""What is named and not read: the first bytes."""
