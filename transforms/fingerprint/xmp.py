"""Read the provenance fields of an XMP packet, safely: no entities, no DTD, a bounded size."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from mirrorfold.transforms.fingerprint.ifd import clean

MAX_BYTES = 1 << 20
MAX_KEYWORDS = 1_000

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_MM = "{http://ns.adobe.com/xap/1.0/mm/}"
_REF = "{http://ns.adobe.com/xap/1.0/sType/ResourceRef#}"
_RIGHTS = "{http://ns.adobe.com/xap/1.0/rights/}"
_XMP = "{http://ns.adobe.com/xap/1.0/}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PLUS = "{http://ns.useplus.org/ldf/xmp/1.0/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_EXT = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"

_FIELDS = {
    "document_id": (_MM + "DocumentID",),
    "instance_id": (_MM + "InstanceID",),
    "original_document_id": (_MM + "OriginalDocumentID",),
    "creator": (_DC + "creator",),
    "rights": (_DC + "rights",),
    "licence": (
        _RIGHTS + "WebStatement",
        "{http://creativecommons.org/ns#}license",
        _PLUS + "LicensorURL",
        _PLUS + "LicensorName",
    ),
    "catalogue_no": (_EXT + "AOSourceInvNo", _PLUS + "ImageSupplierImageID", _EXT + "SupplierImageID"),
    "title": (_DC + "title",),
    "software": (_XMP + "CreatorTool",),
    "metadata_date": (_XMP + "MetadataDate",),
    "rating": (_XMP + "Rating",),
    "capture_time": (_EXIF + "DateTimeOriginal",),
    "caption": (_DC + "description",),
    "usage_terms": (_RIGHTS + "UsageTerms",),
    "instructions": (_PHOTOSHOP + "Instructions",),
    "credit": (_PHOTOSHOP + "Credit",),
    "data_mining": (_PLUS + "DataMining",),
    "digital_source_type": (_EXT + "DigitalSourceType",),
}
_RIGHTS_URI = re.compile(
    r"https?://(?:www\.)?((?:rightsstatements\.org|creativecommons\.org)/[^\s<>\"']+)", re.IGNORECASE
)
_RIGHTS_PLACES = (
    _RIGHTS + "WebStatement", "{http://creativecommons.org/ns#}license", "{http://www.europeana.eu/schemas/edm/}rights",
    "{http://purl.org/dc/terms/}rights", "{http://purl.org/dc/terms/}license", _DC + "rights", _RIGHTS + "UsageTerms",
)  # fmt: skip
"""Properties in which a URI of rightsstatements.org or Creative Commons is looked for, in this order."""
_MOST = 180.0


def read_xmp(packet: bytes) -> dict:
    """Give the columns an XMP packet states; nothing where it isn't well-formed or is too large."""
    root = parse(packet)
    return {} if root is None else properties_of(root)


def parse(packet: bytes) -> Element | None:
    """Parse a packet; None where it isn't well-formed, holds what XMP may not (a DTD), or is too large."""
    if len(packet) > MAX_BYTES:
        return None
    try:
        # UTF-16 ends in a zero byte of its own.
        wide = packet[:2] in (b"\xff\xfe", b"\xfe\xff")
        return fromstring(packet if wide else packet.strip(b"\0 \r\n\t"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None


def properties_of(root: Element) -> dict:
    """Give the columns that a parsed packet states."""
    stated = _properties(root)
    found: dict = {}
    for column, names in _FIELDS.items():
        value = next((text for name in names for text in [clean(stated.get(name, ""))] if text), None)
        if value:
            found[column] = value
    keywords = [text for text in map(clean, _items(root.find(f".//{_DC}subject"))[:MAX_KEYWORDS]) if text]
    if keywords:
        found["keywords"] = keywords
    for column in ("data_mining", "digital_source_type"):
        if column in found:
            found[column] = found[column].rstrip("/").rsplit("/", 1)[-1]
    if rating := rating_of(found.pop("rating", "")):
        found["rating"] = rating
    uri = rights_uri([stated.get(name, "") for name in _RIGHTS_PLACES]) or clean(
        stated.get(_PLUS + "CopyrightStatus", "")
    )
    if uri:
        found["rights_uri"] = uri
    place = _place(stated)
    if place:
        found["gps"] = place
    derived = _derived_from(root)
    if derived:
        found["derived_from"] = derived
    return found


def rating_of(text: str) -> str | None:
    """Write a rating one way, `4` for 4.0; None for 0, which says that nobody rated, and for what is none of XMP's."""
    try:
        value = float(text)
    except ValueError:
        return None
    return f"{value:g}" if value == -1 or 0 < value <= 5 else None


def rights_uri(texts: list[str]) -> str | None:
    """Find the first URI of rightsstatements.org or Creative Commons; written one way, whatever its scheme and end."""
    found = next((match.group(1) for match in map(_RIGHTS_URI.search, texts) if match), None)
    return clean("https://" + found.rstrip("/.,;)").lower()) if found else None


def place_of(latitude: float, longitude: float) -> str | None:
    """Write a place as ISO 6709 does, to a metre: +48.85820+002.29450; None where it is none on Earth, or 0, 0."""
    if not (abs(latitude) <= _MOST / 2 and abs(longitude) <= _MOST) or latitude == longitude == 0:
        return None
    return f"{latitude:+09.5f}{longitude:+010.5f}"


def _place(stated: dict[str, str]) -> str | None:
    sides = []
    for name in ("GPSLatitude", "GPSLongitude"):
        text = stated.get(_EXIF + name, "").strip()
        parts = text[:-1].split(",")
        if text[-1:].upper() not in ("N", "S", "E", "W") or not 1 < len(parts) <= 3:
            return None
        try:
            degrees = sum(float(part) / 60**power for power, part in enumerate(parts))
        except ValueError:
            return None
        sides.append(-degrees if text[-1].upper() in "SW" else degrees)
    return place_of(*sides)


def _properties(root: Element) -> dict[str, str]:
    """Give the first value of each simple property, wherever it lies; RDF writes it as an attribute or an element."""
    stated: dict[str, str] = {}
    for element in root.iter():
        if element.tag == _RDF + "Description":
            for name, value in element.attrib.items():
                stated.setdefault(name, value)
        elif isinstance(element.tag, str) and not element.tag.startswith(_RDF):
            items = _items(element)
            if items:
                stated.setdefault(element.tag, items[0])
    return stated


def _items(element: Element | None) -> list[str]:
    if element is None:
        return []
    resource = element.get(_RDF + "resource")
    if resource:
        return [resource]
    listed = [item.text for item in element.iter(_RDF + "li") if item.text and item.text.strip()]
    return listed or ([element.text] if element.text and element.text.strip() else [])


def _derived_from(root: Element) -> str | None:
    place = root.find(f".//{_MM}DerivedFrom")
    if place is None:
        return None
    for name in ("documentID", "instanceID", "originalDocumentID"):
        for element in place.iter():
            text = clean(element.get(_REF + name) or (element.text or "" if element.tag == _REF + name else ""))
            if text:
                return text
    return None
