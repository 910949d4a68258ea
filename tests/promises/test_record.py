"""The record outlives the copy: what only a copy that goes states is on record beside the kept one."""

from __future__ import annotations

import csv
import random

import pyarrow as pa
import pytest

from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.merged_record import LIST_FIELDS, TEXT_FIELDS
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.publish.manifests.csv import write_manifests
from mirrorfold.transforms.retain.verdicts import checked_verdict
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import accept_tampering, write_run, write_table
from tests.retain.tables import clusters, content, content_id, contents, failures, obj, objects, pairs, twin

from .kit import broken


def finish(folder, stated: dict[str, dict], **more: dict) -> list[dict]:
    """Decide on pictures of one cluster, the first of which is kept; give the rows of the merged record.

    Args:
      stated: what each content states; more: columns of the object that holds a content.
    """
    names = list(stated)
    family = min(names, key=content_id)
    twins = [twin(f"s3://hk/{n}", n, names[0], family, is_master=n == names[0], tier="same-picture") for n in names]
    joined = [
        {"content_a": a, "content_b": b, "tier": "same-picture", "kind": "metadata", "in_cluster": True,
         "rule": "same-pixels", "reason": "master"}
        for a, b in (sorted((content_id(names[0]), content_id(n))) for n in names[1:])
    ]  # fmt: skip
    tables = {
        "objects": objects(*(obj(f"s3://hk/{n}", n, **more.get(n, {})) for n in names)),
        "contents": contents(*(content(n, **fields) for n, fields in stated.items())),
        "pairs": pairs(*joined), "failures": failures(), "clusters": clusters(*twins),
    }  # fmt: skip
    said = [
        checked_verdict(row | {"verdict": "keep-a" if row["content_a"] == content_id(names[0]) else "keep-b",
                               "reviewer": "ann", "at": "2026-01-01"}, "case")
        for row in joined
    ]  # fmt: skip
    made = write_run(folder, tables, "", said)
    gone = [row["uri"] for row in made["decisions"].to_pylist() if row["action"] == "quarantine"]
    assert gone == sorted(f"s3://hk/{n}" for n in names[1:])
    return made["merged_record"].to_pylist()


CASES = {
    "only the copy has it": ({}, [{"licence": "CC BY 4.0"}], [("licence", "CC BY 4.0", "alone")]),
    "both have it": ({"credit": "Ann Lee"}, [{"credit": " Ann Lee "}], []),
    "the kept one says more": (
        {"caption": "A ferry, Kowloon, 1961"}, [{"caption": "Ferry, 1961"}], [("caption", "Ferry, 1961", "contained")],
    ),
    "the copy says more": (
        {"caption": "A ferry"}, [{"caption": "A ferry at dusk"}], [("caption", "A ferry at dusk", "fuller")],
    ),
    "within a line of Chinese": (
        {"title": "九龍天星碼頭"}, [{"title": "天星碼頭"}], [("title", "天星碼頭", "contained")],
    ),
    "another photographer": ({"creator": "Bo"}, [{"creator": "Ann"}], [("creator", "Ann", "conflict")]),
    "two copies disagree": (
        {}, [{"gps": "+22+114/"}, {"gps": "+23+114/"}],
        [("gps", "+22+114/", "conflict"), ("gps", "+23+114/", "conflict")],
    ),
    "a licence written otherwise": (
        {"licence": "http://creativecommons.org/licenses/by/4.0/"}, [{"licence": "CC BY 4.0"}],
        [("licence", "CC BY 4.0", "contained")],
    ),
    "a licence whose name has the other's words": (
        {"licence": "CC BY 4.0"}, [{"licence": "CC BY-SA 4.0"}], [("licence", "CC BY-SA 4.0", "conflict")],
    ),
    "another rating": ({"rating": "1"}, [{"rating": "-1"}], [("rating", "-1", "conflict")]),
    "a rating within a number": ({"rating": "4.5"}, [{"rating": "5"}], [("rating", "5", "conflict")]),
    "two copies say the same": ({}, [{"rights": "(c) Ann"}, {"rights": "(c) Ann"}], [("rights", "(c) Ann", "alone")]),
    "keywords": (
        {"keywords": ["sea"]}, [{"keywords": ["sea", "boat"]}, {"keywords": ["dusk"]}],
        [("keywords", "boat", "more"), ("keywords", "dusk", "more")],
    ),
    "blank": ({}, [{"credit": "  "}], []),
}  # fmt: skip


@pytest.mark.parametrize(("kept", "going", "expected"), CASES.values(), ids=CASES)
def test_what_only_a_copy_states_is_on_record(tmp_path, kept, going, expected):
    rows = finish(tmp_path, {"a": kept} | {f"b{n}": fields for n, fields in enumerate(going)})
    assert [(row["field"], row["value"], row["state"]) for row in rows] == expected
    assert {(row["uri"], row["from_library"]) for row in rows} <= {("s3://hk/a", "hk")}
    assert broken(tmp_path) == ""


def test_what_an_xmp_file_beside_it_states_is_its_own(tmp_path):
    beside = {"stated": [("credit", "Ann"), ("software", "x"), ("keywords", "sea; boat")]}
    rows = finish(tmp_path, {"a": {}, "b": {}, "c": {"credit": "Ann"}}, b=beside)
    assert [(row["field"], row["value"], row["state"], row["from_uri"]) for row in rows] == [
        ("credit", "Ann", "alone", "s3://hk/b"), ("keywords", "sea; boat", "more", "s3://hk/b"),
    ]  # fmt: skip
    assert "is stated only by what goes" not in broken(tmp_path)


def test_the_list_beside_the_plan_says_where_each_value_is_from(tmp_path):
    finish(tmp_path, {"a": {}, "b": {"credit": "=cmd()", "licence": "CC0"}})
    write_manifests(LocalOutput(str(tmp_path)))
    rows = list(csv.DictReader((tmp_path / "manifests/merged-record.csv").read_text().splitlines()))
    assert [(row["uri"], row["field"], row["value"], row["from_uri"]) for row in rows] == [
        ("s3://hk/a", "credit", "'=cmd()", "s3://hk/b"), ("s3://hk/a", "licence", "CC0", "s3://hk/b"),
    ]  # fmt: skip


def forget(rows: list[dict]) -> list[dict]:
    return rows[1:]


def invent(rows: list[dict]) -> list[dict]:
    return [*rows, rows[0] | {"field": "title", "value": "Never said"}]


@pytest.mark.parametrize(
    ("tamper", "said"),
    [(forget, "is stated only by what goes"), (invent, "a value that the copy which it names doesn't state")],
)
def test_verify_sees_a_value_that_goes_or_was_made_up(tmp_path, tamper, said):
    finish(tmp_path, {"a": {"creator": "Bo"}, "b": {"credit": "Ann", "keywords": ["sea"]}})
    output, table = LocalOutput(str(tmp_path)), TABLES["merged_record"]
    rows = tamper(read_table(output, table).to_pylist())
    write_table(output, "merged_record", pa.Table.from_pylist(rows, schema=table.schema))
    accept_tampering(tmp_path)
    assert said in broken(tmp_path)


def test_of_ten_thousand_values_none_is_lost(tmp_path):
    chance = random.Random(16)
    words = ["sea", "boat", "Ann Lee", "CC BY", "九龍", "1961", "'", '"; DROP', "", "  "]
    words += [f"{chance.choice(words)} {number}" for number in range(4_000)]

    def some() -> dict:
        texts = {name: chance.choice(words) for name in TEXT_FIELDS if chance.random() < 0.7}
        return texts | {name: chance.sample(words, 20) for name in LIST_FIELDS}

    stated = {f"c{n:03}": some() for n in range(400)}
    rows = finish(tmp_path, stated)
    goes = [value for name, fields in stated.items() if name != "c000" for value in values(fields)]
    assert len(goes) > 10_000
    known = {(row["field"], row["value"]) for row in rows} | set(values(stated["c000"]))
    assert {value for fields in stated.values() for value in values(fields)} == known
    assert broken(tmp_path) == ""
    output, table = LocalOutput(str(tmp_path)), TABLES["merged_record"]
    one_less = read_table(output, table).to_pylist()
    del one_less[chance.randrange(len(one_less))]
    write_table(output, "merged_record", pa.Table.from_pylist(one_less, schema=table.schema))
    accept_tampering(tmp_path)
    assert "is stated only by what goes, and the merged record hasn't got it (1 row" in broken(tmp_path)


def values(fields: dict):
    for name, said in fields.items():
        for value in said if isinstance(said, list) else [said]:
            if value.strip():
                yield name, value.strip()
