"""Decode what needs a codec of its own, always in the sandbox: HEIC, JPEG XL, odd JPEGs, and previews in camera RAW."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np

from mirrorfold.transforms.fingerprint import boxes, c2pa, containers, icc, ifd, jpeg, raw
from mirrorfold.transforms.fingerprint.arrays import Arrayed, arrayed, image_of
from mirrorfold.transforms.fingerprint.canonical import canonical, canonical_grey
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.iso_items import parts_of_items
from mirrorfold.transforms.fingerprint.limits import Limits, decode_bytes
from mirrorfold.transforms.fingerprint.parts import joined
from mirrorfold.transforms.fingerprint.picture import Picture
from mirrorfold.transforms.fingerprint.pillow_codec import codec_errors
from mirrorfold.transforms.fingerprint.provenance import exif_fields, icc_description, read_provenance
from mirrorfold.transforms.fingerprint.read_jpeg import read_jpeg
from mirrorfold.transforms.fingerprint.read_oiio import profile_of
from mirrorfold.transforms.fingerprint.read_tiff import BITS, PHOTOMETRIC, described_by, read_tiff, with_described
from mirrorfold.transforms.fingerprint.tiff_pages import MAX_SUB_IFDS, SUB_IFDS

MAX_PREVIEWS = 256

MAX_HEIC_PICTURES = 16
JXR_SIDES = (0xBC80, 0xBC81)


def read_tiff_or_raw(data: bytes, limits: Limits) -> Picture:
    """Decode a TIFF, or where its directories hold a sensor's mosaic, its preview as camera RAW."""
    layout = ifd.layout_of(data)
    return read_raw(data, limits) if layout and _holds_sensor_data(data, layout) else read_tiff(data, limits)


def _holds_sensor_data(data: bytes, layout: ifd.Layout) -> bool:
    main = ifd.read_directory(data, layout, layout.first)
    if main is None:
        return False
    below = [ifd.read_directory(data, layout, int(offset)) for offset in main.numbers(SUB_IFDS)[:MAX_SUB_IFDS]]
    return raw.DNG_VERSION in main or any(d is not None and d.number(PHOTOMETRIC) in raw.SENSOR for d in (main, *below))


def read_heic(data: bytes, limits: Limits) -> Picture:
    """Decode HEIC's primary picture; libheif applies its rotation and mirroring itself."""
    import pi_heif

    with codec_errors("HEIC"):
        image = pi_heif.HeifImageFile(io.BytesIO(data))
        width, height = image.size
        limits.check_pixels(width, height)
        limits.check_memory(decode_bytes(image.mode, width, height) * 2 + len(data))
        count = getattr(image, "n_frames", 1)
        primary = image.tell()
        others = [index for index in range(count) if index != primary][: min(limits.max_pages, MAX_HEIC_PICTURES) - 1]
        for index in others:
            image.seek(index)
            limits.check_pixels(*image.size)
        image.seek(primary)
        info = dict(image.info)
        declared = int(info.get("bit_depth") or 8)
        found = _deep_heic(data, declared, limits) if declared > 8 else None
        image.load()
        shown = found.image if found else image
        iptc = next((block["data"] for block in info.get("metadata") or () if block.get("type") == "iptc"), None)
        provenance, orientation = read_provenance(info.get("exif"), info.get("xmp"), iptc)
        provenance = {**c2pa.stated(c2pa.payload("heic", data)), **provenance}
        profile = icc.applied(info.get("icc_profile"), shown.mode)
        seen = canonical(shown, side=limits.side, profile=profile)
        pages = []
        for index in others:
            image.seek(index)
            pages.append(canonical_grey(image))
    return Picture(
        media_type="image/heic",
        width=width,
        height=height,
        **seen._replace(parts=joined(seen.parts, parts_of_items(data)))._asdict(),
        pages=pages,
        frames=count,
        mode=image.mode,
        bit_depth=found.bits if found else declared if declared <= 8 else None,
        declared_depth=declared,
        orientation=orientation,
        icc_profile=icc_description(info.get("icc_profile")),
        provenance=provenance,
    )


def _deep_heic(data: bytes, declared: int, limits: Limits) -> Arrayed | None:
    """Decode the primary picture with all bits of its samples; None where memory doesn't allow it."""
    import pi_heif

    deep = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    if deep.size[0] * deep.size[1] * 40 + len(data) > limits.max_memory:
        return None
    pixels = np.asarray(deep)
    return arrayed(pixels, declared=declared) if pixels.dtype == np.uint16 else None


def read_jxl(data: bytes, limits: Limits) -> Picture:
    """Decode JPEG XL; the decoder applies its orientation itself."""
    import imagecodecs

    width, height = containers.jxl_size(data)
    limits.check_pixels(width, height)
    limits.check_memory(width * height * 24 + len(data))
    stated = boxes.blocks(data)
    provenance, orientation = read_provenance(stated.exif, stated.xmp, None)
    provenance = {**c2pa.stated(c2pa.payload("jxl", data)), **provenance}
    with codec_errors("JPEG XL"):
        try:
            pixels = imagecodecs.jpegxl_decode(data, numthreads=1)
        except imagecodecs.JpegxlError as error:
            cut = "NEED_MORE_INPUT" in str(error)
            raise DecodeError("truncated" if cut else "corrupt", "JPEG XL: its picture can't be read") from error
        frames = pixels.shape[0] if pixels.ndim == 4 else 1
        shown = pixels[0] if pixels.ndim == 4 else pixels
        image, bits, _ = arrayed(shown)
        # Of the pixels as libjxl gives them. imagecodecs states linear light of all that is deep, whatever it is.
        profile = icc.applied(profile_of("jxl", data), image.mode)
        profile = None if (icc_description(profile) or "").endswith("_Lin") else profile
        seen = canonical(image, side=limits.side, profile=profile)
        pages = [canonical_grey(image_of(page)) for page in (pixels[1:16] if frames > 1 else ())]
    return Picture(
        media_type="image/jxl",
        width=shown.shape[1],
        height=shown.shape[0],
        **seen._asdict(),
        pages=pages,
        frames=frames,
        mode=image.mode,
        bit_depth=bits,
        declared_depth=8 * shown.dtype.itemsize,
        orientation=orientation,
        icc_profile=icc_description(profile),
        provenance=provenance,
    )


def read_odd_jpeg(data: bytes, limits: Limits) -> Picture:
    """Decode lossless JPEG and JPEG of more than 8 bits."""
    import imagecodecs

    header = jpeg.read_header(data)
    limits.check_pixels(header.width, header.height)
    limits.check_memory(header.width * header.height * max(1, header.components) * 8 + len(data))
    provenance, orientation = read_provenance(header.exif, header.xmp, header.iptc)
    with codec_errors("JPEG"):
        decode = imagecodecs.ljpeg_decode if header.lossless and header.components == 1 else imagecodecs.jpeg_decode
        try:
            pixels = decode(data)
        except imagecodecs.DelayedImportError as error:
            raise DecodeError("unsupported", "JPEG: lossless, and no decoder for it is installed") from error
        if 8 < header.precision < 16:
            pixels = pixels.astype(np.uint16) << (16 - header.precision)
        image, bits, _ = arrayed(pixels, declared=header.precision)
        profile = icc.applied(header.icc_profile, image.mode)
        seen = canonical(image, orientation, side=limits.side, profile=profile)
    turned = orientation >= 5
    return Picture(
        media_type="image/jpeg",
        width=header.height if turned else header.width,
        height=header.width if turned else header.height,
        **seen._asdict(),
        mode=image.mode,
        bit_depth=bits,
        declared_depth=header.precision,
        lossless=header.lossless,
        orientation=orientation,
        icc_profile=icc_description(header.icc_profile),
        provenance=provenance,
    )


def read_jxr(data: bytes, limits: Limits) -> Picture:
    """Decode JPEG XR."""
    import imagecodecs

    layout = ifd.layout_of(data[:2] + b"*\0" + data[4:])
    main = ifd.read_directory(data, layout, layout.first) if layout else None
    width, height = (main.number(tag) for tag in JXR_SIDES) if main is not None else (0, 0)
    limits.check_pixels(width, height)
    limits.check_memory(width * height * 40 + len(data))
    with codec_errors("JPEG XR"):
        try:
            pixels = imagecodecs.jpegxr_decode(data)
        except imagecodecs.JpegxrError as error:
            raise DecodeError("unverified", "JPEG XR: its picture can't be read") from error
        found = arrayed(pixels)
        seen = canonical(found.image, side=limits.side)
    stated, _ = exif_fields(main.data, main) if main is not None else ({}, 1)
    described = described_by(main) if main is not None else {}
    return Picture(
        media_type="image/jxr",
        width=found.image.width,
        height=found.image.height,
        **seen._asdict(),
        mode=found.mode,
        bit_depth=found.bits,
        declared_depth=8 * pixels.dtype.itemsize,
        provenance=with_described(stated, described),
    )


def read_pam(data: bytes, limits: Limits) -> Picture:
    """Decode PAM, the Netpbm format of any number of samples."""
    head, ended, body = data[:4096].partition(b"ENDHDR\n")
    fields = dict(line.split(None, 1) for line in head.splitlines() if len(line.split(None, 1)) == 2)
    try:
        width, height, depth, top = (int(fields[name][:10]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
    except (KeyError, ValueError) as error:
        raise DecodeError("corrupt", "PAM: its header can't be read") from error
    limits.check_pixels(width, height)
    if not ended or not 0 < depth <= 16 or not 0 < top < 65536:
        raise DecodeError("corrupt", "PAM: its header can't be read")
    kind = np.dtype(">u2" if top > 255 else "u1")
    limits.check_memory(width * height * depth * 8 + len(data))
    body = data[len(head) + 7 :]
    if len(body) < width * height * depth * kind.itemsize:
        raise DecodeError("truncated", "PAM: the file ends before its picture")
    pixels = (
        np.frombuffer(body, kind, width * height * depth).reshape(height, width, depth).astype(kind.newbyteorder("="))
    )
    with codec_errors("PAM"):
        full = 255 if top < 256 else 65535
        if top != full:
            pixels = (np.minimum(pixels, top).astype(np.uint32) * full // top).astype(pixels.dtype)
        found = arrayed(pixels)
        seen = canonical(found.image, side=limits.side)
    return Picture(
        media_type="image/x-portable-arbitrarymap",
        width=width,
        height=height,
        **seen._asdict(),
        mode=found.mode,
        bit_depth=min(found.bits, top.bit_length()),
        declared_depth=top.bit_length(),
        lossless=True,
    )


def read_raw(data: bytes, limits: Limits) -> Picture:
    """Read camera RAW through its largest embedded JPEG: marked as a preview, for the RAW itself says more.

    Media type and size are the RAW's own. A preview that states no orientation is turned as the RAW states it.
    """
    layout = ifd.layout_of(data)
    main = ifd.read_directory(data, layout, layout.first) if layout else None
    sensor = raw.sensor_directories(data, layout) if layout else []
    media_type = raw.media_type_of(data, main)
    found = _largest_preview(data, raw.sensor_offsets(sensor))
    if found < 0:
        if layout is None:
            raise DecodeError("unsupported", "camera RAW without an embedded preview")
        return replace(read_tiff(data, limits), media_type=media_type, preview=True)
    fields, orientation = exif_fields(data, main) if main is not None else ({}, 0)
    states_own = _states_orientation(jpeg.read_header(data[found:]).exif)
    picture = read_jpeg(data[found:], limits, turn=None if states_own or not orientation else orientation)
    # A preview that is larger than what the directories state for the sensor: they don't tell all.
    sizes = [(picture.width, picture.height), raw.sensor_size(sensor, orientation) or (0, 0)]
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    limits.check_pixels(width, height)
    # What a photographer's tool writes into a RAW lies in its directory, or for CR3 in a box.
    described = described_by(main) if main is not None else read_provenance(None, boxes.blocks(data).xmp, None)[0]
    described = {**(c2pa.stated(main.raw(c2pa.TIFF_TAG)) if main is not None else {}), **described}
    declared = max((one.number(BITS) for one in sensor), default=0)
    return replace(
        picture,
        media_type=media_type,
        width=width,
        height=height,
        frames=1,
        parts=(),
        preview=True,
        provenance={**picture.provenance, **with_described(fields, described)},
        bit_depth=raw.used_bits(sensor, declared) if declared <= 64 else None,
        declared_depth=declared if 0 < declared <= 64 else None,
        orientation=orientation or picture.orientation,
        digest=None,
        jpeg_quality=None,
        lossless=True,
    )


def _states_orientation(exif: bytes | None) -> bool:
    layout = ifd.layout_of(exif) if exif else None
    main = ifd.read_directory(exif, layout, layout.first) if exif and layout else None
    return main is not None and raw.ORIENTATION in main


def _largest_preview(data: bytes, sensor: frozenset[int]) -> int:
    """Find where the embedded JPEG with the most pixels starts that isn't the sensor's data; -1 for none."""
    best, best_area, at = -1, 0, 0
    for _ in range(MAX_PREVIEWS):
        at = data.find(b"\xff\xd8\xff", at + 1 if at else 0)
        if at < 0:
            break
        if at in sensor:
            continue
        try:
            header = jpeg.read_header(data[at : at + (1 << 20)])
        except DecodeError:
            continue
        if not header.lossless and header.precision == 8 and header.width * header.height > best_area:
            best, best_area = at, header.width * header.height
    return best


_CALS_TURNS = {
    (0, 270): 1, (180, 270): 2, (180, 90): 3, (0, 90): 4, (270, 0): 5, (270, 180): 6, (90, 180): 7, (90, 0): 8,
}  # fmt: skip
"""EXIF's orientation by the directions of CALS's pixels and lines (MIL-STD-1840, rorient), degrees."""
_CALS_HEADER = 2048


def read_cals(data: bytes, limits: Limits) -> Picture:
    """Decode CALS raster of type 1, what archives of drawings hold: one page of CCITT group 4, read as a TIFF of it."""
    records = dict(data[at : at + 128].partition(b":")[::2] for at in range(0, _CALS_HEADER, 128))
    try:
        width, height = (int(side[:7]) for side in records[b"rpelcnt"].strip().split(b","))
        path, lines = (int(degrees[:7]) for degrees in records.get(b"rorient", b"0,270").strip().split(b","))
    except (KeyError, ValueError) as error:
        raise DecodeError("corrupt", "CALS: its header can't be read") from error
    limits.check_pixels(width, height)
    turn = _CALS_TURNS.get((path, lines), 1)
    entries = (
        (256, width), (257, height), (258, 1), (259, 4), (262, 0), (273, 8), (274, turn), (277, 1), (278, height),
        (279, len(data) - _CALS_HEADER),
    )  # fmt: skip
    body = data[_CALS_HEADER:] + bytes(len(data) % 2)
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    head = b"II*\0" + struct.pack("<I", 8 + len(body))
    within = read_tiff(head + body + struct.pack("<H", len(entries)) + directory + bytes(4), limits)
    return replace(within, media_type="image/x-cals")
