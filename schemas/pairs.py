"""`pairs`: one row per verified pair of contents; canonical and linear in the number of contents."""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

TIERS = ("identical", "same-picture", "near-certain", "probable")
"""Surest first."""

LIES_OTHERWISE = (
    "framed", "stretched", "skewed",
    "rotated-90", "rotated-180", "mirrored", "flipped", "mirrored-rotated-90",
)  # fmt: skip
"""Kinds of pairs of which one doesn't lie on the other pixel by pixel: nothing is told by comparing these."""

DISTANCES = (
    column("d_phash64", pa.int16(), "Hamming distance of phash64, in bits of 64"),
    column("d_phash256", pa.int16(), "Hamming distance of phash256, in bits of 256"),
    column("d_dhash256", pa.int16(), "Hamming distance of dhash256, in bits of 256"),
    column("d_pdq256", pa.int16(), "Hamming distance of pdq256, in bits of 256"),
)

WARP = pa.list_(pa.field("element", pa.float32(), nullable=False))

PAIRS = Table(
    name="pairs",
    version=2,
    order=("content_a", "content_b"),
    shard_key=("content_a", "content_b"),
    schema=pa.schema(
        [
            column("content_a", pa.string(), "the smaller content_id", nullable=False),
            column("content_b", pa.string(), "the larger content_id", nullable=False),
            column("tier", pa.string(), "same-picture, near-certain or probable", nullable=False),
            column("kind", pa.string(), "kind of variant, e.g. resized, cropped, rotated-90, burst", nullable=False),
            column("kind_text", pa.string(), "the same for a person: 'cropped to 83 %', 'rotated 90°'", nullable=False),
            column("in_cluster", pa.bool_(), "whether the pair holds a cluster together", nullable=False),
            column("reason", pa.string(), "why the pair is listed: master, nearest or near-miss", nullable=False),
            *DISTANCES,
            column("correlation", pa.float32(), "correlation of the lumas after alignment, -1..1"),
            column("residual", pa.float32(), "worst cell of the aligned difference, 0..1"),
            column("highpass", pa.float32(), "correlation of the high-passed lumas after alignment, -1..1"),
            column("crop_area", pa.float32(), "share of the larger picture that the smaller shows, 0..1"),
            column("aspect", pa.float32(), "relative difference of the aspect ratios"),
            column(
                "warp",
                WARP,
                "how content_a lies on content_b: its place (x, y) at (p x + q y + r, s x + t y + u), by "
                "coordinates of -1..1 from edge to edge; null where neither was laid on the other, or in version 1",
            ),
            column("rule", pa.string(), "the verification rule that set the tier", nullable=False),
            column("capture_conflict", pa.bool_(), "the two state different capture times", nullable=False),
        ]
    ),
)
