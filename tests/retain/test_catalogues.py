"""Exports of catalogues: read in their encodings and forms, or refused in a line; written back without overwriting."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mirrorfold.configs.catalogue_form import form_names, load_form
from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.finished.catalogue import read_catalogue, write_catalogue
from mirrorfold.transforms.retain.catalogues.match import NONE, SEVERAL, match_files
from mirrorfold.transforms.retain.catalogues.rows import read_lido
from mirrorfold.transforms.retain.catalogues.text import decode
from mirrorfold.transforms.retain.sidecar import check_sidecar
from mirrorfold.transforms.stores.output import LocalOutput
from tests.promises.test_record import finish
from tests.retain.runs import write_table
from tests.retain.tables import obj, objects

ATOM = (
    "legacyId,identifier,title,scopeAndContent,digitalObjectPath,digitalObjectURI,subjectAccessPoints,eventActors,"
    "archivalHistory,culture\n"
    "7,PH-1,Ferry,,b,,sea,Lee|Chan,Gift,zh\n8,PH-2,Pier,NULL,,,,,,en\n"
)
EXPORTS = {
    "atom": (ATOM, {"catalogue_no": "PH-1", "creator": "Lee|Chan", "provenance": "Gift"}),
    "resourcespace": (
        '"Resource ID(s)","Title","Original filename","Credit","Date","Photographer"\n'
        '12,"Ferry","b","","1961-05-04","Lee",\n',
        {"creator": "Lee", "capture_time": "1961-05-04"},
    ),
    "collectiveaccess": (
        "ca_objects.idno;ca_objects.preferred_labels;ca_object_representations.original_filename;ca_objects.licence\n"
        "2001.4;Ferry;b;CC BY 4.0\n",
        {"catalogue_no": "2001.4", "licence": "CC BY 4.0"},
    ),
    "tms": (
        "ObjectID,Accession Number,Main Image Filename,Web Image Address,Size Notes,Image Credit/Caption,"
        "Image Rights Statement\n4,NPG.87.178,b,,,Gallery,https://www.si.edu/Termsofuse\n",
        {"catalogue_no": "NPG.87.178", "licence": "https://www.si.edu/Termsofuse"},
    ),
    "alma": (
        "group_id,collection_id,mms_id,originating_system_id,dc:title,dc:creator,dcterms:created,file_name_1,file_label_1,"
        "file_name_2\n,,991011506419204641,dg_1,Ferry,Lee,1961,b,,x.tiff\n",
        {"catalogue_no": "dg_1", "creator": "Lee", "capture_time": "1961"},
    ),
    "dublin-core": ("filename,dc:identifier,dc:creator\nb,PH-1,Lee\n", {"catalogue_no": "PH-1", "creator": "Lee"}),
}  # fmt: skip
LIDO = """<?xml version="1.0" encoding="UTF-16"?><lido:lidoWrap xmlns:lido="http://www.lido-schema.org"><lido:lido>
<lido:lidoRecID>r1</lido:lidoRecID><lido:descriptiveMetadata><lido:objectIdentificationWrap>
<lido:repositoryWrap><lido:repositorySet><lido:workID>PH-1</lido:workID></lido:repositorySet></lido:repositoryWrap>
</lido:objectIdentificationWrap></lido:descriptiveMetadata><lido:administrativeMetadata><lido:resourceWrap>
<lido:resourceSet><lido:resourceRepresentation><lido:linkResource>b</lido:linkResource></lido:resourceRepresentation>
</lido:resourceSet></lido:resourceWrap></lido:administrativeMetadata></lido:lido></lido:lidoWrap>"""


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    rows = objects(obj("s3://hk/a", "a"), obj("s3://hk/box/b", "b"), obj("s3://hk/九龍.jpg", "c"))
    write_table(LocalOutput(str(tmp_path / "run")), "objects", rows)
    return tmp_path / "run"


def read(run: Path, data: bytes, form: str, encoding: str | None = None) -> list[dict]:
    export, output = run / "export", run.parent / "catalogue.csv"
    export.write_bytes(data)
    read_catalogue(str(run), str(export), form, encoding, str(output))
    check_sidecar(str(output))
    return list(csv.DictReader(io.StringIO(output.read_text("utf-8"))))


@pytest.mark.parametrize(("form", "export"), EXPORTS.items(), ids=EXPORTS)
def test_an_export_is_read_by_its_form(listed: Path, form: str, export: tuple[str, dict]):
    text, expected = export
    (row,) = read(listed, text.encode(), form)
    assert row["uri"] == "s3://hk/box/b"
    assert {name: row[name] for name in expected} == expected


def test_lido_is_read_and_no_hostile_xml_is(listed: Path):
    (row,) = read(listed, LIDO.encode("utf-16"), "lido")
    assert (row["uri"], row["catalogue_no"]) == ("s3://hk/box/b", "PH-1")
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><lido:lido xmlns:lido="http://www.lido-schema.org">&a;</lido:lido>'
    for text, wrong in ((bomb, "read safely"), ("<a/>", "no lido:lido"), ("<a", "read safely")):
        with pytest.raises(UsageError, match=wrong):
            read(listed, text.encode(), "lido")


CHINESE = "filename,dc:identifier,dc:creator\n九龍.jpg,照片一,陳\n"


@pytest.mark.parametrize(
    ("codec", "said"),
    [("utf-8", None), ("utf-8-sig", None), ("utf-16", None), ("utf-16-le", None), ("utf-16-be", None), ("big5", "big5"),
     ("gb18030", "gb18030")],
)  # fmt: skip
def test_an_export_in_its_encoding_says_the_same(listed: Path, codec: str, said: str | None):
    (row,) = read(listed, CHINESE.encode(codec), "dublin-core", said)
    assert row == {"uri": "s3://hk/九龍.jpg", "catalogue_no": "照片一", "creator": "陳"} | {
        name: "" for name in row if name not in ("uri", "catalogue_no", "creator")
    }


def test_hong_kongs_own_characters_are_read():
    assert decode("嗰啲相 filename".encode("big5hkscs"), "x", "big5") == "嗰啲相 filename"
    assert decode("Café".encode("cp1252"), "x", "cp1252") == "Café"


BAD = {
    "Big5 that nobody named": (CHINESE.encode("big5"), "dublin-core", None, "not utf-8 at byte .*--encoding"),
    "another one than was named": (CHINESE.encode("utf-8"), "dublin-core", "shift-jis", "not shift-jis at byte"),
    "an encoding that isn't there": (b"x", "dublin-core", "klingon", "there are utf-8"),
    "binary": (b"PK\3\4\0\0\0\1\0\2\0", "dublin-core", None, "zero bytes|not utf"),
    "another catalogue's": (ATOM.encode(), "tms", None, "none of the columns FileName"),
    "no records": (b"filename,dc:title\n", "dublin-core", None, "no records"),
    "a column twice": (b"filename,filename\na,b\n", "dublin-core", None, "two columns are called"),
    "an open quote": (b'filename,dc:title\na,"b\n', "dublin-core", None, "not CSV"),
    "no such form": (b"x", "nowhere", None, "no ready form"),
}


@pytest.mark.parametrize(("data", "form", "encoding", "said"), BAD.values(), ids=BAD)
def test_a_bad_export_is_refused_in_one_line(listed: Path, data: bytes, form: str, encoding: str | None, said: str):
    with pytest.raises(UsageError, match=said) as raised:
        read(listed, data, form, encoding)
    assert "\n" not in str(raised.value)


MATCHES = {
    "b.tif": ("s3://hk/x/b.tif", ""), "x/b.tif": ("s3://hk/x/b.tif", ""), "X\\B.TIF": ("s3://hk/x/b.tif", ""),
    "C:\\hk\\x\\b.tif": ("s3://hk/x/b.tif", ""), "s3://hk/x/b.tif": ("s3://hk/x/b.tif", ""), "a.jpg": ("", SEVERAL),
    "one/a.jpg": ("s3://hk/one/a.jpg", ""), "ne/a.jpg": ("", NONE), "c": ("s3://hk/c.jpg", ""), "z": ("", NONE),
    "s3://other/x/b.tif": ("", NONE), "": ("", NONE),
}  # fmt: skip


@pytest.mark.parametrize(("stated", "found"), MATCHES.items(), ids=MATCHES)
def test_a_name_means_one_object_or_none(stated: str, found: tuple[str, str]):
    uris = ["s3://hk/x/b.tif", "s3://hk/one/a.jpg", "s3://hk/two/a.jpg", "s3://hk/c.jpg"]
    assert match_files([stated], [pa.table({"uri": uris})])[stated] == found


@given(st.lists(st.text(), max_size=5), st.lists(st.text(min_size=1), max_size=5))
def test_any_names_are_matched_with_listed_objects_alone(stated: list[str], keys: list[str]):
    uris = [f"s3://hk/{key}" for key in keys]
    found = match_files(stated, [pa.table({"uri": pa.array(uris, pa.string())})])
    assert all(hit.uri in uris or (hit.uri == "" and hit.why) for hit in found.values())


def test_what_goes_and_what_it_alone_said_comes_back_in_the_catalogues_form(tmp_path: Path):
    finish(
        tmp_path,
        {"a": {"creator": "Bo"}, "b": {"caption": "A ferry", "keywords": ["boat"], "creator": "Ann", "credit": "X"}},
    )
    export = tmp_path / "atom.csv"
    export.write_text(ATOM)
    done = write_catalogue(str(tmp_path), str(export), "atom", None)
    assert (done.changed, done.served) == (1, 1)
    (row,) = csv.DictReader((tmp_path / done.folder / "import.csv").open())
    before = next(csv.DictReader(io.StringIO(ATOM)))
    assert row == before | {"digitalObjectPath": "a", "scopeAndContent": "A ferry", "subjectAccessPoints": "sea|boat"}
    (walk,) = csv.DictReader((tmp_path / done.folder / "crosswalk.csv").open())
    assert (walk["record"], walk["uri"], walk["served_by"]) == ("7", "s3://hk/b", "s3://hk/a")
    left = {line["field"]: line["why"] for line in csv.DictReader((tmp_path / done.folder / "left.csv").open())}
    assert left == {"creator": "conflict: people decide", "credit": "the catalogue's form has no column for it"}


def test_nothing_overwrites_what_the_catalogue_says(tmp_path: Path):
    finish(tmp_path, {"a": {}, "b": {"caption": "A ferry", "licence": "CC BY 4.0"}})
    export = tmp_path / "dc.csv"
    said = (
        "filename,dc:identifier,dc:description,license\na,1,A pier,http://creativecommons.org/licenses/by/4.0/\nb,2,,\n"
    )
    export.write_text(said)
    done = write_catalogue(str(tmp_path), str(export), "dublin-core", None)
    assert done.changed == 0
    left = [(row["record"], row["why"]) for row in csv.DictReader((tmp_path / done.folder / "left.csv").open())]
    assert left[0][0] == "2"
    assert "record 1 already" in left[0][1]
    assert left[1] == ("1", "the catalogue says 'A pier': people decide")
    assert len(left) == 2, "one licence written in two ways is no question"


def test_lido_comes_back_as_lido(tmp_path: Path):
    finish(tmp_path, {"a": {}, "b": {"title": "Ferry", "keywords": ["sea", "boat"]}})
    export = tmp_path / "x.xml"
    export.write_bytes(LIDO.encode("utf-16"))
    done = write_catalogue(str(tmp_path), str(export), "lido", None)
    form = load_form("lido")
    paths = [*form.files, *form.fields["title"], *form.fields["keywords"], *form.fields["catalogue_no"]]
    (row,) = read_lido((tmp_path / done.folder / "import.xml").read_text(), "x", paths, form.lists).rows
    assert [sorted(row[path].split("|")) for path in paths] == [["a"], ["Ferry"], ["boat", "sea"], ["PH-1"]]


@pytest.mark.parametrize("name", form_names())
def test_each_ready_form_says_what_it_was_checked_against(name: str):
    form = load_form(name)
    assert form.documents
    assert "catalogue_no" in form.fields or name == "resourcespace"


def test_the_commands(listed: Path, tmp_path: Path):
    assert "checked against" in CliRunner().invoke(cli, ["catalogue", "list"]).output
    assert "legacyId" in CliRunner().invoke(cli, ["catalogue", "show", "atom"]).output
    (tmp_path / "e.csv").write_text(ATOM)
    to = ["--as", "atom", "-o", str(tmp_path / "c.csv")]
    said = CliRunner().invoke(cli, ["catalogue", "read", str(listed), str(tmp_path / "e.csv"), *to])
    assert "1 object" in said.output
    assert (tmp_path / "c.unmatched.csv").exists()
