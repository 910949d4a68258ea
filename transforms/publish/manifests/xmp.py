"""XMP sidecars of the merged record: what only copies that go state, for whoever writes it beside the kept copy.

Properties are those of the XMP specification (ISO 16684-1), IPTC Photo Metadata and PLUS; a file that is written here
says the same when it is read by the fingerprints' own reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

NAMESPACES = {
    "cc": "http://creativecommons.org/ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "edm": "http://www.europeana.eu/schemas/edm/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
}
ALT, SEQ, BAG, TEXT, URI = "Alt", "Seq", "Bag", "", "URI"
PROPERTIES = {
    "licence": ("xmpRights:WebStatement", TEXT),
    "rights": ("dc:rights", ALT),
    "rights_uri": ("edm:rights", URI),
    "usage_terms": ("xmpRights:UsageTerms", ALT),
    "data_mining": ("plus:DataMining", TEXT),
    "creator": ("dc:creator", SEQ),
    "credit": ("photoshop:Credit", TEXT),
    "catalogue_no": ("plus:ImageSupplierImageID", TEXT),
    "title": ("dc:title", ALT),
    "caption": ("dc:description", ALT),
    "instructions": ("photoshop:Instructions", TEXT),
    "capture_time": ("exif:DateTimeOriginal", TEXT),
    "rating": ("xmp:Rating", TEXT),
    "digital_source_type": ("Iptc4xmpExt:DigitalSourceType", TEXT),
    "keywords": ("dc:subject", BAG),
}
"""By column of contents; `gps` is written as two properties of its own."""
VOCABULARY = {
    "data_mining": "http://ns.useplus.org/ldf/vocab/",
    "digital_source_type": "http://cv.iptc.org/newscodes/digitalsourcetype/",
}
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLACE = re.compile(r"([+-]\d{2}(?:\.\d+)?)([+-]\d{3}(?:\.\d+)?)/?$")


def sidecar(values: Mapping[str, Sequence[str]]) -> bytes:
    """Write an XMP packet that states values by column of contents; '' where none can be written.

    Raises:
      ValueError: a value that XMP can't state; `unwritable` says which before.
    """
    lines = [line for field in sorted(values) for line in _property(field, values[field])]
    spaces = "\n".join(f"    xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in NAMESPACES.items())
    body = "\n".join(f"   {line}" for line in lines)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n  <rdf:Description rdf:about=""\n'
        f'{spaces}>\n{body}\n  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>\n'
    ).encode()


def unwritable(field: str, value: str) -> str:
    """Say why a value can't be written as XMP; '' when it can."""
    if _NO_XML.search(value):
        return "it has characters that XML can't hold"
    if field == "gps":
        return "" if _PLACE.fullmatch(value) else "it is no place of ISO 6709"
    if field == "rating" and not re.fullmatch(r"-1|[0-5](\.\d+)?", value):
        return "it is no number from -1 to 5"
    if field == "rights_uri" and not value.startswith(("http://", "https://")):
        return "it is no URI"
    return "" if field in PROPERTIES else "XMP has no property for it"


def _property(field: str, values: Sequence[str]) -> list[str]:
    if field == "gps":
        return _gps(values[0])
    name, form = PROPERTIES[field]
    texts = [escape(VOCABULARY.get(field, "") + value) for value in values]
    if form == TEXT:
        return [f"<{name}>{texts[0]}</{name}>"]
    if form == URI:
        return [f"<{name} rdf:resource={quoteattr(values[0])}/>"]
    language = ' xml:lang="x-default"' if form == ALT else ""
    items = "".join(f"<rdf:li{language}>{text}</rdf:li>" for text in (texts[:1] if form == ALT else texts))
    return [f"<{name}><rdf:{form}>{items}</rdf:{form}></{name}>"]


def _gps(value: str) -> list[str]:
    found = _PLACE.fullmatch(value)
    if found is None:
        raise ValueError(f"{value!r} is no place of ISO 6709")
    lines = []
    for name, text, letters in (("Latitude", found[1], "NS"), ("Longitude", found[2], "EW")):
        degrees = abs(float(text))
        whole = int(degrees)
        side = letters[text.startswith("-")]
        lines.append(f"<exif:GPS{name}>{whole},{(degrees - whole) * 60:.6f}{side}</exif:GPS{name}>")
    return lines
