"""What each format costs: decode, hash input and provenance of one 12 MP photograph, against a baseline JPEG.

With `--files FOLDER`: what becomes of every distinct file below a folder, by format. With `--table`: the formats as the
code has them.
"""

from __future__ import annotations

import collections
import hashlib
import io
import statistics
import struct
import sys
import time
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageDraw

from mirrorfold.transforms.fingerprint import formats, sniff
from mirrorfold.transforms.fingerprint.decode import decode, read
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from tests.fingerprint.test_sound import by_oiio
from tests.fingerprint.worlds import encode, photo

ROUNDS = 3
UNKNOWN_TO_PILLOW = frozenset({"jxl", "jxr", "hdr", "dpx", "exr", "PSD 16 bit", "TIFF JPEG XL"})


def files(image: Image.Image) -> dict[str, tuple[str, bytes]]:
    """Encode one photograph in every format: name to (kind, bytes)."""
    grey = image.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    return {
        "JPEG baseline": ("jpeg", encode(image, "JPEG", quality=85)),
        "JPEG progressive": ("jpeg", encode(image, "JPEG", quality=85, progressive=True)),
        "JPEG CMYK": ("jpeg", encode(image.convert("CMYK"), "JPEG", quality=85)),
        "PNG": ("png", encode(image, "PNG", compress_level=4)),
        "PNG with alpha": ("png", encode(clear(image), "PNG", compress_level=4)),
        "PNG 16 bit grey": ("png", encode(deep, "PNG", compress_level=4)),
        "GIF": ("gif", encode(image.quantize(128), "GIF")),
        "WebP": ("webp", encode(image, "WEBP", quality=80)),
        "BMP": ("bmp", encode(image, "BMP")),
        "TIFF LZW": ("tiff", encode(image, "TIFF", compression="tiff_lzw")),
        "TIFF JPEG": ("tiff", encode(image, "TIFF", compression="jpeg")),
        "TIFF CCITT G4": ("tiff", encode(image.convert("1"), "TIFF", compression="group4")),
        "TIFF 16 bit RGB": ("tiff", deep_tiff(image)),
        "TIFF JPEG XL": ("tiff", tiff_of(image, compression="jpegxl", tile=(256, 256))),
        "TIFF pyramid": ("tiff", pyramid(image)),
        "PSD 16 bit": ("psd", deep_psd(image)),
        "TGA": ("tga", encode(image, "TGA")),
        "SGI": ("sgi", encode(image, "SGI")),
        "PCX": ("pcx", encode(image, "PCX")),
        "PPM": ("pnm", encode(image, "PPM")),
        "QOI": ("qoi", imagecodecs.qoi_encode(np.asarray(image))),
        "DDS": ("dds", encode(image, "DDS")),
        "JPEG XR": ("jxr", imagecodecs.jpegxr_encode(np.asarray(image), level=0.9)),
        "Radiance HDR": ("hdr", imagecodecs.rgbe_encode(np.asarray(image).astype(np.float32) / 255, header=True)),
        "DPX": ("dpx", by_oiio("dpx", np.asarray(image).astype(np.uint16) * 257, image.size)),
        "OpenEXR": ("exr", by_oiio("exr", (np.asarray(image) / 255).astype(np.float16), image.size)),
        "JP2": ("jp2", encode(image, "JPEG2000", irreversible=True, quality_layers=[20])),
        "AVIF": ("avif", encode(image, "AVIF", quality=70, speed=9)),
        "JPEG XL": ("jxl", imagecodecs.jpegxl_encode(np.asarray(image), level=85, effort=3)),
    }


def clear(image: Image.Image) -> Image.Image:
    """Give a photograph cut out along an oval."""
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse((0, 0, *image.size), 255)
    found = image.copy()
    found.putalpha(mask)
    return found


def tiff_of(image: Image.Image, **options) -> bytes:
    """Write a TIFF through tifffile."""
    sink = io.BytesIO()
    tifffile.imwrite(sink, np.asarray(image), photometric="rgb", **options)
    return sink.getvalue()


def deep_tiff(image: Image.Image) -> bytes:
    """Write a TIFF of 16 bits, packed."""
    sink = io.BytesIO()
    tifffile.imwrite(sink, np.asarray(image).astype(np.uint16) * 257, photometric="rgb", compression="deflate")
    return sink.getvalue()


def pyramid(image: Image.Image) -> bytes:
    """Write a tiled TIFF with its reduced images."""
    sink = io.BytesIO()
    with tifffile.TiffWriter(sink) as writer:
        for share in (1, 2, 4):
            pixels = np.asarray(image.reduce(share))
            kind = {"subfiletype": 1} if share > 1 else {}
            writer.write(pixels, photometric="rgb", tile=(256, 256), compression="jpeg", metadata=None, **kind)
    return sink.getvalue()


def deep_psd(image: Image.Image) -> bytes:
    """Write a flattened PSD of 16 bits."""
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, image.height, image.width, 16, 3) + bytes(14)
    return head + np.moveaxis(np.asarray(image).astype(">u2") * 257, 2, 0).tobytes()


def survey(folder: Path) -> None:
    """Print what becomes of real files: read, with provenance, with a profile that is applied; and the failures."""
    options = FingerprintOptions()
    pool = SandboxPool(1, options.sandbox_bytes, options.max_seconds)
    seen: set[bytes] = set()
    rows: dict[str, list] = collections.defaultdict(list)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        digest = hashlib.sha256(data).digest()
        if digest in seen:
            continue
        seen.add(digest)
        started = time.monotonic()
        try:
            kind = sniff.sniff(data, whole=True).name
        except DecodeError:
            continue
        try:
            picture, code = decode(data, options, pool), None
        except DecodeError as error:
            picture, code = None, error.code
        rows[kind].append((picture, code, time.monotonic() - started))
    pool.close()
    print("| format | files | read | with provenance | with an ICC profile | median ms | not read |")
    print("|---|---|---|---|---|---|---|")
    for kind, found in sorted(rows.items()):
        pictures = [picture for picture, _, _ in found if picture]
        codes = collections.Counter(code for _, code, _ in found if code)
        print(
            f"| {kind} | {len(found)} | {len(pictures)} | {sum(bool(p.provenance) for p in pictures)} | "
            f"{sum(bool(p.icc_profile) for p in pictures)} | {1000 * statistics.median(s for *_, s in found):.0f} | "
            f"{', '.join(f'{count} {code}' for code, count in sorted(codes.items()))} |"
        )


def main() -> None:
    """Print a row per format."""
    if "--table" in sys.argv:
        print(formats.table())
        print(f"\nNamed and not read (`unsupported`): {formats.named()}")
        return
    if "--files" in sys.argv:
        survey(Path(sys.argv[sys.argv.index("--files") + 1]))
        return
    image = photo(size=(2000, 1500) if "--quick" in sys.argv else (4000, 3000))
    limits = Limits(10**9, 4, 4 << 30, isolated=True)
    base = None
    print("| format | KB | CPU / baseline JPEG | of a full Pillow decode |")
    print("|---|---|---|---|")
    for name, (kind, data) in files(image).items():
        read(kind, data, limits)
        ours = min(_cpu(lambda kind=kind, data=data: read(kind, data, limits)) for _ in range(ROUNDS))
        base = base or ours
        whole = (
            "-"
            if kind in UNKNOWN_TO_PILLOW or name in UNKNOWN_TO_PILLOW
            else f"{ours / min(_cpu(lambda data=data: _full(data)) for _ in range(ROUNDS)):.2f}"
        )
        print(f"| {name} | {len(data) // 1000} | {ours / base:.1f}x | {whole} |", flush=True)


def _cpu(work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _full(data: bytes) -> None:
    Image.open(io.BytesIO(data)).convert("L")


if __name__ == "__main__":
    main()
