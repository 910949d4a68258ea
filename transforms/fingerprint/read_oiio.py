"""Decode through OpenImageIO, always in the sandbox: film and effects formats, deep PSD, and what Pillow gives up."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from mirrorfold.transforms.fingerprint import icc, photoshop
from mirrorfold.transforms.fingerprint.arrays import GREY, arrayed
from mirrorfold.transforms.fingerprint.canonical import canonical
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.parts import joined
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.pillow_codec import codec_errors, coded
from mirrorfold.transforms.fingerprint.provenance import icc_description, read_provenance
from mirrorfold.transforms.fingerprint.samples import Meaning

READERS = {
    "exr": "openexr", "hdr": "hdr", "dpx": "dpx", "cineon": "cineon", "dds": "dds", "fits": "fits", "sgi": "sgi",
    "psd": "psd", "rla": "rla", "iff": "iff", "bmp": "bmp", "ico": "ico", "pnm": "pnm", "tga": "targa",
    "softimage": "softimage", "jp2": "jpeg2000", "jxl": "jpegxl", "webp": "webp",
}  # fmt: skip
"""OpenImageIO's name of each kind that it reads."""
_NAMES = READERS | {"jpeg": "jpeg"}

IDLE_ALPHA = frozenset({"tga", "bmp", "ico", "dds"})
_LINEAR = frozenset({"exr", "hdr"})
_LOSSY = frozenset({"webp", "jp2", "jxl"})


def read_oiio(kind: str, media_type: str, data: bytes, limits: Limits) -> Picture:
    """Decode the first picture of a file.

    Raises:
      DecodeError: a stable code.
    """
    import OpenImageIO as oiio

    what = kind.upper()
    if kind == "psd":
        photoshop.check_flattened(data)
    with codec_errors(what), _opened(oiio, kind, data) as source:
        if kind == "ico" and not source.seek_subimage(_largest_icon(data), 0):
            raise DecodeError("corrupt", "ICO: its largest picture can't be read")
        spec = source.spec()
        limits.check_pixels(spec.width, spec.height)
        if spec.depth > 1 or spec.deep:
            raise DecodeError("unsupported", f"{what}: a volume or deep samples, which show no one picture")
        each = max(1, spec.nchannels) * (2 * spec.format.size() + 3)
        limits.check_memory(spec.width * spec.height * (each + 9) + len(data))
        channels = _channels(spec)
        if kind == "psd" and spec.nchannels in (2, 4):  # its names tell no selection from opacity
            channels = spec.nchannels - (not photoshop.has_opacity(data))
        pixels = source.read_image(source.current_subimage(), 0, 0, channels, "unknown")
        if pixels is None:
            raise coded(what, _reason(source))
        declared = spec.get_int_attribute("oiio:BitsPerSample") or 8 * spec.format.size()
        found = arrayed(pixels, GREY, Meaning(linear=kind in _LINEAR, associated=kind == "exr"), 8 * spec.format.size())
        if kind in IDLE_ALPHA and found.image.mode == "RGBA" and found.image.getchannel("A").getextrema() == (0, 0):
            found = found._replace(image=found.image.convert("RGB"))
        described = photoshop.blocks(data) if kind == "psd" else photoshop.Blocks()
        provenance, orientation = read_provenance(described.exif, described.xmp, described.iptc)
        orientation = orientation if kind == "psd" else spec.get_int_attribute("Orientation", 1)
        orientation = orientation if 1 <= orientation <= 8 else 1
        profile = icc.applied(described.icc, found.image.mode)
        layers = photoshop.parts_of_layers(data) if kind == "psd" else ()
        seen = canonical(found.image, orientation, side=limits.side, profile=profile)
    turned = orientation >= 5
    return Picture(
        media_type=media_type,
        width=spec.height if turned else spec.width,
        height=spec.width if turned else spec.height,
        **seen._replace(parts=joined(seen.parts, layers))._asdict(),
        mode=found.mode,
        bit_depth=min(found.bits, declared),
        declared_depth=declared,
        lossless=kind not in _LOSSY,
        orientation=orientation,
        icc_profile=icc_description(described.icc),
        provenance=provenance,
    )


def profile_of(kind: str, data: bytes) -> bytes | None:
    """Give the ICC profile of a file's pixels as they are decoded; None for none, or where its header can't be read."""
    import OpenImageIO as oiio

    try:
        with codec_errors(kind.upper()), _opened(oiio, kind, data) as source:
            profile = source.spec().getattribute("ICCProfile")
    except DecodeError:
        return None
    return None if profile is None else bytes(bytearray(profile))


def warned(kind: str, data: bytes, pixels: bool = True) -> str:
    """Decode all of a file for what its decoder says of it; '' where it says nothing, or nothing was decoded.

    Without `pixels` it is opened alone: what is read by then is all that is heard of.
    """
    import OpenImageIO as oiio

    try:
        with codec_errors(kind.upper()), _opened(oiio, kind, data) as source:
            if pixels:
                source.read_image(0, 0, 0, source.spec().nchannels, "uint8")
            return source.geterror() or ""
    except DecodeError as error:
        return error.message


@contextmanager
def _opened(oiio, kind: str, data: bytes) -> Iterator:
    oiio.attribute("threads", 1)
    oiio.attribute("exr_threads", 1)
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    with _as_file(data) as path:
        source = oiio.ImageInput.open(path, config)
        if source is None:
            raise DecodeError("corrupt", f"{kind.upper()}: {_clean(oiio.geterror(), path)}")
        try:
            if source.format_name() != _NAMES[kind]:
                raise DecodeError("corrupt", f"{kind.upper()}: its bytes don't read as what they begin as")
            yield source
        finally:
            source.close()


def _largest_icon(data: bytes) -> int:
    """Give the number of an icon's largest picture, by its directory; a side of 0 is one of 256."""
    count = int.from_bytes(data[4:6], "little")
    sides = [(data[at] or 256, data[at + 1] or 256) for at in range(6, min(6 + 16 * count, len(data) - 1), 16)]
    return max(range(len(sides)), key=lambda n: sides[n][0] * sides[n][1], default=0)


def _reason(source) -> str:
    return _clean(source.geterror(), "")


def _clean(message: str, path: str) -> str:
    """Give the first line of a message, without the name of the file that nobody knows."""
    said = (message or "").replace(path, "it") if path else message or ""
    if not said.strip():
        return "its picture can't be read"
    return (
        "its header can't be read" if "could not find a format reader" in said else said.strip().splitlines()[0][:200]
    )


def _channels(spec) -> int:
    """Give how many channels are colours and opacity: the first, as film formats add depth, masks and layers."""
    names = [name.rsplit(".", 1)[-1] for name in spec.channelnames[:4]]
    if spec.nchannels >= 4 and names[3] == "A":
        return 4
    return 3 if spec.nchannels >= 3 else 2 if spec.nchannels == 2 and names[1] == "A" else 1


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """Give bytes a path, in memory where the system can: OpenImageIO's Python opens files alone."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("picture")
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file.name
