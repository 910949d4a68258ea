"""Rights are compared in one form, however they are written; what differs stays different."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfold.schemas.rights import rights_form

ONE = {
    "https://creativecommons.org/licenses/by/4.0": (
        "http://creativecommons.org/licenses/by/4.0/", "https://www.creativecommons.org/licenses/by/4.0/deed.zh-hant",
        "https://creativecommons.org/licenses/by/4.0/legalcode", "//creativecommons.org/licenses/BY/4.0/legalcode.de",
        "https://creativecommons.org/licenses/by/4.0/deed.en#ref-appropriate-credit", "CC BY 4.0", "cc-by-4.0",
        "Creative Commons Attribution 4.0 International", "CC BY 4.0 International License",
        "Attribution 4.0 International (CC BY 4.0)", "Creative Commons Attribution 4.0 International License.",
        "https://creativecommons.org/licenses/by/4.0/.",
    ),
    "https://creativecommons.org/licenses/by-nc-nd/3.0/hk": (
        "http://creativecommons.org/licenses/by-nc-nd/3.0/hk/", "CC BY-NC-ND 3.0 HK", "CC BY NC ND 3.0 HK",
        "http://creativecommons.org/licenses/by-nc-nd/3.0/hk/deed.zh",
    ),
    "https://creativecommons.org/licenses/by-nc-sa/2.0": (
        "Creative Commons Attribution-NonCommercial-ShareAlike 2.0 Generic", "CC-BY-NC-SA-2.0",
    ),
    "https://creativecommons.org/publicdomain/zero/1.0": (
        "CC0", "CC0 1.0", "CC0 1.0 Universal", "http://creativecommons.org/publicdomain/zero/1.0/deed.fr",
    ),
    "https://creativecommons.org/publicdomain/mark/1.0": (
        "Public Domain Mark 1.0", "https://creativecommons.org/publicdomain/mark/1.0/",
    ),
    "https://rightsstatements.org/vocab/inc/1.0": (
        "http://rightsstatements.org/vocab/InC/1.0/", "https://rightsstatements.org/page/InC/1.0/?language=zh",
        "http://www.rightsstatements.org/data/InC/1.0", "In Copyright",
    ),
    "https://rightsstatements.org/vocab/noc-us/1.0": (
        "No Copyright – United States", "http://rightsstatements.org/vocab/NoC-US/1.0/",
    ),
}  # fmt: skip
APART = (
    "CC BY", "CC BY 3.0", "CC BY 3.0 TW", "CC BY-SA 4.0", "CC BY-NC 4.0", "All rights reserved", "© Ann Lee",
    "https://creativecommons.org/licenses/by/4.0/deed-of-gift/ours", "https://example.org/licenses/by/4.0/",
    "http://rightsstatements.org/vocab/InC-EDU/1.0/", "licensed under CC BY 4.0 until 2027, then reserved", "",
)  # fmt: skip


@pytest.mark.parametrize(("form", "spelt"), [(form, text) for form, texts in ONE.items() for text in texts])
def test_the_ways_to_write_it_are_one(form: str, spelt: str):
    assert rights_form(spelt) == form
    assert rights_form(f"  {spelt.upper()} ") == form


def test_what_differs_stays_different():
    forms = [*ONE, *map(rights_form, APART)]
    assert all(one != other for one, other in itertools.combinations(forms, 2))


@given(st.text())
def test_any_text_has_a_form_that_is_its_own(text: str):
    assert rights_form(rights_form(text)) == rights_form(text)
