"""What verification needs of contents, as arrays: one row number for each content of a component."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.transforms.match.probes import trimmed_boxes
from mirrorfold.transforms.match.signatures import CHECK_WORDS, low_rows, luma_array, make_light, picture_digests

COLUMNS = (
    "content_id",
    "size",
    "media_type",
    "width",
    "height",
    "frames",
    "phash64",
    "phash256",
    "dhash256",
    "pdq256",
    "windows64",
    "dihedral64",
    "phash64_on_black",
    "luma",
    "luma_on_black",
    "search",
    "colour",
    "grey",
    "low_information",
    "pdq_quality",
    "document",
    "picture_digest",
    "page_hashes",
    "capture_time",
    "orientation",
    "parts",
)
SCHEMA = pa.schema([CONTENTS.schema.field(name) for name in COLUMNS])
DETAIL = "detail"
"""Column that contents have beside COLUMNS once some of them were read again."""
LARGE_HASHES = ("phash256", "dhash256", "pdq256")


@dataclass(frozen=True)
class Features:
    """Columns of some contents, and of their views: each as it is, then on black those that look otherwise there.

    Attributes:
      ids: content ids.
      hashes: uint64 (rows, kinds), full signature and probes; checks: uint64 (rows, kinds, words).
      large: uint64 (rows, 3, 4), the 256-bit hashes in the order of LARGE_HASHES.
      lumas: uint8 (views, 64, 64); seen: where there is one.
      on_black: int64 (rows,), the view of each content on black; -1 where there is none.
      width, height: int32 (views,), pixels.
      boxes: int64 (views, 4), what is left of the lumas without plain edges, see `probes.trimmed_boxes`.
      colours: int16 (rows, 8, 3), means of (Y, Cb, Cr) as the fingerprint stores them; zeros where withheld.
      low: too little information to be searched; faint: little, but searched (see `signatures.FAINT_QUALITY`).
      digests: uint64, equal for the same coded picture at the same orientation and size; 0 where unknown.
      parts: what lies behind the picture: a video, a gain map ...
      pages: phash64 of the further pages, one tuple a row.
      details: 256x256 luma of contents that were read again, else None.
    """

    ids: list[str]
    hashes: np.ndarray
    checks: np.ndarray
    large: np.ndarray
    lumas: np.ndarray
    on_black: np.ndarray
    boxes: np.ndarray
    seen: np.ndarray
    width: np.ndarray
    height: np.ndarray
    frames: np.ndarray
    size: np.ndarray
    grey: np.ndarray
    low: np.ndarray
    faint: np.ndarray
    document: np.ndarray
    colours: np.ndarray
    digests: np.ndarray
    media: list[str]
    parts: list[tuple[str, ...]]
    captured: list[str | None]
    pages: list[tuple[int, ...]]
    details: list[bytes | None]

    def __len__(self) -> int:
        return len(self.ids)


def make_features(contents: pa.Table, crops: bool, probes: bool = True) -> Features:
    """Make features of contents, in their order.

    Args:
      crops: with the probes of windows and symmetries.
      probes: with hashes beside the whole picture's, and with checks: a pair that is a candidate already needs neither.
    """
    contents = contents.combine_chunks()
    rows = contents.num_rows
    hashes, checks = contents.column("phash64").to_numpy()[:, None], np.zeros((rows, 1, CHECK_WORDS), np.uint64)
    if probes:
        light = make_light(contents, crops)
        hashes = light.column("hashes").combine_chunks().flatten().to_numpy().reshape(rows, -1)
        checks = light.column("checks").combine_chunks().flatten().to_numpy().reshape(rows, -1, CHECK_WORDS)
    low, lumas = low_rows(contents), luma_array(contents.column("luma"))
    black = np.flatnonzero(contents.column("luma_on_black").is_valid().to_numpy())
    on_black, view = np.full(rows, -1), np.concatenate([np.arange(rows), black])
    on_black[black] = rows + np.arange(len(black))
    if len(black):
        lumas = np.concatenate([lumas, luma_array(contents.column("luma_on_black").take(pa.array(black)))])
    return Features(
        ids=contents.column("content_id").to_pylist(),
        hashes=np.ascontiguousarray(hashes),
        checks=np.ascontiguousarray(checks),
        large=np.stack([_words(contents.column(name)) for name in LARGE_HASHES], axis=1),
        lumas=lumas,
        on_black=on_black,
        boxes=trimmed_boxes(lumas),
        seen=contents.column("luma").is_valid().to_numpy(),
        width=contents.column("width").to_numpy()[view],
        height=contents.column("height").to_numpy()[view],
        frames=contents.column("frames").to_numpy(),
        size=contents.column("size").to_numpy(),
        grey=contents.column("grey").to_numpy(),
        low=low,
        faint=contents.column("low_information").to_numpy() & ~low,
        document=contents.column("document").to_numpy(),
        colours=_colours(contents.column("colour")),
        digests=picture_digests(contents),
        media=contents.column("media_type").to_pylist(),
        parts=[tuple(parts or ()) for parts in contents.column("parts").to_pylist()],
        captured=contents.column("capture_time").to_pylist(),
        pages=[tuple(pages or ()) for pages in contents.column("page_hashes").to_pylist()],
        details=contents.column(DETAIL).to_pylist() if DETAIL in contents.column_names else [None] * rows,
    )


def _colours(column: pa.ChunkedArray) -> np.ndarray:
    data = b"".join(value or bytes(24) for value in column.to_pylist())
    return np.frombuffer(data, np.uint8).astype(np.int16).reshape(-1, 8, 3)


def colour_shift(features: Features, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give by how many levels pairs differ in colour (largest chroma of any part) and in tone (largest mean luma)."""
    shift = np.abs(features.colours[a] - features.colours[b])
    return shift[:, :, 1:].max(axis=(1, 2)), shift[:, :5, 0].max(axis=1)


def otherwise_clear(features: Features, a: np.ndarray, b: np.ndarray, most: int) -> np.ndarray:
    """Tell which pairs of rows differ in transparency: one has none that shows, or by more than so many levels."""
    there_a, there_b = features.on_black[a] >= 0, features.on_black[b] >= 0
    differs = there_a != there_b
    both = np.flatnonzero(there_a & there_b)
    if len(both):
        views = (features.lumas[features.on_black[side[both]]].astype(np.int32) for side in (a, b))
        one, other = (view.reshape(-1, 8, 8, 8, 8).mean(axis=(2, 4)) for view in views)
        differs[both] = np.abs(one - other).max(axis=(1, 2)) > most
    return differs


def _words(column: pa.ChunkedArray) -> np.ndarray:
    return np.frombuffer(b"".join(column.to_pylist()), dtype=">u8").astype(np.uint64).reshape(-1, 4)


def distances(features: Features, a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """Give the Hamming distances of pairs in bits, int16, by column of the `pairs` table."""
    found = {"d_phash64": np.bitwise_count(features.hashes[a, 0] ^ features.hashes[b, 0]).astype(np.int16)}
    large = np.bitwise_count(features.large[a] ^ features.large[b]).sum(axis=2, dtype=np.int16)
    for position, name in enumerate(LARGE_HASHES):
        found[f"d_{name}"] = large[:, position]
    return found
