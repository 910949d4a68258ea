"""The records of a catalogue's export: cells by column, in CSV or in LIDO's XML, read and written back alike."""

from __future__ import annotations

import copy
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

LIDO = {"lido": "http://www.lido-schema.org"}
_WRAP = f"{{{LIDO['lido']}}}lidoWrap"
_SEPARATORS = ",;\t"
_DECLARED = re.compile(r"^\s*<\?xml[^>]*\?>")
LONGEST = 1 << 24
"""Characters of a cell."""

Row = dict[str, str]


@dataclass(frozen=True)
class Records:
    """What an export holds.

    Attributes:
      rows: each record's cells by column.
      columns: of CSV, in their order.
      separator: what stood between its cells.
      elements: of LIDO, each record's element.
    """

    rows: Sequence[Row]
    columns: Sequence[str] = ()
    separator: str = ","
    elements: Sequence[ElementTree.Element] = ()


def read_csv(text: str, name: str) -> Records:
    """Read a CSV with a heading; commas, semicolons or tabs, whichever its heading has most of.

    Raises:
      ValueError: one line naming the file and line.
    """
    heading = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=heading.count)
    csv.field_size_limit(LONGEST)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = [column.strip() for column in reader.fieldnames or ()]
        doubled = {column for column in columns if column and columns.count(column) > 1}
        if doubled:
            raise ValueError(f"{name}: two columns are called {min(doubled)!r}: rename one in the export")
        reader.fieldnames = columns
        # Some systems write a separator after the last cell: what would stand there has no heading.
        rows = [{key: value or "" for key, value in row.items() if key} for row in reader]
    except csv.Error as error:
        raise ValueError(f"{name}:{reader.line_num}: not CSV: {error}") from error
    if not rows:
        raise ValueError(f"{name}: there are no records in it")
    return Records(rows, columns, separator)


def read_lido(text: str, name: str, paths: Sequence[str], between: str) -> Records:
    """Read LIDO's XML: of each record what stands at the paths, several values with `between` between.

    Raises:
      ValueError: one line naming the file.
    """
    try:
        # What stands in the declaration is the encoding that the text was in.
        root = fromstring(_DECLARED.sub("", text), forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise ValueError(f"{name}: isn't XML that can be read safely: {' '.join(str(error).split())[:120]}") from error
    elements = [root] if root.tag == f"{{{LIDO['lido']}}}lido" else root.findall(".//lido:lido", LIDO)
    if not elements:
        raise ValueError(f"{name}: there is no lido:lido in it")
    rows = [{path: between.join(filter(None, map(_text, e.findall(path, LIDO)))) for path in paths} for e in elements]
    return Records(rows, tuple(paths), elements=elements)


def _text(element: ElementTree.Element) -> str:
    return " ".join((element.text or "").split())


def write_csv(records: Records, changed: Mapping[int, Row]) -> bytes:
    """Write the changed records as the export has them, other cells as they were; UTF-8 without a mark."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, records.columns, delimiter=records.separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records.rows[number] | cells for number, cells in changed.items())
    return sink.getvalue().encode("utf-8", "surrogatepass")


def write_lido(records: Records, changed: Mapping[int, Row], between: str) -> bytes:
    """Write the changed records as LIDO, elements that aren't there yet made at their paths."""
    ElementTree.register_namespace("lido", LIDO["lido"])
    root = ElementTree.Element(_WRAP)
    for number, cells in changed.items():
        element = copy.deepcopy(records.elements[number])
        for path, value in cells.items():
            _set(element, path, value.split(between))
        root.append(element)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _set(element: ElementTree.Element, path: str, values: Sequence[str]) -> None:
    """Let the elements at a path say these values: those that are there are kept, and what is missing is made."""
    parents, _, last = path.rpartition("/")
    for value, found in zip(values, element.findall(path, LIDO), strict=False):
        found.text = value
    for value in values[len(element.findall(path, LIDO)) :]:
        at = element
        # A further value of a list stands in a set of its own: only what leads to the last but one is shared.
        steps = parents.split("/") if parents else []
        for depth, step in enumerate(steps):
            there = at.find(step, LIDO) if depth < len(steps) - 2 or not element.findall(path, LIDO) else None
            at = there if there is not None else ElementTree.SubElement(at, _tag(step))
        ElementTree.SubElement(at, _tag(last)).text = value


def _tag(step: str) -> str:
    prefix, _, name = step.partition(":")
    return f"{{{LIDO[prefix]}}}{name}"
