"""Rights, captions, instructions and origin are read from every block that states them, and shown as their columns."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from mirrorfold.transforms.fingerprint import c2pa
from mirrorfold.transforms.fingerprint.provenance import read_provenance
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.fingerprint.xmp import place_of, rights_uri
from tests.fingerprint.test_sound import psd, taken, with_chunk
from tests.fingerprint.worlds import encode, inline, photo

PHOTO = photo(size=(64, 48))


def xmp(body: str, attributes: str = "") -> bytes:
    """Write an XMP packet."""
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:edm="http://www.europeana.eu/schemas/edm/" {attributes}>{body}
</rdf:Description></rdf:RDF></x:xmpmeta>""".encode()


def alt(name: str, text: str) -> str:
    """Write a property in one language."""
    return f'<{name}><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></{name}>'


STATED = xmp(
    alt("dc:description", "Boats at dawn")
    + alt("xmpRights:UsageTerms", "No cropping")
    + '<edm:rights rdf:resource="http://rightsstatements.org/vocab/InC/1.0/"/>',
    'photoshop:Instructions="EMBARGO until 1 May" photoshop:Credit="A Library" '
    'plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED" exif:GPSLatitude="48,51.492N" '
    'exif:GPSLongitude="2,17.67E" '
    'ext:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"',
)
EXPECTED = {
    "caption": "Boats at dawn",
    "usage_terms": "No cropping",
    "rights_uri": "https://rightsstatements.org/vocab/inc/1.0",
    "instructions": "EMBARGO until 1 May",
    "credit": "A Library",
    "data_mining": "DMI-PROHIBITED",
    "gps": "+48.85820+002.29450",
    "digital_source_type": "trainedAlgorithmicMedia",
}


def test_a_packet_states_what_decides():
    row = content_rows({"x": Content(1, inline(encode(PHOTO, "JPEG", xmp=STATED)))}).to_pylist()[0]
    assert {name: row[name] for name in EXPECTED} == EXPECTED
    assert row["metadata_fields"] == len(EXPECTED)


def iptc(*records: tuple[int, bytes]) -> bytes:
    return b"".join(bytes([0x1C, 2, number]) + len(value).to_bytes(2, "big") + value for number, value in records)


def test_iptc_states_it_where_xmp_does_not():
    block = iptc((120, b"A caption"), (116, b"(c) Me"), (40, b"Not before 2030"), (110, b"The Agency"))
    found, _ = read_provenance(None, xmp(alt("dc:description", "Another")), block)
    assert found == {
        "caption": "Another",
        "rights": "(c) Me",
        "instructions": "Not before 2030",
        "credit": "The Agency",
    }


@pytest.mark.parametrize(
    ("caption", "kept"), [("Boats", "Boats"), ("OLYMPUS DIGITAL CAMERA         ", None), ("SONY DSC", None)]
)
def test_what_a_camera_writes_into_each_file_is_no_caption(caption, kept):
    exif = Image.Exif()
    exif[270] = caption
    assert inline(encode(PHOTO, "JPEG", exif=exif)).provenance.get("caption") == kept


def test_the_place_is_read_from_exif():
    exif = Image.Exif()
    place = {1: "S", 2: (IFDRational(33), IFDRational(51), IFDRational(24)), 3: "E"}
    exif.get_ifd(0x8825).update({**place, 4: (IFDRational(151), IFDRational(12), IFDRational(36))})
    assert inline(encode(PHOTO, "JPEG", exif=exif)).provenance["gps"] == "-33.85667+151.21000"


@pytest.mark.parametrize(("latitude", "longitude"), [(0, 0), (91, 0), (0, 181)])
def test_no_place_on_earth_is_none(latitude, longitude):
    assert place_of(latitude, longitude) is None


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("http://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/licenses/by/4.0"),
        ("see https://www.rightsstatements.org/page/NoC-NC/1.0/.", "https://rightsstatements.org/page/noc-nc/1.0"),
        ("https://example.org/creativecommons.org.html", None),
        ("", None),
    ],
)
def test_rights_statements_are_written_one_way(text, uri):
    assert rights_uri(["", text]) == uri


def jumbf(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def text(value: bytes) -> bytes:
    return (bytes([0x60 + len(value)]) if len(value) < 24 else bytes([0x78, len(value)])) + value


URI = b"http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def manifest(claim: bytes) -> bytes:
    """Write a manifest store, as far as it is read."""
    label = jumbf(b"jumd", b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\x03c2pa\0")
    return jumbf(b"jumb", label + jumbf(b"cbor", claim))


STORE = manifest(
    b"\xa2" + text(b"claim_generator") + text(b"Camera 9/1.2 c2pa-rs") + text(b"digitalSourceType") + text(URI)
)
NEWER = manifest(b"\xa1" + text(b"claim_generator_info") + b"\xa1" + text(b"name") + text(b"Some Tool"))


def jpeg_with(store: bytes) -> bytes:
    """A JPEG with the store in two packets, as large ones are written."""
    data = encode(PHOTO, "JPEG")
    head, half = store[:8], 8 + (len(store) - 8) // 2
    packets = (store[:half], head + store[half:])
    parts = [b"JP\0\1" + number.to_bytes(4, "big") + part for number, part in enumerate(packets, start=1)]
    return data[:2] + b"".join(b"\xff\xeb" + (len(part) + 2).to_bytes(2, "big") + part for part in parts) + data[2:]


def webp_with(store: bytes) -> bytes:
    data = encode(PHOTO, "WEBP", exif=Image.Exif().tobytes() or b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    body = data[12:] + b"C2PA" + len(store).to_bytes(4, "little") + store + b"\0" * (len(store) & 1)
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


def avif_with(store: bytes) -> bytes:
    box = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + store
    return encode(PHOTO, "AVIF") + (len(box) + 8).to_bytes(4, "big") + b"uuid" + box


def tiff_with(store: bytes) -> bytes:
    return encode(PHOTO, "TIFF", tiffinfo={c2pa.TIFF_TAG: store})


def png_with(store: bytes) -> bytes:
    return with_chunk(b"caBX", store)


CARRIERS = {"jpeg": jpeg_with, "png": png_with, "webp": webp_with, "avif": avif_with, "tiff": tiff_with}


@pytest.mark.parametrize("kind", CARRIERS)
def test_a_manifest_is_seen_with_its_maker(kind):
    found = taken(CARRIERS[kind](STORE)).provenance
    assert found["c2pa"] == "Camera 9/1.2 c2pa-rs"
    assert found["digital_source_type"] == "compositeWithTrainedAlgorithmicMedia"
    assert "c2pa" not in taken(encode(PHOTO, kind.upper())).provenance


def test_a_newer_manifest_names_its_maker_elsewhere():
    assert c2pa.stated(NEWER) == {"c2pa": "Some Tool"}
    assert c2pa.stated(manifest(b"\xa0")) == {"c2pa": c2pa.UNKNOWN}
    assert c2pa.stated(b"jumb") == c2pa.stated(None) == {}


def test_a_manifest_changes_no_digest_of_the_picture():
    assert taken(jpeg_with(STORE)).digest == taken(encode(PHOTO, "JPEG")).digest


def raw_profile(name: bytes, block: bytes) -> bytes:
    """Write a profile as older ImageMagick does."""
    digits = block.hex().encode()
    lines = b"\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    packed = zlib.compress(b"\n" + name + b"\n%8d\n" % len(block) + lines + b"\n")
    return with_chunk(b"zTXt", b"Raw profile type " + name + b"\0\0" + packed)


def test_profiles_in_hexadecimal_are_read():
    exif = Image.Exif()
    exif.update({274: 6, 315: "E. Artist"})
    picture = taken(raw_profile(b"exif", b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")))
    assert (picture.orientation, picture.width, picture.height) == (6, 300, 420)
    assert picture.provenance["creator"] == "E. Artist"
    assert taken(raw_profile(b"iptc", iptc((116, b"(c) Me")))).provenance == {"rights": "(c) Me"}
    assert taken(raw_profile(b"xmp", STATED)).provenance == EXPECTED


@pytest.mark.parametrize("bits", [8, 16])
def test_a_psd_states_its_metadata(bits):
    block = b"8BIM\x04\x04\0\0" + len(iptc((120, b"A caption"))).to_bytes(4, "big") + iptc((120, b"A caption"))
    data = psd(bits)
    data = data[:30] + len(block).to_bytes(4, "big") + block + data[34:]
    assert taken(data).provenance == {"caption": "A caption"}


def test_opacity_of_nothing_at_all_hides_nothing_in_a_tga():
    clear = np.dstack([np.asarray(PHOTO), np.zeros((48, 64), np.uint8)])
    shown = taken(encode(Image.fromarray(clear), "TGA"))
    plain = taken(encode(PHOTO, "TGA"))
    assert np.abs(np.frombuffer(shown.luma, np.uint8).astype(int) - np.frombuffer(plain.luma, np.uint8)).max() <= 1
