"""What belongs together by its names: packages (BagIt, OCFL, METS, tiles), page runs, and a picture's companions.

Names are enough for all of these: RFC 8493 wants `bagit.txt` in a bag's folder, OCFL 1.1 `0=ocfl_object_1.x` in an
object's, Deep Zoom tiles lie in `NAME_files/` beside `NAME.dzi`, Zoomify has `ImageProperties.xml`.
"""

from __future__ import annotations

import re

PACKAGES = (
    ("bagit", r"(?i)^(.*/)bagit\.txt$"),
    ("ocfl", r"^(.*/)0=ocfl_object_[0-9.]+$"),
    ("mets", r"(?i)^(.*/)(?:[^/]*[._-])?mets\.xml$"),
    ("tiles", r"(?i)^(.*/)ImageProperties\.xml$"),
    ("tiles", r"(?i)^(.*/[^/]+)\.dzi$"),
    ("tiles", r"(?i)^(.*/)tilemapresource\.xml$"),
    ("tiles", r"(?i)^(.*/[^/]+_files/)[0-9]+/[0-9]+_[0-9]+\.[a-z]+$"),
    ("tiles", r"(?i)^(.*/)TileGroup[0-9]+/[0-9]+-[0-9]+-[0-9]+\.[a-z]+$"),
    ("tiles", r"(?i)^(.*/)[0-9]+,[0-9]+,[0-9]+,[0-9]+/[^/]+/!?[0-9]+/[a-z]+\.[a-z]+$"),
)
"""Kind, and an RE2 expression over URIs of the file that says so: its group is the package's folder. Tiles say so by
their own names too (Deep Zoom, Zoomify, IIIF): what describes them may be left out, or be made on demand."""
TILES = "_files/"
"""What follows the name of a .dzi in the folder of its tiles."""

RUN = "pages"
"""The kind of a page run."""

_SIDE = r"(?P<side>(?:[-_ ]?(?:recto|verso|r|v)|[ab])?)"
_PAGE = re.compile(
    r"(?is)^(?P<folder>.*/)(?P<stem>(?:[^/]*[^a-z/])?(?:page|pages|pag|pagina|pg|p|seite|folio|fol|f|leaf|blatt|bl|\u9801|\u9875)"
    r"[-_ .]*)(?P<number>[0-9]{1,8})" + _SIDE + r"\.(?P<kind>[a-z0-9]{2,5})$"
)
_NUMBERED = re.compile(
    r"(?is)^(?P<folder>.*/)(?P<stem>(?:[^/]*[^a-z0-9/])?)(?P<number>[0-9]{3,9})" + _SIDE + r"\.(?P<kind>[a-z0-9]{2,5})$"
)
PAGE_NAMES = r"(?i)[0-9](?:[-_ ]?(?:recto|verso|r|v)|[ab])?\.[a-z0-9]{2,5}$"
"""An RE2 expression that every page's URI matches: a cheap first look."""

RAW = frozenset(
    ("3fr", "arw", "cr2", "cr3", "crw", "dng", "erf", "iiq", "kdc", "mef", "mos", "mrw", "nef", "nrw", "orf", "pef",
     "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f")
)  # fmt: skip
PICTURES = RAW | frozenset(
    ("avif", "bmp", "gif", "heic", "heif", "hif", "jp2", "jpe", "jpeg", "jpf", "jpg", "jpx", "jxl", "png", "psd", "tif",
     "tiff", "webp")
)  # fmt: skip
SIDECARS = frozenset(
    ("aae", "acr", "cos", "dop", "json", "mov", "mp4", "nksc", "on1", "pp3", "thm", "vrd", "wav", "xmp")
)  # fmt: skip
_TAKEOUT = ".supplemental-metadata"
_COPY = re.compile(r"\([0-9]+\)$")
_APPLE = re.compile(r"^img_[eo]([0-9]{4})$")
_SETTINGS = re.compile(r"(?i)/(?:CaptureOne/Settings[0-9]*|NKSC_PARAM)$")
XMP = ".xmp"
UNREAD = "unread"
"""The key of `objects.stated` that says why a sidecar couldn't be read."""
UNREAD_SIDECAR = "unread_sidecar"
"""A conflict of its own: nobody knows what the XMP file beside one of the two states."""


def page_of(uri: str) -> tuple[str, tuple[int, str]] | None:
    """Give the run a page's name belongs to, and its place there; None for a name that isn't a page's.

    A page is named so (`page_0001.tif`, `ms-f12r.jp2`), or numbered in three digits or more, alone or after the name of
    its folder (`0001.tif`, `book1/book1_0100.tif`; somewhere in the run with zeros in front, see `padded`). Cameras'
    names (`IMG_0001.JPG`) are no pages.
    """
    found = _PAGE.match(uri)
    if found is None and (found := _NUMBERED.match(uri)) is not None:
        prefix, above = found["stem"].strip("-_ .").casefold(), found["folder"].rstrip("/").rpartition("/")[2]
        found = found if prefix in ("", above.casefold()) else None
    if found is None:
        return None
    run = f"{RUN}:{found['folder']}{found['stem']}#.{found['kind'].lower()}"
    return run, (int(found["number"]), found["side"].strip("-_ ")[:1].lower())


def padded(uri: str) -> bool:
    """Tell whether a page's name says that it is one: by a word, or by zeros before its number."""
    found = _NUMBERED.match(uri)
    return _PAGE.match(uri) is not None or (found is not None and found["number"].startswith("0"))


def extension_of(uri: str) -> str:
    """Give what follows the last dot of a name, in small letters; '' without one."""
    name = uri.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def group_of(uri: str) -> str | None:
    """Name what a picture and its companions share: the folder and the stem; None for other files.

    `IMG_1.JPG`, `IMG_1.xmp`, `img_1.jpg.xmp` and `IMG_1.jpg.supplemental-metadata.json` are one group. Google cuts that
    word off where a name grows long, and puts a copy's number behind it (`I.jpg.suppl(1).json` is of `I(1).jpg`);
    Apple names an edited picture and its edits `IMG_E0001.HEIC` and `IMG_O0001.AAE`; Capture One and NX Studio keep
    their settings in folders below the pictures'.
    """
    kind = extension_of(uri)
    if kind not in PICTURES and kind not in SIDECARS:
        return None
    folder, _, name = uri.rpartition("/")
    stem = name[: -len(kind) - 1].lower()
    if kind in SIDECARS:
        folder = _SETTINGS.sub("", folder)
        copy = _COPY.search(stem) if kind == "json" else None
        number = copy[0] if copy else ""
        plain = stem.removesuffix(number)
        said = plain.rpartition(".")[2]
        plain = plain.removesuffix(f".{said}") if "." in plain and _TAKEOUT.startswith(f".{said}") else plain
        inner = plain.rpartition(".")[2]
        stem = plain[: -len(inner) - 1] + number if "." in plain and inner in PICTURES else stem
    stem = _APPLE.sub(r"img_\1", stem)
    return f"{folder}/{stem}"


def describes(sidecar: str, picture: str) -> bool:
    """Tell whether an XMP file speaks of a picture of its folder: NAME.jpg.xmp of that one, NAME.xmp of each NAME."""
    base, named = sidecar.rpartition("/")[2].lower(), picture.rpartition("/")[2].lower()
    if not base.endswith(XMP) or extension_of(picture) not in PICTURES:
        return False
    return base.removesuffix(XMP) in (named, named.rpartition(".")[0])


def is_run(package: str | None) -> bool:
    """Tell a page run from a package."""
    return package is not None and package.startswith(f"{RUN}:")
