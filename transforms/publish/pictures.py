"""The small pictures on the pages: WebP thumbnails of what the sources hold, or sketches from the stored luma."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from PIL import Image

from mirrorfold.schemas.failures import STORE_CODES
from mirrorfold.transforms.publish.decoder_worker import shrink
from mirrorfold.transforms.stores.api import ObjectRef, StoreError
from mirrorfold.transforms.stores.output import OutputStore

SIDE = 256
QUALITY = 78
LUMA_SIDE = 64
FOLDER = "review/thumbs/"

Read = Callable[[ObjectRef], bytes]
Decode = Callable[[bytes, str, int], Image.Image]
"""Decodes (bytes, media type, wanted longer side) to an upright picture; `UndecodableError` where it can't."""


class UndecodableError(Exception):
    """A file isn't a picture that can be decoded within the budget."""


@dataclass(frozen=True)
class Wanted:
    """A content to show: where its bytes are, and what is stored of it in case none can be read now."""

    content_id: str
    media_type: str
    width: int
    height: int
    luma: bytes | None
    refs: tuple[ObjectRef, ...]


def thumb_path(content_id: str, side: int = SIDE) -> str:
    """Name a content's thumbnail under DIR; folders by the first two digits keep listings short."""
    suffix = "" if side == SIDE else f"-{side}"
    return f"{FOLDER}{content_id[:2]}/{content_id}{suffix}.webp"


class Patience:
    """Which places are still worth asking: one that keeps refusing isn't asked for every thumbnail.

    Thumbnails are a service, not the result: an unreachable store must not hold the report up for hours.
    """

    def __init__(self, tries: int = 6):
        self._tries = tries
        self._failed: dict[tuple[str, str], int] = {}

    def worth(self, ref: ObjectRef) -> bool:
        """Tell whether the object's bucket or folder has not failed too often in a row."""
        return self._failed.get((ref.store, ref.bucket), 0) < self._tries

    def note(self, ref: ObjectRef, error: StoreError | None) -> None:
        """Note how a read went; an object that is gone says nothing of its bucket."""
        if error is None:
            self._failed[ref.store, ref.bucket] = 0
        elif error.code in STORE_CODES - {"vanished"}:
            self._failed[ref.store, ref.bucket] = self._failed.get((ref.store, ref.bucket), 0) + 1


@dataclass(frozen=True)
class Maker:
    """Makes the thumbnails that aren't there yet and writes them under DIR."""

    store: OutputStore
    read: Read
    decode: Decode
    threads: int = 8
    patience: Patience = field(default_factory=Patience)

    def make(self, wanted: Iterable[Wanted], sides: Sequence[int] = (SIDE,)) -> Iterator[tuple[str, bool]]:
        """Give (content_id, made); `made` is False where no source could be read and decoded."""
        there = set(self.store.list(FOLDER))
        with ThreadPoolExecutor(self.threads) as pool:
            yield from pool.map(partial(self._one, sides=tuple(sides), there=there), wanted)

    def make_one(self, content: Wanted, side: int) -> bool:
        """Make one thumbnail without asking which others are there; False where no source could be read and decoded."""
        return self._one(content, (side,), set())[1]

    def _one(self, content: Wanted, sides: tuple[int, ...], there: set[str]) -> tuple[str, bool]:
        missing = [side for side in sides if thumb_path(content.content_id, side) not in there]
        if not missing:
            return content.content_id, True
        image = self._picture(content, max(missing))
        if image is None:
            return content.content_id, False
        for side in missing:
            self.store.put(thumb_path(content.content_id, side), encode(shrink(image, side)))
        return content.content_id, True

    def _picture(self, content: Wanted, side: int) -> Image.Image | None:
        for ref in filter(self.patience.worth, content.refs):
            try:
                data = self.read(ref)
                self.patience.note(ref, None)
                return self.decode(data, content.media_type, side)
            except StoreError as error:
                self.patience.note(ref, error)
            except UndecodableError:
                continue  # another copy of the same bytes may have arrived whole; else the page shows a sketch
        return None


def encode(image: Image.Image) -> bytes:
    """Encode a small picture as WebP without metadata."""
    keeps = image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
    sink = io.BytesIO()
    keeps.save(sink, "WEBP", quality=QUALITY, method=4)
    return sink.getvalue()


def sketch(luma: bytes, width: int, height: int, side: int = LUMA_SIDE) -> bytes:
    """Draw a content from its stored 64 x 64 luma, in its true shape, as WebP."""
    square = Image.frombytes("L", (LUMA_SIDE, LUMA_SIDE), luma)
    scale = side / max(width, height, 1)
    return encode(
        square.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BICUBIC)
    )


def group_refs(rows: Iterable[Mapping]) -> dict[str, tuple[ObjectRef, ...]]:
    """Gather object references by content from rows with the columns of `objects`."""
    found: dict[str, list[ObjectRef]] = {}
    for row in rows:
        found.setdefault(row["content_id"], []).append(ObjectRef(*(row[name] for name in ObjectRef._fields)))
    return {content_id: tuple(refs) for content_id, refs in found.items()}
