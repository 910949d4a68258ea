"""Every container that can hold metadata gives them up: XMP, IPTC, EXIF and a C2PA manifest, wherever it keeps them."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from mirrorfold.transforms.fingerprint import boxes, c2pa
from tests.fingerprint.corpora import files
from tests.fingerprint.test_raw import camera_raw
from tests.fingerprint.test_rights import EXPECTED, STATED, STORE, iptc
from tests.fingerprint.test_sound import psd, taken, with_chunk
from tests.fingerprint.worlds import encode, photo

PHOTO = photo(size=(64, 48))
XMP_UUID, IPTC_UUID = "be7acfcb97a942e89c71999491e3afac", "33c7a4d2b81d4723a0baf1a3e097ad38"
RECORDS = iptc((120, b"A caption"), (116, b"(c) Me"), (40, b"Not before 2030"), (110, b"The Agency"))
SAID = {"caption": "A caption", "rights": "(c) Me", "instructions": "Not before 2030", "credit": "The Agency"}
EXIF = Image.Exif()
EXIF.update({315: "E. Artist", 33432: "(c) Somebody"})
ARTIST = {"creator": "E. Artist", "rights": "(c) Somebody"}
BARE_EXIF = EXIF.tobytes().removeprefix(b"Exif\0\0")


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def uuid(name: str, body: bytes) -> bytes:
    return box(b"uuid", bytes.fromhex(name) + body)


def jp2(*more: bytes) -> bytes:
    """A JPEG 2000 with boxes before its codestream."""
    data = encode(PHOTO, "JPEG2000")
    at = data.index(b"jp2c") - 4
    return data[:at] + b"".join(more) + data[at:]


def jxl(*more: bytes) -> bytes:
    """A JPEG XL in its container, with boxes behind."""
    data = imagecodecs.jpegxl_encode(np.asarray(PHOTO), usecontainer=True)
    assert data[4:8] == b"JXL "
    return data + b"".join(more)


def brob(kind: bytes, body: bytes) -> bytes:
    return box(b"brob", kind + imagecodecs.brotli_encode(body))


def resource(number: int, body: bytes) -> bytes:
    return b"8BIM" + number.to_bytes(2, "big") + b"\0\0" + len(body).to_bytes(4, "big") + body + bytes(len(body) & 1)


def psd_with(block: bytes) -> bytes:
    data = psd(8)
    return data[:30] + len(block).to_bytes(4, "big") + block + data[34:]


def jpeg_with(marker: int, body: bytes) -> bytes:
    data = encode(PHOTO, "JPEG")
    return data[:2] + bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body + data[2:]


def cr3(*more: bytes) -> bytes:
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + b"".join(more) + box(b"mdat", encode(PHOTO, "JPEG"))


def tiff_with(tag: int, body: bytes) -> bytes:
    return encode(PHOTO, "TIFF", tiffinfo={tag: body})


def itxt(text: bytes) -> bytes:
    return with_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text)


XMP = {
    "JPEG": lambda: encode(PHOTO, "JPEG", xmp=STATED),
    "PNG": lambda: itxt(STATED),
    "WebP": lambda: encode(PHOTO, "WEBP", xmp=STATED),
    "AVIF": lambda: encode(PHOTO, "AVIF", xmp=STATED),
    "TIFF": lambda: tiff_with(700, STATED),
    "PSD": lambda: psd_with(resource(1060, STATED)),
    "JPEG 2000, uuid": lambda: jp2(uuid(XMP_UUID, STATED)),
    "JPEG 2000, xml": lambda: jp2(box(b"xml ", b"<gml:FeatureCollection/>"), box(b"xml ", STATED)),
    "JPEG XL": lambda: jxl(box(b"xml ", STATED)),
    "JPEG XL, packed": lambda: jxl(brob(b"xml ", STATED)),
    "DNG": lambda: camera_raw(b"LEICA", dng=True, orientation=1, preview=encode(PHOTO, "JPEG"), xmp=STATED),
    "CR3": lambda: cr3(uuid(XMP_UUID, STATED)),
}
IPTC = {
    "JPEG": lambda: jpeg_with(0xED, b"Photoshop 3.0\0" + resource(0x404, RECORDS)),
    "TIFF": lambda: tiff_with(33723, RECORDS),
    "TIFF, in Photoshop's resources": lambda: tiff_with(34377, resource(0x404, RECORDS)),
    "PSD": lambda: psd_with(resource(0x404, RECORDS)),
    "JPEG 2000": lambda: jp2(uuid(IPTC_UUID, RECORDS)),
    "JPEG 2000, in Photoshop's resources": lambda: jp2(
        uuid("2c4c0100850440b9a03e562148d6dfeb", resource(0x404, RECORDS))
    ),
}
EXIFS = {
    "JPEG": lambda: encode(PHOTO, "JPEG", exif=EXIF),
    "PNG": lambda: encode(PHOTO, "PNG", exif=EXIF),
    "WebP": lambda: encode(PHOTO, "WEBP", exif=EXIF),
    "AVIF": lambda: encode(PHOTO, "AVIF", exif=EXIF),
    "TIFF": lambda: encode(PHOTO, "TIFF", exif=EXIF),
    "PSD": lambda: psd_with(resource(1058, BARE_EXIF)),
    "JPEG 2000": lambda: jp2(box(b"uuid", b"JpgTiffExif->JP2" + BARE_EXIF)),
    "JPEG 2000 by Adobe": lambda: jp2(uuid("0537cdab9d0c4431a72afa561f2a113e", b"Exif\0\0" + BARE_EXIF)),
    "JPEG XL": lambda: jxl(box(b"Exif", b"\0\0\0\0" + BARE_EXIF)),
    "JPEG XL, packed": lambda: jxl(brob(b"Exif", b"\0\0\0\6Exif\0\0" + BARE_EXIF)),
}
CASES = [
    pytest.param(make, expected, id=f"{block} in {name}")
    for block, table, expected in (("XMP", XMP, EXPECTED), ("IPTC", IPTC, SAID), ("EXIF", EXIFS, ARTIST))
    for name, make in table.items()
]


@pytest.mark.parametrize(("make", "expected"), CASES)
def test_every_container_gives_up_what_it_states(make, expected):
    found = taken(make()).provenance
    assert {name: found.get(name) for name in expected} == expected


def test_plain_texts_of_a_png_are_its_word_where_nothing_else_is():
    texts = PngImagePlugin.PngInfo()
    for name in ("Author", "Copyright", "Title", "Description", "Software", "Comment"):
        texts.add_text(name, f"its {name}")
    said = {"creator": "its Author", "rights": "its Copyright", "title": "its Title", "caption": "its Description"}
    assert taken(encode(PHOTO, "PNG", pnginfo=texts)).provenance == said
    assert taken(encode(PHOTO, "PNG", pnginfo=texts, exif=EXIF)).provenance["rights"] == "(c) Somebody"


@pytest.mark.parametrize("make", [lambda: jp2(STORE), lambda: jxl(STORE), lambda: jxl(brob(b"jumb", STORE[8:]))])
def test_a_manifest_in_boxes_is_seen(make):
    assert taken(make()).provenance["c2pa"] == "Camera 9/1.2 c2pa-rs"


def test_iptc_in_heic():
    (path,) = files("pillow-heif/tests/images/heif_other", "L_exif_xmp_iptc.heic")  # nothing here writes HEIC
    found = taken(path.read_bytes()).provenance
    assert found["keywords"]
    assert found["camera_make"]


def test_a_profile_in_jpeg_2000_is_named_and_applied():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = jp2()
    at = data.index(b"colr") - 4
    colour = box(b"colr", b"\2\0\0" + profile)
    grown = int.from_bytes(data[data.index(b"jp2h") - 4 :][:4], "big") + len(colour)
    head = data.index(b"jp2h") - 4
    data = data[:head] + grown.to_bytes(4, "big") + data[head + 4 : at] + colour + data[at:]
    assert taken(data).icc_profile == "sRGB built-in"


@pytest.mark.parametrize("body", [b"", b"\xff" * 40, imagecodecs.brotli_encode(bytes(boxes.MAX_METADATA + 1))])
def test_a_packed_box_that_is_broken_or_too_large_says_nothing(body):
    assert boxes.blocks(box(b"brob", b"xml " + body)) == (None, None, None, None)


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_cut_boxes_raise_nothing(cut):
    data = jp2(uuid(XMP_UUID, STATED))[:cut]
    boxes.blocks(data)
    boxes.jp2_depth(data)
    c2pa.payload("jp2", data)
