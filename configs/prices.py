"""Price books: dated YAML files whose every row names its source. Nothing here invents a price."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Store = Literal["s3", "gs", "az", "file", "*"]
LINE = "__line__"

UNITS = {
    "storage": ("GB-month", "GiB-month"),
    "retrieval": ("GB", "GiB"),
    "egress": ("GB", "GiB"),
    "get": ("1000-requests",),
    "put": ("1000-requests",),
    "list": ("1000-requests",),
    "vcpu-hour": ("hour",),
    "reviewer-hour": ("hour",),
}
"""What a row may price, and the units it may be priced in. GB is 10^9 bytes, GiB 2^30: they differ by 7 %."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Part):
    """The price from a volume on, in the row's unit of bytes."""

    start: Amount = Field(alias="from")
    amount: Amount


class Row(_Part):
    """One price. A point (`amount`), a range (`low`, `mid`, `high`) or steps by volume (`tiers`)."""

    store: Store
    region: str = Field(min_length=1)
    storage_class: str = Field(min_length=1)
    item: Literal[tuple(UNITS)]  # type: ignore[valid-type]
    amount: Amount | None = None
    low: Amount | None = None
    mid: Amount | None = None
    high: Amount | None = None
    tiers: tuple[Step, ...] = ()
    per: str
    currency: str = Field(pattern="^[A-Z]{3}$")
    source: str = Field(min_length=1)
    date: datetime.date
    sku: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Row:
        if self.per not in UNITS[self.item]:
            raise ValueError(f"{self.item} is priced per {' or '.join(UNITS[self.item])}, not {self.per!r}")
        bounds = (self.low, self.mid, self.high)
        forms = [self.amount is not None, any(bound is not None for bound in bounds), bool(self.tiers)]
        if sum(forms) != 1:
            raise ValueError("give one of amount; low, mid and high; or tiers")
        if forms[1] and (None in bounds or not self.low <= self.mid <= self.high):  # type: ignore[operator]
            raise ValueError("a range needs low <= mid <= high")
        starts = [step.start for step in self.tiers]
        if starts and (starts[0] != 0 or starts != sorted(set(starts))):
            raise ValueError("tiers start at 0 and rise")
        return self


class ClassRule(_Part):
    """What a storage class bills beyond the bytes: a minimum of days, a minimum size, an overhead per object."""

    store: Store
    storage_class: str
    minimum_days: Annotated[int, Field(ge=0)] = 0
    minimum_bytes: Annotated[int, Field(ge=0)] = 0
    overhead_bytes: Annotated[int, Field(ge=0)] = 0
    source: str = Field(min_length=1)
    date: datetime.date


class Exchange(_Part):
    """Units of `to` for one unit of `from`."""

    origin: str = Field(alias="from", pattern="^[A-Z]{3}$")
    target: str = Field(alias="to", pattern="^[A-Z]{3}$")
    rate: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
    source: str = Field(min_length=1)
    date: datetime.date


SECTIONS: dict[str, type[_Part]] = {"prices": Row, "classes": ClassRule, "exchange": Exchange}
KEYS = {
    "prices": ("store", "region", "storage_class", "item"),
    "classes": ("store", "storage_class"),
    "exchange": ("from", "to"),
}
"""What makes two rows of a section state the same thing."""


def load_prices(name_or_path: str) -> dict:
    """Load a price book by its name in configs/price_books or by its path, with the books it includes.

    A book's own rows win over those of the books it includes; two included books may not price the same thing. A class
    that it prices has the cloud's rules, unless it states others.

    Returns:
      A plain mapping: `name`; `prices`, `classes` and `exchange`, lists of plain rows (amounts as decimal strings,
      dates as ISO strings), each with its own source, date and the book it came from.

    Raises:
      ValueError: one line with file and line, saying what to mend.
    """
    name, rows = _read(name_or_path, ())
    rows["classes"] = _built_in_rules(rows) | rows["classes"]
    return {"name": name, **{section: list(rows[section].values()) for section in SECTIONS}}


def _built_in_rules(rows: dict[str, dict[tuple, dict]]) -> dict[tuple, dict]:
    """Give the rules of the clouds' own classes that a book prices and says nothing of.

    What a class bills beyond the bytes (128 KB at least, days at least) is the cloud's, whatever the price of a byte: a
    book of one's own prices that forgot it would be wrong by a factor. A rule with zeros in the book says otherwise.
    """
    priced = {(row["store"], row["storage_class"]) for row in rows["prices"].values()}
    _, shelf = _read("default", ())
    return {key: row for key, row in shelf["classes"].items() if priced & {key, (key[0], "*"), ("*", "*")}}


def book_text(name_or_path: str) -> str:
    """Read a price book as it was written, with its comments.

    Raises:
      ValueError: one line naming the file.
    """
    return _open(name_or_path, ())[1]


def ready_books() -> list[str]:
    """Name the price books that come with mirrorfold."""
    shelf = files("mirrorfold.configs") / "price_books"
    return sorted(book.name.removesuffix(".yaml") for book in shelf.iterdir() if book.name.endswith(".yaml"))


def _read(name_or_path: str, parents: tuple[str, ...]) -> tuple[str, dict[str, dict[tuple, dict]]]:
    path, text = _open(name_or_path, parents)
    if path in parents:
        raise ValueError(f"{path}:1: includes itself through {' -> '.join(parents)}")
    document = _parse(path, text)
    sources = _section(path, document, "sources", dict)
    currency = document.pop("currency", None)
    name = str(document.pop("name", os.path.basename(path)))
    rows: dict[str, dict[tuple, dict]] = {section: {} for section in SECTIONS}
    for included in _section(path, document, "include", list):
        _, theirs = _read(_beside(path, str(included)), (*parents, path))
        for section in SECTIONS:
            for key in rows[section].keys() & theirs[section].keys():
                first, second = rows[section][key]["book"], theirs[section][key]["book"]
                raise ValueError(f"{path}:1: {first} and {second} both state {' '.join(key)}: include one of them")
            rows[section] |= theirs[section]
    for section, model in SECTIONS.items():
        own: dict[tuple, dict] = {}
        for entry in _section(path, document, section, list):
            line, row = _row(path, model, entry, sources, currency)
            key = tuple(row[field] for field in KEYS[section])
            if key in own:
                raise ValueError(f"{path}:{line}: states {' '.join(key)} a second time: keep one")
            own[key] = {**row, "book": name}
        rows[section] |= own
    document.pop(LINE, None)
    if document:
        raise ValueError(f"{path}:1: unknown section {sorted(document)[0]!r}: known are {', '.join(SECTIONS)}")
    return name, rows


def _section(path: str, document: dict, name: str, kind: type) -> Any:
    found = document.pop(name, None)
    if found is None:
        return kind()
    if not isinstance(found, kind):
        raise ValueError(f"{path}:1: {name} must be a {'list' if kind is list else 'mapping'}")
    return found


def _open(name_or_path: str, parents: tuple[str, ...]) -> tuple[str, str]:
    named = files("mirrorfold.configs") / "price_books" / f"{name_or_path}.yaml"
    where = f" (included by {parents[-1]})" if parents else ""
    if os.path.sep not in name_or_path and named.is_file():
        return str(named), named.read_text(encoding="utf-8")
    try:
        with open(name_or_path, encoding="utf-8") as file:
            return name_or_path, file.read()
    except (OSError, UnicodeDecodeError) as error:
        known = ready_books()
        reason = error.strerror if isinstance(error, OSError) else "it isn't UTF-8 text"
        raise ValueError(
            f"price book {name_or_path!r}{where}: {reason}; give a file or one of {', '.join(known)}"
        ) from None


def _beside(path: str, included: str) -> str:
    near = os.path.join(os.path.dirname(path), included)
    return near if os.path.isfile(near) else included


def _parse(path: str, text: str) -> dict:
    try:
        document = yaml.load(text, Loader=_LineLoader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ValueError(f"{path}:{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path}:1: not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(document, dict):
        raise ValueError(f"{path}:1: a price book is a mapping with the section prices")
    return document


def _row(path: str, model: type[_Part], entry: object, sources: Mapping, currency: object) -> tuple[int, dict]:
    if not isinstance(entry, dict):
        raise ValueError(f"{path}:1: {entry!r} isn't a row: write a mapping")
    entry = dict(entry)
    line = entry.pop(LINE)
    cited = sources.get(entry["source"]) if isinstance(entry.get("source"), str) else None
    if isinstance(cited, dict):
        entry |= {key: value for key, value in cited.items() if key != LINE}
    if model is Row and currency is not None:
        entry.setdefault("currency", currency)
    try:
        row = model.model_validate({key: _without_lines(value) for key, value in entry.items()})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}:{line}: {field + ': ' if field else ''}{_plain(first['msg'])}") from None
    return line, row.model_dump(mode="json", by_alias=True, exclude_none=True)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").replace("\n", " ")


def _without_lines(value: object) -> object:
    if isinstance(value, list):
        return [_without_lines(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_lines(item) for key, item in value.items() if key != LINE}
    # A float read from YAML is only its decimal text: 0.023 stays 0.023.
    return str(value) if isinstance(value, float) else value


class _LineLoader(yaml.SafeLoader):
    """Remembers the line of each mapping, so that an error can name it."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        mapping = super().construct_mapping(node, deep=deep)
        mapping[LINE] = node.start_mark.line + 1
        return mapping
