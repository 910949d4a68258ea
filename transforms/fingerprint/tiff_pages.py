"""The pages of a TIFF and the smaller copies of each: reduced images in the chain, SubIFDs, and unflagged pyramids."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from mirrorfold.transforms.fingerprint import ifd

SUBFILE, WIDTH, HEIGHT, SUB_IFDS, TILE_WIDTH, OLD_SUBFILE, DESCRIPTION = 254, 256, 257, 330, 322, 255, 270
MAX_SUB_IFDS = 64


@dataclass(frozen=True)
class Level:
    """One image in the file: where its directory lies, and its size in pixels as stored."""

    offset: int
    width: int
    height: int


@dataclass
class Page:
    """A page: its full image, smaller copies of it, and directories of reduced images before it, which may say more."""

    directory: ifd.Directory
    full: Level
    smaller: list[Level] = field(default_factory=list)
    before: list[ifd.Directory] = field(default_factory=list)

    def adequate(self, short_side: int) -> Level:
        """Choose the smallest level that still has `short_side` pixels and the page's shape."""
        fits = [
            level for level in self.smaller if self._same_shape(level) and min(level.width, level.height) >= short_side
        ]
        return min([self.full, *fits], key=lambda level: level.width * level.height)

    def may_be_shrunk_to(self, level: Level) -> bool:
        """Tell whether a level has this page's shape and half its sides at most."""
        return 2 * level.width <= self.full.width and 2 * level.height <= self.full.height and self._same_shape(level)

    def _same_shape(self, level: Level) -> bool:
        across, down = self.full.width * level.height, self.full.height * level.width
        slack = max(self.full.width, self.full.height)  # one pixel of rounding in the smaller copy
        return abs(across - down) <= max(slack, 0.01 * across)


def find_pages(data: bytes, layout: ifd.Layout) -> list[Page]:
    """Walk all directories and sort them into pages: the first is the first full picture, wherever it lies."""
    pages: list[Page] = []
    early: list[tuple[ifd.Directory, Level]] = []
    for directory in ifd.directories(data, layout):
        level = _level(directory)
        if level is None:
            continue
        kind = _kind(directory)
        if kind & 4:
            continue  # a transparency mask
        if kind & 1 and SUB_IFDS not in directory:
            if pages:
                pages[-1].smaller.append(level)
            else:
                early.append((directory, level))
            continue
        page = Page(directory, level)
        _add_sub_images(page, data, layout)
        pages.append(page)
    if not pages:
        return [Page(directory, level) for directory, level in early]  # nothing but reduced images: better than nothing
    pages[0].smaller += [level for _, level in early]
    pages[0].before += [directory for directory, _ in early]
    return _merge_unflagged_pyramid(_without_associated(pages))


def _kind(directory: ifd.Directory) -> int:
    """Give NewSubfileType; where a file has only the old SubfileType, what it says in the new one's bits."""
    if SUBFILE in directory:
        return directory.number(SUBFILE)
    return 1 if directory.number(OLD_SUBFILE) == 2 else 0


def _without_associated(pages: list[Page]) -> list[Page]:
    """Leave out what slide scanners put beside a pyramid, unflagged: a thumbnail, the label, a view of the slide."""
    first, rest = pages[0], pages[1:]
    tiled = [page for page in rest if TILE_WIDTH in page.directory]
    if TILE_WIDTH not in first.directory or len(tiled) == len(rest):
        return pages
    described = (first.directory.text(DESCRIPTION) or "").lower()
    named = [page for page in rest if page not in tiled and _is_associated(page, described)]
    return [page for page in pages if not any(page is one for one in named)]


def _is_associated(page: Page, main: str) -> bool:
    stated = (page.directory.text(DESCRIPTION) or "").lower()
    words = ("label", "macro", "thumbnail", "overview")
    return "aperio" in main or "scanner" in main or any(word in stated for word in words)


def _level(directory: ifd.Directory | None) -> Level | None:
    if directory is None:
        return None
    width, height = directory.number(WIDTH), directory.number(HEIGHT)
    return Level(directory.offset, width, height) if width > 0 and height > 0 else None


def _add_sub_images(page: Page, data: bytes, layout: ifd.Layout) -> None:
    """Add SubIFDs; where the main image is a thumbnail (as in DNG), the largest SubIFD is the page."""
    offsets = page.directory.numbers(SUB_IFDS)[:MAX_SUB_IFDS]
    levels = [level for offset in offsets for level in [_level(ifd.read_directory(data, layout, int(offset)))] if level]
    everything = [page.full, *levels]
    page.full = max(everything, key=lambda level: level.width * level.height)
    page.smaller += [level for level in everything if level != page.full]


def _merge_unflagged_pyramid(pages: list[Page]) -> list[Page]:
    """Fold a chain of tiled images, each half or a quarter of the one before, into one page."""
    if len(pages) < 2 or not all(TILE_WIDTH in page.directory for page in pages):
        return pages
    for before, after in pairwise(pages):
        across, down = before.full.width / after.full.width, before.full.height / after.full.height
        if not any(abs(across - step) < 0.1 * step and abs(down - step) < 0.1 * step for step in (2, 4)):
            return pages
    first, *rest = pages
    first.smaller += [page.full for page in rest]
    return [first]
