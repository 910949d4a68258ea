"""XMP sidecars from listing to audit: seen, read once, part of the decision, and verified."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mirrorfold.configs.policy import resolve_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.finished.verify import describe, verify
from mirrorfold.pipelines.record.request import Request
from mirrorfold.pipelines.run import run
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks.parquet import read_table
from mirrorfold.transforms.publish.details import describe_beside
from mirrorfold.transforms.stores.output import LocalOutput
from tests.audit.world import WITHOUT_PAGES
from tests.fingerprint.test_rights import alt, xmp
from tests.fingerprint.worlds import encode, photo
from tests.retain.runs import accept_tampering
from tests.verify.test_verify import change

POLICY = """version: 1
conflict_review: [rights]
belongs_together: {companions: ignore}
review: {min_bytes_freed: 0}
keep_order: [rights, uri]
"""
MINE, YOURS = xmp(alt("dc:rights", "(c) Me")), xmp(alt("dc:rights", "(c) You"))
PICTURES = {name: encode(photo(name, (300, 200)), "JPEG") for name in ("astronaut.png", "coffee.png", "chelsea.png")}


def put(folder: Path, name: str, data: bytes, at: int = 1_600_000_000) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    os.utime(folder / name, (at, at))


def archive(folder: Path) -> Path:
    """Three pictures in two copies each: of one the XMP disagrees, of one it agrees, of one a copy alone has some."""
    for name, one, other in (
        ("astronaut.png", ("p.xmp", MINE), ("P.JPG.XMP", YOURS)),
        ("coffee.png", ("p.xmp", MINE), ("p.xmp", MINE)),
        ("chelsea.png", None, ("p.jpg.xmp", MINE)),
    ):
        for place, beside in (("a", one), ("b", other)):
            put(folder, f"{name}/{place}/p.jpg", PICTURES[name])
            if beside:
                put(folder, f"{name}/{place}/{beside[0]}", beside[1])
    return folder


def go(folder: Path, output: Path, previous: Path | None = None) -> Path:
    settings = Settings()
    sources = parse_sources([str(folder)], settings, str(output))
    request = Request(sources, settings, resolve_policy(POLICY, "p"), str(previous) if previous else None)
    run(request, str(output), steps=WITHOUT_PAGES)
    return output


def rows(output: Path, name: str) -> dict[str, dict]:
    """Read a table by what follows the source's folder in each URI."""
    found = read_table(LocalOutput(str(output)), TABLES[name]).to_pylist()
    return {"/".join(row["uri"].split("/")[-3:]): row for row in found}


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("beside")
    return archive(root / "photos"), go(root / "photos", root / "first")


def test_equal_files_with_other_rights_beside_them_go_to_people(done):
    decisions, objects = rows(done[1], "decisions"), rows(done[1], "objects")
    assert dict(objects["astronaut.png/b/p.jpg"]["stated"]) == {"rights": "(c) You"}
    assert objects["astronaut.png/b/p.jpg"]["content_id"] == objects["astronaut.png/a/p.jpg"]["content_id"]
    other = decisions["astronaut.png/b/p.jpg"]
    assert (other["action"], other["rule"], other["conflicts"]) == ("review", "conflict", ["rights"])
    assert decisions["coffee.png/b/p.jpg"]["action"] == "quarantine"
    assert decisions["chelsea.png/b/p.jpg"]["action"] == "keep", "the copy with rights beside it"
    assert decisions["chelsea.png/a/p.jpg"]["action"] == "quarantine"
    assert [describe(broken) for broken in verify(str(done[1]))] == []


def test_pages_tell_what_lies_beside(done):
    places = [row for uri, row in rows(done[1], "objects").items() if uri.startswith("astronaut") and row["beside"]]
    assert describe_beside([place | {"stated": dict(place["stated"])} for place in places]) == {
        "rights": "(c) Me | (c) You"
    }


def test_an_audit_notices_a_changed_sidecar(done, tmp_path):
    folder, first = done
    put(folder, "coffee.png/b/p.xmp", YOURS, at=1_700_000_000)
    put(folder, "chelsea.png/a/p.xmp", MINE, at=1_700_000_000)
    try:
        second = go(folder, tmp_path / "second", first)
        changes = {uri: row["change"] for uri, row in rows(second, "changes").items()}
        assert changes["coffee.png/b/p.xmp"] == "changed"
        assert changes["coffee.png/b/p.jpg"] == "planned"
        decision = rows(second, "decisions")["coffee.png/b/p.jpg"]
        assert (decision["action"], decision["conflicts"]) == ("review", ["rights"])
        assert [describe(broken) for broken in verify(str(second))] == []
        put(folder, "coffee.png/a/p.xmp", YOURS, at=1_700_000_001)
        third = go(folder, tmp_path / "third", second)
        assert rows(third, "changes")["coffee.png/a/p.jpg"]["change"] == "restated"
    finally:
        archive(folder)
        (folder / "chelsea.png/a/p.xmp").unlink(missing_ok=True)


def every(name: str, end: str, **fields):
    """Change rows of a table whose URI ends so."""

    def tamper(folder: Path) -> None:
        uri = next(row["uri"] for row in rows(folder, name).values() if row["uri"].endswith(end))
        change(name, uri, **fields)(folder)

    return tamper


BROKEN = {
    "a sidecar is overlooked": ("doesn't name it", every("objects", "coffee.png/a/p.jpg", beside=None, stated=None)),
    "another's sidecar is named": (
        "doesn't lie beside it", every("objects", "chelsea.png/a/p.jpg", beside=["file:///x/p.xmp"])),
    "a sidecar is unread": ("neither read nor", every("objects", "coffee.png/a/p.xmp", stated=None)),
    "a word is lost": ("doesn't state what", every("objects", "coffee.png/b/p.jpg", stated=[])),
    "a conflict is overlooked": (
        "disagrees, or wasn't read", every("objects", "coffee.png/b/p.jpg", stated=[("rights", "other")])),
}  # fmt: skip


@pytest.mark.parametrize(("said", "tamper"), BROKEN.values(), ids=BROKEN)
def test_verify_sees_what_was_overlooked(done, tmp_path, said, tamper):
    import shutil

    shutil.copytree(done[1], tmp_path / "run")
    tamper(tmp_path / "run")
    accept_tampering(tmp_path / "run")
    told = [describe(broken) for broken in verify(str(tmp_path / "run"))]
    assert any(said in text for text in told), told
