"""A second decoder's word on a file that its first one can't read: damaged is only what neither reads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mirrorfold.transforms.fingerprint import icc, png, sniff
from mirrorfold.transforms.fingerprint.arrays import GREY, arrayed
from mirrorfold.transforms.fingerprint.canonical import canonical
from mirrorfold.transforms.fingerprint.decode import BY_IMAGECODECS, BY_OIIO, DOUBTED
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.photoshop import Blocks
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.pillow_codec import codec_errors
from mirrorfold.transforms.fingerprint.provenance import icc_description, read_provenance
from mirrorfold.transforms.fingerprint.read_oiio import READERS, read_oiio
from mirrorfold.transforms.fingerprint.read_pillow import read_pillow

Reader = Callable[[bytes, Limits], Picture]
_CODECS = {
    "png": "png", "gif": "gif", "bmp": "bmp", "webp": "webp", "avif": "avif", "jp2": "jpeg2k", "hdr": "rgbe",
    "dds": "dds", "qoi": "qoi",
}  # fmt: skip
"""imagecodecs' decoder for each kind that it reads."""


_PLUGINS = frozenset({"dds", "fits", "qoi"})
"""Kinds that another decodes first, and Pillow too."""


def read_second(kind: str, data: bytes, limits: Limits, first: DecodeError) -> Picture:
    """Decode by a second decoder.

    Raises:
      DecodeError: `first` where the second fails too; `unsupported` where it names what is missing; `unverified` where
        there is no second one and the first found the file damaged.
    """
    readers = _readers(kind)
    for reader in readers:
        try:
            return reader(data, limits)
        except DecodeError as error:
            if error.code not in DOUBTED:
                raise
            if error.code == "unsupported" and (first.code == "corrupt" or kind in BY_OIIO):
                first = error
    if readers or first.code == "unsupported":
        raise first
    raise DecodeError("unverified", first.message)


def _readers(kind: str) -> list[Reader]:
    found: list[Reader] = []
    if kind in _CODECS and kind not in BY_IMAGECODECS:
        found.append(lambda data, limits: read_by_imagecodecs(kind, data, limits))
    if kind in _PLUGINS:
        found.append(lambda data, limits: read_pillow(kind, sniff.KINDS[kind].media_type, data, limits))
    if kind == "jpeg":
        found.append(_jpeg)
    if kind in READERS and kind not in BY_OIIO:
        found.append(lambda data, limits: read_oiio(kind, sniff.KINDS[kind].media_type, data, limits))
    return found


def names(kind: str) -> list[str]:
    """Name the second decoders of a kind, for people."""
    found = ["imagecodecs"] if kind in _CODECS and kind not in BY_IMAGECODECS else []
    found += ["Pillow"] if kind in _PLUGINS else []
    return [*found, *(["OpenImageIO"] if kind in READERS and kind not in BY_OIIO else [])]


def read_by_imagecodecs(kind: str, data: bytes, limits: Limits) -> Picture:
    """Decode through imagecodecs; raises DecodeError."""
    import imagecodecs

    name = _CODECS[kind]
    failure = getattr(imagecodecs, f"{name.capitalize()}Error")
    first_alone = {"index": 0} if kind in ("gif", "avif") else {}
    with codec_errors(kind.upper()):
        try:
            pixels = getattr(imagecodecs, f"{name}_decode")(data, **first_alone)
        except failure as error:
            raise DecodeError("corrupt", f"{kind.upper()}: neither decoder reads it") from error
    return _picture(kind, np.asarray(pixels), png.texts(data) if kind == "png" else Blocks(), limits)


def _jpeg(data: bytes, limits: Limits) -> Picture:
    """Read JPEG-LS, lossless and other JPEGs that libjpeg's first look refuses."""
    import imagecodecs

    failures = (imagecodecs.JpegError, imagecodecs.JpeglsError, imagecodecs.DelayedImportError)
    decoders = (imagecodecs.jpegls_decode,) if b"\xff\xf7" in data[:4096] else (imagecodecs.jpeg_decode,)
    with codec_errors("JPEG"):
        for decode in decoders:
            try:
                return _picture("jpeg", decode(data), Blocks(), limits)
            except failures:
                continue
    raise DecodeError("corrupt", "JPEG: neither decoder reads it")


def _picture(kind: str, pixels: np.ndarray, blocks: Blocks, limits: Limits) -> Picture:
    limits.check_pixels(pixels.shape[1], pixels.shape[0])
    found = arrayed(pixels, GREY)
    provenance, orientation = read_provenance(blocks.exif, blocks.xmp, blocks.iptc)
    seen = canonical(found.image, orientation, side=limits.side, profile=icc.applied(blocks.icc, found.mode))
    turned = orientation >= 5
    return Picture(
        media_type=sniff.KINDS[kind].media_type,
        width=found.image.height if turned else found.image.width,
        height=found.image.width if turned else found.image.height,
        **seen._asdict(),
        mode=found.mode,
        bit_depth=found.bits,
        declared_depth=8 * pixels.dtype.itemsize,
        lossless=kind in ("png", "gif", "bmp", "qoi"),
        orientation=orientation,
        icc_profile=icc_description(blocks.icc),
        provenance=provenance,
    )
