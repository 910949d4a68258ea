"""PREMIS 3 (loc.gov/standards/premis/v3): objects, events, agents and rights, as XML or as the same in JSON.

An entity is a nested list of (element, value): a value is text, a list of the same, or `Term` of a vocabulary of the
Library of Congress (id.loc.gov/vocabulary/preservation). Elements stand in the order that the schema demands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from xml.sax.saxutils import escape, quoteattr

ID_LOC = "http://id.loc.gov/vocabulary/preservation"
NAMESPACE = "http://www.loc.gov/premis/v3"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<premis xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="3.0">\n'
)
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Term(NamedTuple):
    """A term of a vocabulary: its label, and where in id.loc.gov it is defined."""

    label: str
    vocabulary: str
    code: str

    @property
    def uri(self) -> str:
        return f"{ID_LOC}/{self.vocabulary}/{self.code}"


POLICY_ASSIGNMENT = Term("policy assignment", "eventType", "poa")
"""What a plan does, whatever it decides: nothing is deaccessioned, quarantined or deleted before somebody acts."""
DIGEST = Term("message digest calculation", "eventType", "mes")
FIXITY_CHECK = Term("fixity check", "eventType", "fix")
DELETION = Term("deletion", "eventType", "del")
SOFTWARE = Term("software", "agentType", "sof")
PERSON = Term("person", "agentType", "per")
PROGRAM = Term("executing program", "eventRelatedAgentRole", "exe")
AUTHORIZER = Term("authorizer", "eventRelatedAgentRole", "aut")
LICENCE = Term("license", "rightsBasis", "lic")
OTHER = Term("other", "rightsBasis", "oth")
SHA256 = Term("SHA-256", "cryptographicHashFunctions", "sha256")
SIBLING = (Term("structural", "relationshipType", "str"), Term("has sibling", "relationshipSubType", "hsi"))
"""Between an object and the kept copy that stands for it."""
OUTCOMES = {
    "keep": "to be kept",
    "quarantine": "to be set aside for the policy's days; another copy is kept",
    "review": "stays until people have decided",
    "blocked": "stays: a hold, a protected place or a doubt forbids anything else",
}
"""By action of the table decisions."""

Value = Any
Element = tuple[str, Value]


def ids(kind: str, name: str, value: str, *more: Element) -> Element:
    """Write an identifier of an entity or a link to one: its two parts are named after it."""
    return kind, [(f"{kind}Type", name), (f"{kind}Value", value), *more]


def file_object(row: Mapping) -> list[Element]:
    """Write an object of category file from a row of objects with its content and decision."""
    characteristics: list[Element] = []
    if row["sha256"]:
        digest = [("messageDigestAlgorithm", SHA256), ("messageDigest", row["sha256"])]
        characteristics.append(("fixity", [*digest, ("messageDigestOriginator", row["originator"])]))
    characteristics.append(("size", str(row["size"])))
    named = row["media_type"] or "unknown"
    note = [] if row["media_type"] else [("formatNote", row["why"] or "it wasn't read")]
    characteristics.append(("format", [("formatDesignation", [("formatName", named)]), *note]))
    place = [("contentLocationType", "URI"), ("contentLocationValue", row["uri"])]
    made: list[Element] = [
        *identifiers("objectIdentifier", row["uri"], row["version"]),
        ("objectCharacteristics", characteristics),
        ("originalName", row["key"].rpartition("/")[2] or row["key"]),
        ("storage", [("contentLocation", place), ("storageMedium", f"{row['store']} {row['storage_class']}")]),
    ]
    if row["kept_uri"]:
        kind, sub = SIBLING
        related = identifiers("relatedObjectIdentifier", row["kept_uri"], row["kept_version"])
        made.append(("relationship", [("relationshipType", kind), ("relationshipSubType", sub), *related]))
    made += [ids("linkingEventIdentifier", "local", event) for event in row["events"]]
    return [*made, ids("linkingRightsStatementIdentifier", "local", row["rights"])] if row["rights"] else made


def identifiers(kind: str, uri: str, version: str | None) -> list[Element]:
    """Name an object: by its URI, which with a version names these very bytes."""
    return [ids(kind, "URI", f"{uri}?versionId={version}" if version else uri)]


def event(
    name: str, kind: Term, at: str, detail: str, outcome: tuple[str, str], agents: Iterable[tuple[str, Term]],
    objects: Iterable[tuple[str, str | None]],
) -> list[Element]:  # fmt: skip
    """Write an event; agents are (identifier, role), objects (URI, version)."""
    result: list[Element] = [("eventOutcome", outcome[0])]
    if outcome[1]:
        result.append(("eventOutcomeDetail", [("eventOutcomeDetailNote", outcome[1])]))
    return [
        ids("eventIdentifier", "local", name),
        ("eventType", kind),
        ("eventDateTime", at),
        ("eventDetailInformation", [("eventDetail", detail)]),
        ("eventOutcomeInformation", result),
        *(ids("linkingAgentIdentifier", "local", who, ("linkingAgentRole", role)) for who, role in agents),
        *(one for uri, version in objects for one in identifiers("linkingObjectIdentifier", uri, version)),
    ]


def agent(name: str, called: str, kind: Term, version: str | None = None, note: str | None = None) -> list[Element]:
    """Write an agent: a person or a program."""
    made: list[Element] = [ids("agentIdentifier", "local", name), ("agentName", called), ("agentType", kind)]
    return made + [(k, v) for k, v in (("agentVersion", version), ("agentNote", note)) if v]


def rights_statement(name: str, said: Mapping[str, str | None], objects: Sequence[tuple[str, str]]) -> list[Element]:
    """Write what files state of their rights: a licence as such, anything else as a basis of another kind.

    No status of copyright is claimed: what a file says of itself determines none.
    """
    licence, uri, texts = said["licence"], said["rights_uri"], [said["rights"], said["usage_terms"]]
    notes = [text for text in texts if text]
    if licence or (uri and "creativecommons.org" in uri):
        document = uri or licence or ""
        information: list[Element] = [("licenseDocumentationIdentifier", [
            ("licenseDocumentationIdentifierType", "URI" if "://" in document else "text"),
            ("licenseDocumentationIdentifierValue", document)])]  # fmt: skip
        information += [("licenseTerms", licence)] if licence and licence != document else []
        basis, block = LICENCE, ("licenseInformation", [*information, *(("licenseNote", n) for n in notes)])
    else:
        named: list[Element] = [("otherRightsDocumentationIdentifier", [
            ("otherRightsDocumentationIdentifierType", "URI" if "://" in uri else "text"),
            ("otherRightsDocumentationIdentifierValue", uri)])] if uri else []  # fmt: skip
        stated: Element = ("otherRightsBasis", "statement in the file")
        basis, block = OTHER, ("otherRightsInformation", [*named, stated, *(("otherRightsNote", n) for n in notes)])
    links = [one for uri_, version in objects for one in identifiers("linkingObjectIdentifier", uri_, version)]
    name_ = ids("rightsStatementIdentifier", "local", name)
    return [("rightsStatement", [name_, ("rightsBasis", basis), block, *links])]


def to_xml(kind: str, entity: list[Element]) -> str:
    """Write an entity as XML; characters that XML can't hold become U+FFFD."""
    attribute = ' xsi:type="file"' if kind == "object" else ""
    return f"<{kind}{attribute}>{''.join(_xml(*element) for element in entity)}</{kind}>\n"


def _xml(name: str, value: Value) -> str:
    if isinstance(value, Term):
        authority = f' authority="{value.vocabulary}" authorityURI="{ID_LOC}/{value.vocabulary}" valueURI='
        return f"<{name}{authority}{quoteattr(value.uri)}>{escape(value.label)}</{name}>"
    if isinstance(value, list):
        return f"<{name}>{''.join(_xml(*element) for element in value)}</{name}>"
    return f"<{name}>{escape(_NO_XML.sub(chr(0xFFFD), value))}</{name}>"


def to_plain(kind: str, entity: list[Element]) -> dict:
    """Write the same entity for JSON: an element that occurs again becomes a list."""
    return {"entity": kind, **_plain(entity)}


def _plain(value: Value) -> Any:
    if isinstance(value, Term):
        return {"value": value.label, "uri": value.uri}
    if not isinstance(value, list):
        return value
    made: dict[str, Any] = {}
    for name, inner in value:
        plain = _plain(inner)
        if name in made:
            made[name] = [*(made[name] if isinstance(made[name], list) else [made[name]]), plain]
        else:
            made[name] = plain
    return made
