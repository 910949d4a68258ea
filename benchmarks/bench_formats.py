"""What each format costs: decode, hash input and provenance of one 12 MP photograph, against a baseline JPEG."""

from __future__ import annotations

import io
import sys
import time

import imagecodecs
import numpy as np
from PIL import Image

from mirrorfold.transforms.fingerprint.decode import read
from mirrorfold.transforms.fingerprint.limits import Limits
from tests.fingerprint.worlds import encode, photo

ROUNDS = 3


def files(image: Image.Image) -> dict[str, tuple[str, bytes]]:
    """Encode one photograph in every format: name to (kind, bytes)."""
    grey = image.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    return {
        "JPEG baseline": ("jpeg", encode(image, "JPEG", quality=85)),
        "JPEG progressive": ("jpeg", encode(image, "JPEG", quality=85, progressive=True)),
        "JPEG CMYK": ("jpeg", encode(image.convert("CMYK"), "JPEG", quality=85)),
        "PNG": ("png", encode(image, "PNG", compress_level=4)),
        "PNG 16 bit grey": ("png", encode(deep, "PNG", compress_level=4)),
        "GIF": ("gif", encode(image.quantize(128), "GIF")),
        "WebP": ("webp", encode(image, "WEBP", quality=80)),
        "BMP": ("bmp", encode(image, "BMP")),
        "TIFF LZW": ("tiff", encode(image, "TIFF", compression="tiff_lzw")),
        "TIFF JPEG": ("tiff", encode(image, "TIFF", compression="jpeg")),
        "TIFF CCITT G4": ("tiff", encode(image.convert("1"), "TIFF", compression="group4")),
        "JP2": ("jp2", encode(image, "JPEG2000", irreversible=True, quality_layers=[20])),
        "AVIF": ("avif", encode(image, "AVIF", quality=70, speed=9)),
        "JPEG XL": ("jxl", imagecodecs.jpegxl_encode(np.asarray(image), level=85, effort=3)),
    }


def main() -> None:
    """Print a row per format."""
    image = photo(size=(2000, 1500) if "--quick" in sys.argv else (4000, 3000))
    limits = Limits(10**9, 4, 4 << 30)
    base = None
    print("| format | KB | CPU / baseline JPEG | of a full Pillow decode |")
    print("|---|---|---|---|")
    for name, (kind, data) in files(image).items():
        read(kind, data, limits)
        ours = min(_cpu(lambda kind=kind, data=data: read(kind, data, limits)) for _ in range(ROUNDS))
        base = base or ours
        whole = (
            "-" if kind == "jxl" else f"{ours / min(_cpu(lambda data=data: _full(data)) for _ in range(ROUNDS)):.2f}"
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
