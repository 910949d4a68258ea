"""Pictures for pages, decoded apart: a crash, a hang or a flood of memory ends a child process, never the run.

The files have been decoded before, by fingerprinting; they are still strangers'. Decoders are chosen by the media type
found then, never by the bytes, and anything not listed here is shown as a sketch.
"""

from __future__ import annotations

import io
import multiprocessing
import resource
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import partial

from PIL import Image, ImageCms, ImageOps

from mirrorfold.transforms.publish.pictures import UndecodableError, shrink

FORMATS = {
    "image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF", "image/bmp": "BMP",
    "image/tiff": "TIFF", "image/jp2": "JPEG2000", "image/avif": "AVIF", "image/heic": "HEIF", "image/heif": "HEIF",
}  # fmt: skip

PILLOW_ERRORS = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, MemoryError,
                 AttributeError, AssertionError, ImageCms.PyCMSError)  # fmt: skip
"""What decoders raise on hostile bytes: plugins index, unpack and convert before they check."""

MEMORY = 2_500 << 20
SECONDS = 60
TASKS_PER_PROCESS = 500


class DecoderPool:
    """Child processes that decode; `decode` may be called from many threads.

    Args:
      workers: processes at most.
      max_pixels: largest picture that is decoded, by its header.
    """

    def __init__(self, workers: int, max_pixels: int):
        self._workers, self._max_pixels = workers, max_pixels
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> DecoderPool:
        return self

    def __exit__(self, *_) -> None:
        self._drop(self._pool)

    def decode(self, data: bytes, media_type: str, side: int) -> Image.Image:
        """Decode to an upright RGB picture whose longer side is at most `side` pixels.

        Raises:
          UndecodableError: no decoder, over a budget, or damaged.
        """
        if media_type not in FORMATS:
            raise UndecodableError(f"no decoder for {media_type}")
        pool = self._running()
        try:
            size, pixels = pool.submit(partial(decode_small, data, media_type, side, self._max_pixels)).result()
        except BrokenExecutor as error:
            self._drop(pool)
            raise UndecodableError("the decoder's process ended") from error
        return Image.frombytes("RGB", size, pixels)

    def _running(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self._workers, multiprocessing.get_context("spawn"), initializer=limit_process,
                    max_tasks_per_child=TASKS_PER_PROCESS,
                )  # fmt: skip
            return self._pool

    def _drop(self, pool: ProcessPoolExecutor | None) -> None:
        with self._lock:
            if pool is not None and self._pool is pool:
                self._pool = None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def limit_process() -> None:
    """Bound a child's memory; leave no core file."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    Image.MAX_IMAGE_PIXELS = None  # max_pixels refuses by the header, and a JPEG is decoded scaled down


def decode_small(data: bytes, media_type: str, side: int, max_pixels: int) -> tuple[tuple[int, int], bytes]:
    """Decode in this process: (width, height) and RGB bytes of an upright picture of at most `side` pixels.

    Raises:
      UndecodableError: over a budget, or damaged.
    """
    _limit_time()
    try:
        if FORMATS[media_type] == "HEIF":
            _register_heif()
        image = Image.open(io.BytesIO(data), formats=(FORMATS[media_type],))
        if image.width * image.height > max_pixels:
            raise UndecodableError("more pixels than the budget")
        image.draft("RGB", (side * 2, side * 2))
        small = shrink(_plain(image), side)
        upright = _to_srgb(ImageOps.exif_transpose(small), image.info.get("icc_profile"))
    except PILLOW_ERRORS as error:
        raise UndecodableError(f"{type(error).__name__}: {error}"[:200]) from None
    return upright.size, upright.tobytes()


def _limit_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + SECONDS) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _register_heif() -> None:
    import pi_heif

    pi_heif.register_heif_opener()


def _plain(image: Image.Image) -> Image.Image:
    """Bring modes that don't resize well to one that does; transparency lies on white, as a page shows it."""
    if image.mode.startswith("I;16") or image.mode == "I":
        values = image.convert("I").point(lambda value: value / 256)
        return values.convert("L")
    if image.mode == "F":
        return image.convert("L")
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        whole = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole).convert("RGB")
    return image.convert("RGB") if image.mode in ("P", "1") else image


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Show colours as they are meant; a profile that doesn't fit the picture is left aside."""
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            made = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return made if made is not None else image.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            return image.convert("RGB")
    return image.convert("RGB")
