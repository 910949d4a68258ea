"""Things that belong together: no part of a package goes, pages go as a run, a picture's companions are named."""

from __future__ import annotations

import csv

import pyarrow as pa
import pytest
from PIL import Image

from mirrorfold.configs.policy import load_policy, resolve_policy
from mirrorfold.pipelines.finished.verify import describe, verify
from mirrorfold.schemas.belongings import group_of, page_of
from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.transforms.listing import mets, together
from mirrorfold.transforms.listing.around import packages_around
from mirrorfold.transforms.publish.manifests.csv import write_manifests
from mirrorfold.transforms.retain import stems
from mirrorfold.transforms.retain.verdicts import checked_verdict
from mirrorfold.transforms.stores.api import SourceSpec, StoreError
from mirrorfold.transforms.stores.output import LocalOutput
from tests.audit.world import audit, table
from tests.retain.pure import decide_tables
from tests.retain.runs import accept_tampering, write_run
from tests.retain.tables import clusters, content, content_id, contents, failures, obj, objects, pairs, twin
from tests.verify.test_verify import change

RUNS = {
    "a page by its word": ("s3://b/book/page_0001.tif", "pages:s3://b/book/page_#.tif", (1, "")),
    "a folio": ("s3://b/ms-f12r.jp2", "pages:s3://b/ms-f#.jp2", (12, "r")),
    "with a short word": ("file:///x/book p3.jpg", "pages:file:///x/book p#.jpg", (3, "")),
    "by number alone": ("s3://b/x/00000012.jp2", "pages:s3://b/x/#.jp2", (12, "")),
    "by its folder's name": ("s3://b/book1/book1_0003.tif", "pages:s3://b/book1/book1_#.tif", (3, "")),
    "beyond its zeros": ("s3://b/x/1234.tif", "pages:s3://b/x/#.tif", (1234, "")),
    "with a side in words": ("s3://b/x/012_Verso.tif", "pages:s3://b/x/#.tif", (12, "v")),
    "with a side apart": ("s3://b/x/ms-f12 r.tif", "pages:s3://b/x/ms-f#.tif", (12, "r")),
    "a camera's": ("s3://b/IMG_0001.JPG", None, None),
    "a word that ends in p": ("s3://b/shop12.jpg", None, None),
    "a plain number": ("s3://b/12.jpg", None, None),
    "another prefix": ("s3://b/holiday_0001.jpg", None, None),
}


@pytest.mark.parametrize(("uri", "run", "place"), RUNS.values(), ids=RUNS)
def test_a_page_is_known_by_its_name(uri, run, place):
    assert page_of(uri) == (None if run is None else (run, place))


@pytest.mark.parametrize("name", ["IMG_1.JPG", "img_1.xmp", "IMG_1.jpg.xmp", "IMG_1.AAE", "IMG_1.jpg.json",
                                  "IMG_1.heic.supplemental-metadata.json", "IMG_1.cr2"])  # fmt: skip
def test_companions_share_a_stem(name):
    assert group_of(f"s3://b/x/{name}") == "s3://b/x/img_1"


def marked(*uris: str) -> dict[str, tuple]:
    """List names, and give package and companions of each as the listing writes them."""
    rows = objects(*(obj(uri) for uri in uris))
    names = rows.select(together.NAMES)
    packaged = together.mark_packages(names, together.find_packages([names]))
    grouped = list(together.mark_groups(0, {"names": together.group_names(names)}))
    made = together.add_marks(rows, pa.concat_tables([packaged, *grouped]))
    return {row["uri"]: (row["package"], row["companions"], row["beside"]) for row in made.to_pylist()}


PACKAGES = {
    "a bag": ("bagit.txt", ["data/a/1.jpg", "manifest-sha256.txt"], ["1.jpg"], "bagit:s3://b/x/"),
    "an OCFL object": ("0=ocfl_object_1.1", ["v1/content/1.jpg"], [], "ocfl:s3://b/x/"),
    "a METS package": ("book_mets.xml", ["images/1.jpg"], [], "mets:s3://b/x/"),
    "deep zoom tiles": (
        "china.dzi",
        ["china_files/10/0_0.jpeg"],
        ["other_files/10/photo.jpeg"],
        "tiles:s3://b/x/china_files/",
    ),
    "deep zoom tiles alone": ("c_files/10/0_0.jpeg", ["c_files/9/0_1.png"], ["1.jpg"], "tiles:s3://b/x/c_files/"),
    "Zoomify tiles alone": ("TileGroup0/0-0-0.jpg", ["TileGroup1/3-0-1.jpg"], [], "tiles:s3://b/x/"),
    "IIIF tiles": ("i/0,0,256,256/256,/0/default.jpg", ["i/full/full/0/default.jpg"], ["a.jpg"], "tiles:s3://b/x/i/"),
    "map tiles": ("tilemapresource.xml", ["4/1/2.png"], [], "tiles:s3://b/x/"),
    "Zoomify tiles": ("ImageProperties.xml", ["TileGroup0/0-0-0.jpg"], [], "tiles:s3://b/x/"),
}


@pytest.mark.parametrize(("tag", "inside", "outside", "package"), PACKAGES.values(), ids=PACKAGES)
def test_a_package_is_known_by_its_file(tag, inside, outside, package):
    above = [f"s3://b/{name}" for name in outside] if tag != "china.dzi" else [f"s3://b/x/{name}" for name in outside]
    found = marked(f"s3://b/x/{tag}", *(f"s3://b/x/{name}" for name in inside), *above)
    assert {found[f"s3://b/x/{name}"][0] for name in inside} == {package}
    assert {found[uri][0] for uri in above} <= {None}


def test_a_run_has_three_pages_and_few_gaps():
    pages = [f"s3://b/book/page_{n:04}.tif" for n in (1, 2, 3)]
    assert {package for package, *_ in marked(*pages).values()} == {"pages:s3://b/book/page_#.tif"}
    assert {package for package, *_ in marked(*pages[:2]).values()} == {None}
    assert {package for package, *_ in marked(*(f"s3://b/page_{n}.tif" for n in (1, 50, 99))).values()} == {None}


@pytest.mark.parametrize(
    ("numbers", "run"),
    [(range(98, 104), True), (range(100, 104), False), ((1, 2, 50, 51), True), ((1, 50, 99), False)],
    ids=["over a hundred", "no zero anywhere", "two parts", "far apart"],
)
def test_a_run_goes_on_beyond_its_zeros_and_over_a_gap(numbers, run):
    found = {package for package, *_ in marked(*(f"s3://b/x/{n:03}.tif" for n in numbers)).values()}
    assert found == {"pages:s3://b/x/#.tif" if run else None}


@pytest.mark.parametrize(
    ("sidecar", "picture"),
    [("I.jpg(1).json", "I(1).jpg"), ("I.jpg.supplemental-metadata(2).json", "I(2).jpg"), ("I.jpg.supp.json", "I.jpg"),
     ("IMG_O0001.AAE", "IMG_E0001.HEIC"), ("IMG_0001.MOV", "IMG_E0001.HEIC"), ("I(1).json", "I(1).jpg"),
     ("CaptureOne/Settings1610/I.jpg.cos", "I.jpg"), ("NKSC_PARAM/I.NEF.nksc", "I.NEF")],
)  # fmt: skip
def test_a_sidecar_finds_its_picture(sidecar, picture):
    assert marked(f"s3://b/{sidecar}", f"s3://b/{picture}")[f"s3://b/{picture}"][1] == [f"s3://b/{sidecar}"]


def test_sidecars_are_named_by_what_they_describe():
    found = marked("s3://b/I.jpg", "s3://b/I.cr2", "s3://b/i.XMP", "s3://b/I.cr2.xmp", "s3://b/I.mov", "s3://b/J.jpg")
    assert found["s3://b/I.jpg"][2] == ["s3://b/i.XMP"]
    assert found["s3://b/I.cr2"][2] == ["s3://b/I.cr2.xmp", "s3://b/i.XMP"]
    assert {found[uri][2] for uri in ("s3://b/i.XMP", "s3://b/I.mov", "s3://b/J.jpg")} == {None}


def test_companions_are_named_both_ways():
    found = marked("s3://b/I.jpg", "s3://b/I.xmp", "s3://b/I.jpg.json", "s3://b/other.xmp", "s3://b/alone.jpg",
                   "s3://b/R.cr2", "s3://b/R.jpg")  # fmt: skip
    assert found["s3://b/I.jpg"][1] == ["s3://b/I.jpg.json", "s3://b/I.xmp"]
    assert found["s3://b/I.xmp"][1] == ["s3://b/I.jpg"]
    assert (found["s3://b/R.cr2"][1], found["s3://b/R.jpg"][1]) == (["s3://b/R.jpg"], ["s3://b/R.cr2"])
    assert found["s3://b/other.xmp"][1] is found["s3://b/alone.jpg"][1] is None


def tables_of(named: dict[str, str], **fields) -> dict:
    """List objects by URI, each with a content's name; every content that is there twice is a cluster."""
    counts = [name for name in named.values() if list(named.values()).count(name) > 1]
    marks = marked(*named)
    columns = ("package", "companions", "beside")
    rows = [obj(uri, name, **dict(zip(columns, marks[uri], strict=True)), **fields) for uri, name in named.items()]
    rows = [row | ({"stated": []} if row["beside"] or row["uri"].endswith(".xmp") else {}) for row in rows]
    rows = [
        row | ({} if row["uri"].endswith(KNOWN) else {"content_id": None, "identity_evidence": None}) for row in rows
    ]
    seen: set[str] = set()
    twins = []
    for uri, name in named.items():
        if name in counts and uri.endswith(KNOWN):
            twins.append(twin(uri, name, name, is_master=name not in seen))
            seen.add(name)
    unread = [row["uri"] for row in rows if row["content_id"] is None]
    read = sorted({name for uri, name in named.items() if uri.endswith(KNOWN)})
    return {
        "objects": objects(*rows), "contents": contents(*map(content, read)), "pairs": pairs(),
        "clusters": clusters(*twins),
        "failures": failures(*({"uri": uri, "stage": "skipped", "error": "not-an-image"} for uri in unread)),
    }  # fmt: skip


def decide(named: dict[str, str], policy: dict | None = None, **fields) -> dict[str, dict]:
    """Decide on objects by URI."""
    made = decide_tables(tables_of(named, **fields), policy or load_policy("default"))["decisions"]
    return {row["uri"]: row for row in made.to_pylist()}


KNOWN = (".jpg", ".tif", ".jpeg", ".cr2")
IGNORE = resolve_policy("version: 1\nbelongs_together: {packages: ignore, page_runs: ignore, companions: ignore}", "p")


def book(name: str, contents_: str) -> dict[str, str]:
    return {f"s3://b/{name}/page_{number:04}.tif": what for number, what in enumerate(contents_, 1)}


def both(*tamperings):
    """Make one tampering of several."""

    def tamper(folder):
        for each in tamperings:
            each(folder)

    return tamper


def actions(found: dict[str, dict], part: str = "") -> str:
    """Write the first letter of each action."""
    return "".join(row["action"][0] for uri, row in sorted(found.items()) if part in uri)


def test_no_part_of_a_bag_goes_but_a_copy_beside_it_does():
    bag = {"s3://b/bag/bagit.txt": "t", "s3://b/bag/data/z.jpg": "a"}
    found = decide(bag | {"s3://b/a.jpg": "a"})
    assert [found[uri]["rule"] for uri in ("s3://b/bag/data/z.jpg", "s3://b/a.jpg")] == ["package", "keep-order"]
    found = decide(bag | {"s3://b/a.jpg": "a", "s3://b/zz.jpg": "a"})
    assert found["s3://b/zz.jpg"]["action"] == "quarantine"
    assert decide(bag | {"s3://b/a.jpg": "a"}, IGNORE)["s3://b/bag/data/z.jpg"]["action"] == "quarantine"


@pytest.mark.parametrize(
    ("says", "kind"), [("bagit.txt", "bagit"), ("0=ocfl_object_1.1", "ocfl"), ("notes.txt", None), ("mets.xml", None)]
)
def test_a_source_within_a_package_is_part_of_it(tmp_path, says, kind):
    (tmp_path / "x/data/deep").mkdir(parents=True)
    (tmp_path / "x" / says).write_text("")
    found = packages_around([SourceSpec("a", "live", "file", str(tmp_path / "x/data/deep"))])
    assert found == ({f"file://{tmp_path}/x/": kind} if kind else {})
    uri = f"file://{tmp_path}/x/data/deep/1.jpg"
    rows = together.mark_packages(objects(obj(uri)).select(together.NAMES), found).to_pylist()
    assert [row["package"] for row in rows] == ([f"{kind}:file://{tmp_path}/x/"] if kind else [])


def test_blank_pages_of_a_book_stay():
    found = decide(book("one", "1bbb5") | book("two", "xbbby"))
    assert actions(found) == "k" * 10
    assert found["s3://b/two/page_0002.tif"]["rule"] == "page-run"
    assert found["s3://b/two/page_0002.tif"]["copies_left"] == 6
    assert actions(decide(book("one", "1bbb5") | book("two", "xbbby"), IGNORE)) == "kkqqkkqqqk"


def test_a_whole_twin_of_a_book_goes_as_a_whole():
    found = decide(book("one", "1bbb5") | book("two", "1bbb5"))
    assert (actions(found, "one"), actions(found, "two")) == ("kkkkk", "qqqqq")
    assert {row["copies_left"] for row in found.values() if row["content_id"] == content_id("b")} == {3}


TORN = {
    "a page is missing from the twin": (book("one", "123"), book("two", "1234")),
    "in another order": (book("one", "123"), book("two", "321")),
    "its twins are scattered": ({f"s3://b/{d}/{n}.jpg": n for d, n in ("a1", "c2", "d3")}, book("two", "123")),
    "over two other books": (book("one", "1ab") | book("only", "23c"), book("two", "123")),
}  # fmt: skip


@pytest.mark.parametrize(("other", "run"), TORN.values(), ids=TORN)
def test_a_run_without_a_whole_twin_stays(other, run):
    found = decide(other | run)
    assert actions(found, "two") == "k" * len(run), found


def test_one_page_that_stays_keeps_its_run():
    pages = book("one", "123") | book("two", "123")
    held = decide(pages, hold="no")
    assert actions(held, "two") == "qqq"
    found = decide({uri: name for uri, name in pages.items() if uri != "s3://b/one/page_0003.tif"})
    assert actions(found, "two") == "kkk", "its last page is the only copy now"


def test_a_picture_with_companions_goes_to_people_and_says_which():
    phone = {
        f"s3://{lib}/I.{kind}": f"{kind}{lib if kind != 'jpg' else ''}"
        for lib in "ab"
        for kind in ("jpg", "mov", "xmp")
    }
    big = {"policy": resolve_policy("version: 1\nreview: {min_bytes_freed: 0}", "p")}
    row = decide(phone, **big)["s3://b/I.jpg"]
    assert (row["action"], row["rule"], row["kept_uri"]) == ("review", "companions", "s3://a/I.jpg")
    assert "I.mov, I.xmp would stay without it" in row["reason"]
    assert row["companions"] == ["s3://b/I.mov", "s3://b/I.xmp"]
    assert decide(phone, IGNORE)["s3://b/I.jpg"]["action"] == "quarantine"


def said(verdict: str, first: str, second: str, reviewer: str = "ann") -> dict:
    """Give a person's word on two named contents: keep-a keeps the first."""
    row = {"content_a": content_id(first), "content_b": content_id(second), "verdict": verdict, "reviewer": reviewer}
    return checked_verdict(row | {"at": "2026-01-01T00:00:00Z"}, "case")


def shot(library: str, jpg: str, raw: str) -> dict[str, str]:
    return {f"s3://{library}/R.jpg": jpg, f"s3://{library}/R.cr2": raw}


ONE = "version: 1\nreview: {min_bytes_freed: 0}"
COPIES, ALONE = shot("a", "j", "r") | shot("b", "j", "r"), shot("a", "j", "r")
STEMS = {
    "nothing said": (COPIES, [], "", "kkrr"),
    "a word on the JPEG alone": (COPIES, [("same", "j", "j")], "", "kkrr"),
    "a word on the RAW alone": (COPIES, [("same", "r", "r")], "", "kkrr"),
    "a word on each": (COPIES, [("same", "j", "j"), ("same", "r", "r")], "", "kkqq"),
    "the two show the same picture": (ALONE, [("same", "j", "r")], "j", "kr"),
    "of the two the RAW is to be kept": (ALONE, [("keep-b", "j", "r")], "j", "kq"),
    "companions are ignored": (COPIES, [("same", "j", "j")], "ignore", "kkkq"),
}  # fmt: skip


@pytest.mark.parametrize(("named", "words", "how", "expected"), STEMS.values(), ids=STEMS)
def test_a_word_on_one_of_raw_and_jpeg_parts_them_not(tmp_path, named, words, how, expected):
    tables = tables_of(named)
    if how == "j":  # the JPEG and its RAW are one cluster, around the RAW
        tables |= {
            "clusters": clusters(*(twin(uri, name, "r", is_master=name == "r", tier="probable", family="j")
                                   for uri, name in named.items())),
            "pairs": pairs({"content_a": min(ids := sorted(map(content_id, "jr"))), "content_b": ids[1],
                            "tier": "probable", "kind": "copy", "rule": "near", "in_cluster": True,
                            "reason": "master"}),
        }  # fmt: skip
    policy = ONE + ("\nbelongs_together: {companions: ignore}\ntiers: {identical: {action: keep}}" * (how == "ignore"))
    made = write_run(tmp_path, tables, policy.removeprefix("version: 1\n"), [said(*word) for word in words])
    found = {row["uri"]: row for row in made["decisions"].to_pylist()}
    assert actions(found) == expected
    assert [describe(broken) for broken in verify(str(tmp_path))] == []
    asked = [row for row in found.values() if row["action"] == "review"]
    assert all(row["rule"] == "companions" and "would stay without it" in row["reason"] for row in asked)


def test_verify_sees_a_raw_that_stays_without_its_jpeg(tmp_path):
    write_run(tmp_path, tables_of(COPIES), "review: {min_bytes_freed: 0}\n", [said("same", "j", "j")])
    change("decisions", "s3://b/R.jpg", action="quarantine", rule="verdict-same", bytes_freed=1000)(tmp_path)
    accept_tampering(tmp_path)
    assert any("the other stays, and nobody chose" in describe(broken) for broken in verify(str(tmp_path)))


def test_pages_as_raw_and_as_jpeg_go_as_two_whole_runs():
    going = {f"s3://b/one/p_{n:04}.{kind}": f"{kind}{n}" for n in (1, 2, 3) for kind in ("cr2", "jpg")}
    rows = pa.Table.from_pylist(
        [{"uri": uri, "version": "", "action": "quarantine", "rule": "verdict-same", "content_id": name,
          "package": page_of(uri)[0], "companions": [uri[:-3] + {"cr2": "jpg", "jpg": "cr2"}[uri[-3:]]],
          "counts_as_copy": True, "kept_uri": "s3://a/k"} for uri, name in going.items()]
    )  # fmt: skip
    rows = pa.table([rows[f.name] if f.name in rows.schema.names else pa.nulls(len(going), f.type)
                     for f in DECISIONS.schema], names=DECISIONS.schema.names)  # fmt: skip
    assert list(stems.judge_stems(0, {"going": stems.going_of(rows)})) == []
    (parted,) = stems.judge_stems(0, {"going": stems.going_of(rows.slice(1))})
    assert sorted(parted["uri"].to_pylist()) == sorted(going)[1:], "one that stays keeps both runs"


SOUND = {
    "s3://b/bag/bagit.txt": "t", "s3://b/bag/data/z.jpg": "a", "s3://b/a.jpg": "a", "s3://b/zz.jpg": "a",
    "s3://a/I.jpg": "i", "s3://b/I.jpg": "i", "s3://b/I.xmp": "x",
} | book("one", "1bb4") | book("two", "1bb4")  # fmt: skip
GOES = {"action": "quarantine", "bytes_freed": 1000, "tier_to_kept": "identical"}


def kept(uri: str) -> dict:
    return {"kept_uri": uri, "kept_version": "", "kept_etag": "e-" + uri.split("/", 3)[3]}


BROKEN = {
    "a part of a package goes": ("a part of a package", change(
        "decisions", "s3://b/bag/data/z.jpg", **GOES, **kept("s3://b/a.jpg"))),
    "the listing forgot the package": ("below a file that makes its folder a package", both(
        change("decisions", "s3://b/bag/data/z.jpg", package=None, **GOES, **kept("s3://b/a.jpg")),
        change("objects", "s3://b/bag/data/z.jpg", package=None))),
    "a run is torn": ("some pages of a run", change("decisions", "s3://b/two/page_0004.tif", action="keep")),
    "pages rely on several places": ("isn't one other run", change(
        "decisions", "s3://b/two/page_0002.tif", **kept("s3://b/one/page_0002.tif") | {"kept_uri": "s3://b/a.jpg"})),
    "a picture leaves its companions": ("files beside it would stay alone", change(
        "decisions", "s3://b/I.jpg", action="quarantine", rule="identical")),
    "a word that nobody gave": ("no word on this very pair", change(
        "decisions", "s3://b/I.jpg", action="quarantine", rule="verdict-same")),
    "a decision names other companions": ("another package or other companions", change(
        "decisions", "s3://b/I.jpg", companions=[])),
    "a copy that doesn't count": ("counts_as_copy", change("decisions", "s3://b/I.jpg", counts_as_copy=False)),
}  # fmt: skip


@pytest.mark.parametrize(("said", "tamper"), BROKEN.values(), ids=BROKEN)
def test_verify_names_what_was_torn_apart(tmp_path, said, tamper):
    write_run(tmp_path, tables_of(SOUND), "review: {min_bytes_freed: 0}\n")
    assert [describe(broken) for broken in verify(str(tmp_path))] == []
    tamper(tmp_path)
    accept_tampering(tmp_path)
    told = [describe(broken) for broken in verify(str(tmp_path))]
    assert any(said in text for text in told), told


def test_lists_name_the_companions(tmp_path):
    write_run(tmp_path, tables_of(SOUND), "review: {min_bytes_freed: 0}\n")
    write_manifests(LocalOutput(str(tmp_path)))
    (row,) = csv.DictReader((tmp_path / "manifests/review.csv").read_text().splitlines())
    assert row["companions"] == "s3://b/I.xmp"


@pytest.mark.parametrize("name", ["default", "museum", "newsroom", "training-set"])
def test_it_is_on_in_every_ready_policy_but_the_training_sets(name):
    words = set(load_policy(name)["belongs_together"].values())
    assert words == ({"ignore"} if name == "training-set" else {"keep", "review"})


METS = (
    '<mets:mets xmlns:mets="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink"><mets:fileSec>'
    "<mets:fileGrp>{}</mets:fileGrp></mets:fileSec></mets:mets>"
)


def mets_of(*hrefs: str) -> bytes:
    return METS.format("".join(f'<mets:file><mets:FLocat xlink:href="{h}"/></mets:file>' for h in hrefs)).encode()


POINTERS = {
    "beside it": ("s3://b/x/book.xml", "1.tif", "s3://b/x/1.tif"),
    "elsewhere": ("s3://b/x/meta/book.xml", "../img/a%20b.tif", "s3://b/x/img/a b.tif"),
    "with a % of its own": ("s3://b/x/book.xml", "50%25.tif", "s3://b/x/50%.tif"),
    "as many write file:": ("file:///a/x/book.xml", "file://./1.tif", "file:///a/x/1.tif"),
    "whole": ("file:///a/x/book.xml", "file:///a/y/1.tif", "file:///a/y/1.tif"),
    "in another bucket": ("s3://b/x/book.xml", "s3://c/1.tif", "s3://c/1.tif"),
    "from the bucket's top": ("s3://b/x/book.xml", "/img/1.tif", "s3://b/img/1.tif"),
    "in Chinese": ("s3://b/x/book.xml", "%E9%A0%81/1.tif", "s3://b/x/頁/1.tif"),
}


@pytest.mark.parametrize(("document", "href", "uri"), POINTERS.values(), ids=POINTERS)
def test_a_mets_file_names_its_package(document, href, uri):
    assert uri in mets.pointers(mets_of(href), document)


NO_METS = {
    "on the web": mets_of("https://example.org/1.tif"),
    "out of the bucket": mets_of("../../../other/1.tif"),
    "another document": b"<alto><FLocat href='1.tif'/></alto>",
    "not XML": b"<mets:mets",
    "a bomb": b"<!DOCTYPE m [<!ENTITY a 'aaaa'>]><mets xmlns='http://www.loc.gov/METS/'>&a;</mets>",
    "an outside entity": b"<!DOCTYPE m [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><mets>&a;</mets>",
}


@pytest.mark.parametrize("data", NO_METS.values(), ids=NO_METS)
def test_what_is_no_mets_names_nothing(data):
    assert mets.pointers(data, "s3://b/x/book.xml") == []


class Xml:
    """Stores of XML files by key, which count what is read."""

    def __init__(self, **files: bytes):
        self.files, self.reads = files, []

    def read(self, ref, start=0, stop=None):
        self.reads.append(ref.key)
        if ref.key not in self.files:
            raise StoreError("denied", "no")
        return self.files[ref.key][start:stop]


def test_xml_files_are_read_within_a_budget_those_first_that_speak_of_mets():
    rows = objects(
        *(obj(f"s3://b/{key}", size=9_000) for key in ("a.xml", "b.xml", "x-METS-1.xml", "c.jpg")),
        obj("s3://b/huge.xml", size=mets.MAX_BYTES + 1), obj("s3://b/old.xml", is_latest=False),
    )  # fmt: skip
    stores = Xml(**{"x-METS-1.xml": mets_of("p/1.jpg", "bag/2.jpg"), "a.xml": b"<alto/>"})
    found = mets.read_packages([rows.select(mets.COLUMNS)], stores, 2, lambda uri: "/bag/" in uri)
    assert set(stores.reads) == {"x-METS-1.xml", "a.xml"}
    assert (found.left, found.full) == (1, False)
    package = "mets:s3://b/x-METS-1.xml"
    assert dict(zip(*(c.to_pylist() for c in found.pointed.columns), strict=True)) == {
        "s3://b/p/1.jpg": package, "s3://b/x-METS-1.xml": package,
    }  # fmt: skip
    marks = together.mark_packages(rows.select(together.NAMES), {"s3://b/c.jpg": package})
    assert [(row["uri"], row["package"]) for row in marks.to_pylist()] == [("s3://b/c.jpg", package)]


def test_a_run_finds_a_mets_package_by_what_its_file_says_and_verify_does_too(tmp_path):
    for name in ("hk/z/1.jpg", "gz/twin.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 60), "navy").save(tmp_path / name)
    (tmp_path / "hk/record.xml").write_bytes(mets_of("z/1.jpg"))
    out = tmp_path / "out"
    audit(tmp_path, out)
    found = {row["uri"].rpartition("/")[2]: row for row in table(out, "decisions").to_pylist()}
    assert [found[name]["rule"] for name in ("1.jpg", "twin.jpg")] == ["package", "identical"]
    assert [describe(broken) for broken in verify(str(out))] == []
    page = found["1.jpg"]["uri"]
    both(change("decisions", page, package=None, action="review"), change("objects", page, package=None))(out)
    accept_tampering(out)
    assert any("a METS document names" in describe(broken) for broken in verify(str(out)))
