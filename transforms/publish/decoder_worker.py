"""The process in which pictures for pages are decoded: one request after another on stdin, one answer each on stdout.

Started as `python -m mirrorfold.transforms.publish.decoder_worker`. A request is a length-prefixed JSON head and the
file's bytes; an answer is width and height and RGB bytes, or 0, 0 and why not. The process ends with its input.
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
from typing import BinaryIO

from PIL import Image, ImageCms, ImageOps

from mirrorfold.transforms.blocks.process_limits import limit_memory, limit_processor_time
from mirrorfold.transforms.stores.encoding import unpacked

REQUEST = struct.Struct("<IQ")
ANSWER = struct.Struct("<IIQ")
MEMORY = 2_500 << 20
SECONDS = 60

FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "image/jp2": "JPEG2000",
    "image/avif": "AVIF",
    "image/heic": "HEIF",
    "image/heif": "HEIF",
}
"""The one decoder for each media type, as fingerprinting found it; nothing else ever sees the bytes."""

DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    AttributeError,
    AssertionError,
    ImageCms.PyCMSError,
)
"""What decoders raise on hostile bytes: plugins index, unpack and convert before they check."""


class RefusedError(Exception):
    """The picture is over a budget or has no decoder."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until the input ends."""
    while len(prefix := requests.read(REQUEST.size)) == REQUEST.size:
        head_length, data_length = REQUEST.unpack(prefix)
        head = json.loads(requests.read(head_length))
        data = requests.read(data_length)
        limit_processor_time(SECONDS)
        try:
            image = decode_small(data, head["media_type"], head["side"], head["max_pixels"])
            width, height, body = image.width, image.height, image.tobytes()
        except (RefusedError, *DECODER_ERRORS) as error:
            width, height, body = 0, 0, f"{type(error).__name__}: {error}"[:200].encode(errors="replace")
        answers.write(ANSWER.pack(width, height, len(body)) + body)
        answers.flush()


def decode_small(data: bytes, media_type: str, side: int, max_pixels: int) -> Image.Image:
    """Decode to an upright sRGB picture whose longer side is at most `side` pixels.

    Raises:
      RefusedError: over a budget, or no decoder; any of DECODER_ERRORS: damaged.
    """
    if media_type not in FORMATS:
        raise RefusedError(f"no decoder for {media_type}")
    if FORMATS[media_type] == "HEIF":
        import pi_heif

        pi_heif.register_heif_opener()
    image = Image.open(io.BytesIO(unpacked(data)), formats=(FORMATS[media_type],))
    if image.width * image.height > max_pixels:
        raise RefusedError(f"{image.width} x {image.height} pixels are more than the budget")
    profile = image.info.get("icc_profile")
    image.draft("RGB", (side * 2, side * 2))
    return _to_srgb(ImageOps.exif_transpose(shrink(_plain(image), side)), profile)


def shrink(image: Image.Image, side: int) -> Image.Image:
    """Fit a picture into a square of `side` pixels; small pictures stay as they are."""
    scale = side / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _plain(image: Image.Image) -> Image.Image:
    """Bring modes that don't resize well to one that does; transparency lies on white, as a page shows it."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        whole = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole).convert("RGB")
    return image if image.mode in ("L", "RGB", "CMYK", "LAB", "YCbCr") else image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Show colours as they are meant; a profile that doesn't fit the picture is left aside."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
        except (ImageCms.PyCMSError, OSError, ValueError):
            return image.convert("RGB")
    return image.convert("RGB")


def main() -> None:
    """Take the pipes away from the codecs (they print), set the limits, and serve."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit_memory(MEMORY)
    Image.MAX_IMAGE_PIXELS = None  # max_pixels refuses by the header instead; a JPEG is decoded scaled down
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
