"""What a file says about its origin is found; bad metadata never fails a picture."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mirrorfold.transforms.fingerprint import jpeg
from mirrorfold.transforms.fingerprint.provenance import icc_description, parse_moment, read_provenance
from mirrorfold.transforms.fingerprint.rows import Content, content_rows
from mirrorfold.transforms.fingerprint.xmp import read_xmp
from tests.fingerprint.worlds import encode, inline, photo

PACKET = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmpMM:DocumentID="doc-1" xmpMM:OriginalDocumentID="orig-1" xmp:MetadataDate="2021-05-06T07:08:09+08:00"
 xmpRights:WebStatement="https://example.org/licence">
<xmpMM:InstanceID>inst-1</xmpMM:InstanceID>
<xmpMM:DerivedFrom stRef:documentID="parent-1"/>
<dc:creator><rdf:Seq><rdf:li>A. Person</rdf:li></rdf:Seq></dc:creator>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Harbour</rdf:li></rdf:Alt></dc:title>
<dc:subject><rdf:Bag><rdf:li>ship</rdf:li><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>
<ext:ArtworkOrObject><rdf:Bag><rdf:li rdf:parseType="Resource"><ext:AOSourceInvNo>1907.12</ext:AOSourceInvNo></rdf:li>
</rdf:Bag></ext:ArtworkOrObject>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def exif_block() -> Image.Exif:
    exif = Image.Exif()
    exif.update({271: "Maker", 272: "Model X", 305: "Editor 1", 315: "E. Artist", 33432: "(c) Somebody", 274: 6})
    below = exif.get_ifd(0x8769)
    below.update({36867: "2020:01:02 03:04:05", 37521: "12", 36881: "+08:00", 42016: "unique-1", 42033: "S/N 7"})
    return exif


def iptc_block() -> bytes:
    def record(dataset: int, value: bytes, number: int = 2) -> bytes:
        return bytes([0x1C, number, dataset]) + len(value).to_bytes(2, "big") + value

    return (
        record(90, b"\x1b%G", 1)
        + record(80, "Éva".encode())
        + record(25, b"one")
        + record(25, b"two")
        + record(5, b"T")
    )


def test_exif_is_read_from_a_jpeg_with_its_orientation():
    picture = inline(encode(photo(size=(80, 60)), "JPEG", exif=exif_block(), xmp=PACKET))
    row = content_rows({"x": Content(1, picture)}).to_pylist()[0]
    expected = {
        "capture_time": "2020-01-02T03:04:05.12+08:00",
        "camera_make": "Maker",
        "camera_model": "Model X",
        "camera_serial": "S/N 7",
        "image_unique_id": "unique-1",
        "software": "Editor 1",
        "document_id": "doc-1",
        "instance_id": "inst-1",
        "original_document_id": "orig-1",
        "derived_from": "parent-1",
        "creator": "A. Person",
        "rights": "(c) Somebody",
        "licence": "https://example.org/licence",
        "catalogue_no": "1907.12",
        "title": "Harbour",
        "keywords": ["ship", "sea"],
        "metadata_date": parse_moment("2021-05-05T23:08:09Z"),
        "orientation": 6,
        "width": 60,
        "height": 80,
    }
    assert {name: row[name] for name in expected} == expected
    assert row["metadata_fields"] == 17


@pytest.mark.parametrize(
    ("stated", "rating"),
    [("4", "4"), ("4.0", "4"), ("-1", "-1"), ("2.5", "2.5"), ("0", None), ("9", None), ("nan", None), ("good", None)],
)
def test_a_rating_is_written_one_way_and_unrated_is_none(stated: str, rating: str | None):
    packet = PACKET.replace(b'xmpMM:DocumentID="doc-1"', f'xmp:Rating="{stated}"'.encode())
    assert read_xmp(packet).get("rating") == rating


@pytest.mark.parametrize(("exif", "xmp", "rating"), [(3, None, "3"), (3, "5", "5"), (0, None, None), (99, None, None)])
def test_a_rating_of_exif_counts_where_xmp_has_none(exif: int, xmp: str | None, rating: str | None):
    block = Image.Exif()
    block[0x4746] = exif
    packet = PACKET.replace(b'xmpMM:DocumentID="doc-1"', f'xmp:Rating="{xmp}"'.encode()) if xmp else None
    assert read_provenance(block.tobytes(), packet, None)[0].get("rating") == rating


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_exif_is_read_from_other_formats(kind):
    from mirrorfold.transforms.fingerprint.decode import read
    from mirrorfold.transforms.fingerprint.limits import Limits

    data = encode(photo(size=(80, 60)), kind, exif=exif_block())
    picture = read(kind.lower(), data, Limits(10**6, 4, 1 << 30))
    assert picture.provenance["camera_model"] == "Model X"
    # Pillow writes no EXIF directory into a TIFF.
    assert kind == "TIFF" or picture.provenance["capture_time"] == "2020-01-02T03:04:05.12+08:00"


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "photoshop"])
def test_iptc(wrapped):
    block = iptc_block()
    if wrapped:
        block = b"8BIM\x04\x04\0\0" + len(block).to_bytes(4, "big") + block
    found, _ = read_provenance(None, None, block)
    assert found == {"creator": "Éva", "title": "T", "keywords": ["one", "two"]}


def test_entities_and_doctypes_are_refused():
    bomb = (
        b'<!DOCTYPE a [<!ENTITY b "boom">]><x xmlns:d="http://purl.org/dc/elements/1.1/"><d:creator>&b;</d:creator></x>'
    )
    assert read_xmp(bomb) == {}


@pytest.mark.parametrize("stated", ["2020:13:45 99:99:99", "", "0000:00:00 00:00:00", "yesterday"])
def test_impossible_times_are_left_out(stated):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[36867] = stated
    assert "capture_time" not in read_provenance(exif.tobytes(), None, None)[0]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_metadata_raises_nothing(data):
    blocks = [exif_block().tobytes(), PACKET, iptc_block()]
    damaged = []
    for block in blocks:
        at = data.draw(st.integers(0, len(block)))
        damaged.append(block[:at] + data.draw(st.binary(max_size=12)) + block[at + data.draw(st.integers(0, 40)) :])
    found, orientation = read_provenance(*damaged)
    assert 1 <= orientation <= 8
    assert all(value for value in found.values())
    icc_description(data.draw(st.binary(max_size=300)))


@pytest.mark.parametrize("quality", [10, 50, 75, 90, 95])
def test_jpeg_quality_is_estimated(quality):
    assert abs(inline(encode(photo(size=(80, 60)), "JPEG", quality=quality)).jpeg_quality - quality) <= 1


def test_the_digest_covers_the_picture_and_not_its_metadata():
    plain = encode(photo(size=(80, 60)), "JPEG")
    other = Image.Exif()
    other[305] = "Another editor"
    turned = Image.Exif()
    turned[274] = 3
    digests = [
        inline(data).digest
        for data in (
            plain,
            encode(photo(size=(80, 60)), "JPEG", exif=other, comment=b"hello"),
            encode(photo(size=(80, 60)), "JPEG", exif=turned),
            encode(photo(size=(80, 60)), "JPEG", quality=60),
        )
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_the_colour_transform_is_part_of_the_picture():
    data = encode(photo(size=(80, 60)).convert("CMYK"), "JPEG")
    marker = data.index(b"\xff\xee")
    length = 2 + int.from_bytes(data[marker + 2 : marker + 4], "big")
    without = data[:marker] + data[marker + length :]
    header = jpeg.read_header
    assert jpeg.digest(data, header(data), b"") != jpeg.digest(without, header(without), b"")


def test_png_text_is_no_part_of_the_picture():
    from PIL import PngImagePlugin

    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "hello")
    image = photo(size=(80, 60))
    assert inline(encode(image, "PNG")).digest == inline(encode(image, "PNG", pnginfo=text)).digest
    assert inline(encode(image, "PNG")).digest != inline(encode(image.rotate(180), "PNG")).digest
