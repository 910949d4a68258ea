"""What each format costs: decode, hash input and provenance of one photograph, against a baseline JPEG of the same.

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
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
import pi_heif
import tifffile
from PIL import Image, ImageDraw

from mirrorfold.transforms.fingerprint import formats, sniff
from mirrorfold.transforms.fingerprint.decode import decode, read
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.options import FingerprintOptions
from mirrorfold.transforms.fingerprint.sandbox import SandboxPool
from tests.fingerprint import corpora, trade_files
from tests.fingerprint.test_raw import camera_raw
from tests.fingerprint.test_sound import by_oiio
from tests.fingerprint.worlds import encode, photo

ROUNDS = 3
UNKNOWN_TO_PILLOW = frozenset({"jxl", "jxr", "hdr", "dpx", "exr", "fits", "rla", "iff", "pam", "cals", "raw", "heic"})
SMALL = (500, 375)
"""Sides of the photograph where the full size takes its writer, or its reader, minutes."""
UNMADE = {
    "cineon": "nothing here writes it", "pcd": "nothing here writes it", "ftex": "nothing here writes it",
    "softimage": "nothing here writes it",
}  # fmt: skip
"""Kinds whose cost isn't measured, and why."""


class Row(NamedTuple):
    """A row of the table of costs: the variant, its kind, what makes it of a photograph, whether of the small one."""

    name: str
    kind: str
    make: Callable[[Image.Image], bytes]
    small: bool = False
    pillow: bool = True


def rows() -> list[Row]:
    """List what is measured: every kind that is read and that something here writes."""
    return [
        Row("baseline", "jpeg", lambda image: encode(image, "JPEG", quality=85)),
        Row("progressive", "jpeg", lambda image: encode(image, "JPEG", quality=85, progressive=True)),
        Row("CMYK", "jpeg", lambda image: encode(image.convert("CMYK"), "JPEG", quality=85)),
        Row("RGB", "png", lambda image: encode(image, "PNG", compress_level=4)),
        Row("with alpha", "png", lambda image: encode(clear(image), "PNG", compress_level=4)),
        Row("16 bit grey", "png", lambda image: encode(deep(image), "PNG", compress_level=4)),
        Row("one frame", "gif", lambda image: encode(image.quantize(128), "GIF")),
        Row("lossy", "webp", lambda image: encode(image, "WEBP", quality=80)),
        Row("24 bit", "bmp", lambda image: encode(image, "BMP")),
        Row("24 bit, without a file header", "dib", lambda image: encode(image, "BMP")[14:]),
        Row("LZW", "tiff", lambda image: encode(image, "TIFF", compression="tiff_lzw")),
        Row("JPEG", "tiff", lambda image: encode(image, "TIFF", compression="jpeg")),
        Row("CCITT G4", "tiff", lambda image: encode(image.convert("1"), "TIFF", compression="group4")),
        Row("16 bit RGB", "tiff", deep_tiff),
        Row("JPEG XL (lossless)", "tiff", lambda i: tiff_of(i, compression="jpegxl", tile=(256, 256)), pillow=False),
        Row("pyramid", "tiff", pyramid),
        Row("preview of the full size", "raw", camera, pillow=False),
        Row("a phone's", "heic", lambda image: b"", pillow=False),
        Row("16 bit", "psd", deep_psd, pillow=False),
        Row("lossy", "jp2", lambda image: encode(image, "JPEG2000", irreversible=True, quality_layers=[20])),
        Row("lossy", "avif", lambda image: encode(image, "AVIF", quality=70, speed=9)),
        Row("lossy", "jxl", lambda image: imagecodecs.jpegxl_encode(np.asarray(image), level=85, effort=3)),
        Row("lossy", "jxr", lambda image: imagecodecs.jpegxr_encode(np.asarray(image), level=0.9)),
        Row("24 bit", "tga", lambda image: encode(image, "TGA")),
        Row("24 bit", "sgi", lambda image: encode(image, "SGI")),
        Row("24 bit", "pcx", lambda image: encode(image, "PCX")),
        Row("one picture", "dcx", trade_files.dcx),
        Row("PPM", "pnm", lambda image: encode(image, "PPM")),
        Row("three samples", "pam", trade_files.pam),
        Row("24 bit", "qoi", lambda image: imagecodecs.qoi_encode(np.asarray(image)), pillow=False),
        Row("24 bit", "dds", lambda image: encode(image, "DDS")),
        Row("float", "hdr", lambda i: imagecodecs.rgbe_encode(np.asarray(i).astype(np.float32) / 255, header=True)),
        Row("16 bit", "dpx", lambda image: by_oiio("dpx", np.asarray(image).astype(np.uint16) * 257, image.size)),
        Row("half", "exr", lambda image: by_oiio("exr", (np.asarray(image) / 255).astype(np.float16), image.size)),
        *(Row("24 bit", kind, lambda i, kind=kind: by_oiio(kind, np.asarray(i), i.size)) for kind in ("fits", "rla")),
        Row("24 bit", "iff", lambda image: by_oiio("iff", np.asarray(image), image.size), pillow=False),
        Row("24 bit", "sun", trade_files.sun),
        Row("24 bit", "pixar", trade_files.pixar),
        Row("24 bit", "im", lambda image: encode(image, "IM")),
        Row("brush", "gbr", lambda image: trade_files.brush(image.convert("L")), pillow=False),
        Row("8 bit", "xvthumb", trade_files.xv_thumbnail),
        Row("one frame", "fli", trade_files.fli),
        Row("palette", "blp", lambda image: encode(image.quantize(128), "BLP"), small=True),
        Row("CCITT G4", "cals", lambda image: trade_files.cals(image=image.convert("1"))),
        Row("bilevel", "msp", lambda image: encode(image.convert("1"), "MSP")),
        Row("bilevel", "xbm", lambda image: encode(image.convert("1"), "XBM"), small=True),
        Row("64 colours", "xpm", trade_files.xpm, small=True),
        Row("256 pixels", "ico", lambda image: encode(image.resize((256, 256)), "ICO"), small=True),
        Row("128 pixels", "cursor", trade_files.cursor, small=True),
        Row("512 pixels", "icns", lambda image: encode(image.resize((512, 512)), "ICNS"), small=True),
    ]


def deep(image: Image.Image) -> Image.Image:
    """Give a photograph's grey in 16 bits."""
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def camera(image: Image.Image) -> bytes:
    """Write a camera's RAW whose preview is the photograph."""
    return camera_raw(b"NIKON", dng=False, orientation=1, preview=encode(image, "JPEG", quality=85), size=image.size)


def heic() -> tuple[bytes, Image.Image] | None:
    """Give a HEIC of the corpora and its picture: nothing here writes one."""
    place = corpora.PLACE / "pillow-heif/tests/images/heif_other/pug.heic"
    if not place.exists():
        return None
    return place.read_bytes(), pi_heif.open_heif(place).to_pillow().convert("RGB")


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
    size = (2000, 1500) if "--quick" in sys.argv else (4000, 3000)
    images = {small: photo(size=SMALL if small else size) for small in (False, True)}
    print(*HEAD, sep="\n")
    bases = {small: _reading("jpeg", encode(image, "JPEG", quality=85)) for small, image in images.items()}
    for row in rows():
        image, base = images[row.small], bases[row.small]
        if row.kind == "heic":
            found = heic()
            if found is None:
                continue
            data, image = found
            base = _reading("jpeg", encode(image, "JPEG", quality=85))
        else:
            data = row.make(image)
        ours = _reading(row.kind, data)
        known = row.pillow and row.kind not in UNKNOWN_TO_PILLOW
        whole = f"{ours / min(_cpu(lambda data=data: _full(data)) for _ in range(ROUNDS)):.2f}" if known else "-"
        print(
            f"| {row.kind} | {row.name} | {image.width * image.height / 1e6:.1f} | {len(data) // 1000} | "
            f"{ours / base:.1f}x | {whole} |",
            flush=True,
        )
    print(f"\nNot measured: {', '.join(f'{kind} ({why})' for kind, why in UNMADE.items())}.")


HEAD = ("| format | variant | MP | KB | CPU / baseline JPEG | of a full Pillow decode |", "|---|---|---|---|---|---|")


def _reading(kind: str, data: bytes) -> float:
    limits = Limits(10**9, 4, 4 << 30, isolated=True)
    read(kind, data, limits)
    return min(_cpu(lambda: read(kind, data, limits)) for _ in range(ROUNDS))


def _cpu(work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _full(data: bytes) -> None:
    Image.open(io.BytesIO(data)).convert("L")


if __name__ == "__main__":
    main()
