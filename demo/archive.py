"""Build the demo's archive: two "mirror libraries" out of real photographs, with everything a clean meets.

The photographs come with scikit-image and scikit-learn (public domain or freely licensed; see their README files).
The same seed gives the same bytes.
"""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage
import sklearn
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

PHOTOGRAPHS = [
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "color.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
]
EXIF_CREATOR, EXIF_COPYRIGHT, EXIF_MODEL, EXIF_DATE, EXIF_IFD, EXIF_ORIGINAL = 315, 33432, 272, 306, 0x8769, 36867


def photographs() -> Iterator[tuple[str, Image.Image]]:
    """Give every photograph with its name, its longer side scaled to 1,400 pixels."""
    folders = {name: os.path.join(os.path.dirname(skimage.__file__), "data", name) for name in PHOTOGRAPHS} | {
        name: os.path.join(os.path.dirname(sklearn.__file__), "datasets", "images", name)
        for name in ("china.jpg", "flower.jpg")
    }
    for name, path in sorted(folders.items()):
        with Image.open(path) as image:
            picture = image.convert("RGB")
        scale = 1400 / max(picture.size)
        size = (round(picture.width * scale), round(picture.height * scale))
        yield name.split(".")[0], picture.resize(size, Image.Resampling.LANCZOS)


def exif(number: int, creator: str = "Mirror Library", rights: str = "CC BY 4.0") -> Image.Exif:
    """Make the EXIF block of a photograph: camera, capture time, creator, rights."""
    block = Image.Exif()
    taken = f"2019:{number % 12 + 1:02d}:{number % 27 + 1:02d} 10:{number % 60:02d}:00"
    block[EXIF_MODEL], block[EXIF_CREATOR], block[EXIF_COPYRIGHT] = "Demo 5D", creator, rights
    block[EXIF_DATE] = taken
    block.get_ifd(EXIF_IFD)[EXIF_ORIGINAL] = taken
    return block


def encode(picture: Image.Image, kind: str, **options) -> bytes:
    """Encode a picture."""
    sink = io.BytesIO()
    picture.save(sink, kind, **options)
    return sink.getvalue()


def receipt(number: int) -> Image.Image:
    """Draw a receipt: the same form each time, another customer and other amounts."""
    rng = np.random.default_rng(number)
    page = Image.new("L", (800, 1130), 247)
    draw = ImageDraw.Draw(page)
    big, small = ImageFont.load_default(34), ImageFont.load_default(22)
    draw.text((60, 60), "Harbour Picture Agency", font=big, fill=20)
    draw.text((60, 120), f"Receipt no. {4100 + number}     Date 2019-{number % 12 + 1:02d}-14", font=small, fill=40)
    for row in range(18):
        y = 190 + row * 44
        draw.line((60, y + 34, 740, y + 34), fill=170)
        draw.text((60, y), f"Print {rng.integers(10, 99)} x {rng.integers(10, 99)} cm", font=small, fill=30)
        draw.text((600, y), f"{rng.integers(40, 9000) / 10:>8.2f}", font=small, fill=30)
    return page


def blank_page(number: int) -> Image.Image:
    """Make a blank scan: paper with sensor noise."""
    rng = np.random.default_rng(1000 + number)
    return Image.fromarray(np.clip(rng.normal(243, 1.2, (1130, 800)), 0, 255).astype(np.uint8))


def decompression_bomb(side: int = 30_000) -> bytes:
    """Make a valid PNG of 900 megapixels in some 110 kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = b"\0" * (side // 8 + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def build() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Make the two libraries: {key: bytes} of the Hong Kong archive and of its Guangzhou mirror."""
    hk: dict[str, bytes] = {}
    gz: dict[str, bytes] = {}
    for number, (name, picture) in enumerate(photographs()):
        _photograph(hk, gz, number, name, picture)
    for number in range(12):
        library = hk if number % 2 else gz
        library[f"receipts/receipt-{4100 + number}.png"] = encode(receipt(number), "PNG")
        library[f"scans/blank-{number:03d}.png"] = encode(blank_page(number), "PNG")
    _odd_and_hostile(hk, gz)
    return hk, gz


def _photograph(hk: dict, gz: dict, number: int, name: str, picture: Image.Image) -> None:
    master = encode(picture, "TIFF", compression="tiff_lzw") if number % 4 == 0 else None
    original = encode(picture, "JPEG", quality=92, exif=exif(number))
    hk[f"photos/{name}.jpg"] = original
    gz[f"照片/{name}.jpg"] = original
    if master:
        hk[f"masters/{name}.tif"] = master
        gz[f"tif/{name}-copy.tif"] = master
    width, height = picture.size
    web = picture.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    gz[f"web/{name}-small.jpg"] = encode(web, "JPEG", quality=80)
    gz[f"web/{name}.webp"] = encode(picture, "WEBP", quality=75)
    hk[f"press/{name}-q40.jpg"] = encode(picture, "JPEG", quality=40, progressive=True)
    if number % 2:
        gz[f"grey/{name}.jpg"] = encode(picture.convert("L"), "JPEG", quality=88)
        relabelled = encode(picture, "JPEG", quality=92, exif=exif(number, "Guangzhou Desk", "All rights reserved"))
        gz[f"relabelled/{name}.jpg"] = relabelled
    if number % 3 == 0:
        edge_x, edge_y = round(width * 0.06), round(height * 0.06)
        crop = picture.crop((edge_x, edge_y, width - edge_x, height - edge_y))
        gz[f"crops/{name}-crop.jpg"] = encode(crop, "JPEG", quality=90)
        hk[f"retouched/{name}.jpg"] = encode(ImageEnhance.Color(picture).enhance(1.6), "JPEG", quality=90)
    if number % 5 == 0:
        gz[f"turned/{name}-90.jpg"] = encode(picture.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90)
        gz[f"turned/{name}-mirrored.jpg"] = encode(
            picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "JPEG", quality=90
        )
        hk[f"burst/{name}-a.jpg"] = encode(
            picture.filter(ImageFilter.GaussianBlur(1)), "JPEG", quality=90, exif=exif(number + 1)
        )


def _odd_and_hostile(hk: dict, gz: dict) -> None:
    some = hk["photos/china.jpg"]
    hk["odd keys//double slash.jpg"] = some
    hk["odd keys/a#b 'quoted' \"twice\".jpg"] = some
    hk["odd keys/<script>alert(1)</script>.jpg"] = some
    gz["odd keys/line\nbreak.jpg"] = some
    gz["odd keys/=cmd|'calc'.jpg"] = some
    hk["broken/truncated.jpg"] = hk["photos/rocket.jpg"][:4_000]
    hk["broken/bomb.png"] = decompression_bomb()
    gz["broken/not-a-picture.jpg"] = b"This was a picture once.\n" * 40
    gz["broken/empty.jpg"] = b""
    gz["notes/readme.txt"] = b"Not an image, listed all the same.\n"


def write_folder(files: dict[str, bytes], folder: Path) -> None:
    """Write a library as a folder."""
    for key, data in files.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    for library, files in zip(("hk", "gz"), build(), strict=True):
        write_folder(files, Path(sys.argv[1]) / library)
