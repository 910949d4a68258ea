"""What a record says in our words, by a catalogue's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def columns_like(columns: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Give the columns that are named; a name with a star at its end means each that begins so, in their order."""
    found = []
    for name in wanted:
        if name.endswith("*"):
            found += [column for column in columns if column.startswith(name[:-1])]
        elif name in columns:
            found.append(name)
    return found


def said(row: Mapping[str, str], columns: Sequence[str], empty: Sequence[str]) -> str:
    """Give the first cell that says something, without blanks around it."""
    cells = (row.get(column, "").strip() for column in columns)
    return next((cell for cell in cells if cell and cell not in empty), "")


def files_of(
    row: Mapping[str, str], columns: Sequence[str], wanted: Sequence[str], empty: Sequence[str]
) -> list[tuple[str, str]]:
    """Give (column, file) of each file that a record names: of columns one after the other the first, of a star all."""
    for name in wanted:
        cells = [(column, said(row, [column], empty)) for column in columns_like(columns, [name])]
        if found := [(column, cell) for column, cell in cells if cell]:
            return found
    return []


def values_of(row: Mapping[str, str], fields: Mapping[str, Sequence[str]], empty: Sequence[str]) -> dict[str, str]:
    """Give what a record says, by our names of fields."""
    found = {name: said(row, columns, empty) for name, columns in fields.items()}
    return {name: value for name, value in found.items() if value}
