"""One form for the many ways in which a rights statement or a licence is written, in which two are compared.

rightsstatements.org names each statement by a URI and shows it at others; Creative Commons' deeds and legal codes are
pages about one licence, in many languages. People write either as words. A version that isn't written isn't guessed.
"""

from __future__ import annotations

import re

FIELDS = ("licence", "rights_uri")
"""Columns of `contents` whose values are compared in this form."""

_CC = "https://creativecommons.org/"
_RS = "https://rightsstatements.org/vocab/"
_CC_URI = re.compile(
    r"(?:https?:)?//(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z+-]+)(?:/(\d\.\d))?(?:/([a-z]{2,3}))?"
    r"/?(?:/(?:deed|legalcode|rdf)[\w.-]*/?)?(?:[?#]\S*)?"
)
_RS_URI = re.compile(
    r"(?:https?:)?//(?:www\.)?rightsstatements\.org/(?:vocab|page|data)/([a-z-]+)/(\d\.\d)/?(?:[?#]\S*)?"
)
_CC_WORDS = re.compile(
    r"(?:cc|creative commons)[ -]*((?:by|nc|nd|sa|attribution|noncommercial|noderivatives|noderivs|sharealike)"
    r"(?:[ -]+(?:by|nc|nd|sa|attribution|noncommercial|noderivatives|noderivs|sharealike))*)"
    r"(?: licen[cs]e)?[ -]*v?(\d\.\d)(?:[ -]+(international|unported|generic|(?:[a-z]{2}\b)))?(?: licen[cs]e)?"
)
_IN_BRACKETS = re.compile(r"[^()]*\((cc[^()]+)\)")
_SHORT = {
    "attribution": "by", "noncommercial": "nc", "noderivatives": "nd", "noderivs": "nd", "sharealike": "sa",
}  # fmt: skip
_ORDER = ("by", "nc", "nd", "sa")
_NO_PORT = ("international", "unported", "generic")
_ZERO = re.compile(
    r"(?:cc[ -]?0|cc zero|creative commons zero)(?:[ -]*v?1\.0)?(?: universal)?(?: public domain dedication)?"
)
_MARK = re.compile(r"(?:pdm|(?:cc )?public domain mark)(?:[ -]*v?1\.0)?")
_STATEMENTS = {
    "inc": "in copyright",
    "inc-ow-eu": "in copyright - eu orphan work",
    "inc-edu": "in copyright - educational use permitted",
    "inc-nc": "in copyright - non-commercial use permitted",
    "inc-ruu": "in copyright - rights-holder(s) unlocatable or unidentifiable",
    "noc-cr": "no copyright - contractual restrictions",
    "noc-nc": "no copyright - non-commercial use only",
    "noc-oklr": "no copyright - other known legal restrictions",
    "noc-us": "no copyright - united states",
    "cne": "copyright not evaluated",
    "und": "copyright undetermined",
    "nkc": "no known copyright",
}
_BY_NAME = {name: code for code, name in _STATEMENTS.items()}


def rights_form(text: str) -> str:
    """Give the form in which rights are compared: a URI where the text is a known one or names one, else itself.

    Case, scheme, `www`, a slash at the end, the page that shows a deed or legal code and its language make no
    difference; another licence, version or jurisdiction does.
    """
    said = " ".join(text.casefold().replace("–", "-").replace("—", "-").split()).rstrip(".,;")
    if found := _IN_BRACKETS.fullmatch(said):
        said = found[1]
    if found := _CC_URI.fullmatch(said):
        kind, name, version, port = found.groups()
        return _cc(kind, name, version, port)
    if found := _RS_URI.fullmatch(said):
        return f"{_RS}{found[1]}/{found[2]}"
    if found := _CC_WORDS.fullmatch(said):
        named = {_SHORT.get(word, word) for word in re.split(r"[ -]+", found[1])}
        parts = [part for part in _ORDER if part in named]
        return _cc("licenses", "-".join(parts), found[2], None if found[3] in _NO_PORT else found[3])
    if _ZERO.fullmatch(said):
        return _cc("publicdomain", "zero", "1.0", None)
    if _MARK.fullmatch(said):
        return _cc("publicdomain", "mark", "1.0", None)
    code = _BY_NAME.get(said)
    return f"{_RS}{code}/1.0" if code else said


def _cc(kind: str, name: str, version: str | None, port: str | None) -> str:
    return _CC + "/".join(part for part in (kind, name, version, port) if part)
