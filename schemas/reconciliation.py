"""`reconciliation`: after the move, what the plan says should be there against what is.

One row for each listed object version of the plan (delete markers have no bytes to look for), and one for each object
that was found and that nothing explains. Written by `mirrorfold reconcile`, never by a run.
"""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

STATES = {
    "arrived": "its bytes lie at the destination, proved by a digest",
    "arrived-otherwise": "at the destination lies the same picture in other bytes: recompressed, resized, converted",
    "unproved": "something of its name and size is there; nobody read it, and no digest is stated",
    "in-place": "it lies where it was listed, and no destination was named for it",
    "left-behind": "set aside by the plan, and rightly not at the destination",
    "waiting": "set aside by the plan, and still in its place: nobody acted yet",
    "quarantined": "set aside by the plan, and found in quarantine",
    "restored": "set aside by the plan, and written back to its place since",
    "deleted": "set aside by the plan, gone, and the quarantine's days are over",
    "not-asked": "none of the named targets would have it",
    "gone": "set aside by the plan and gone from its place; no quarantine was named where it may lie",
    "missing": "it is to be kept, and isn't at the destination",
    "changed": "in its place lie other bytes, of another picture or of none",
    "hidden": "it lies behind a delete marker or a newer version",
    "deleted-early": "set aside by the plan, and gone before the quarantine's days were over",
    "deleted-though-kept": "the plan keeps it, and it is gone from its place without having arrived elsewhere",
    "unexpected": "nothing in the plan explains it, or the plan sets it aside and it was brought along",
}
ACTED = (
    "arrived", "arrived-otherwise", "quarantined", "restored", "deleted", "gone", "deleted-early",
    "deleted-though-kept",
)  # fmt: skip
"""States that nothing gets into unless somebody carried the plan out."""
FAULTS = ("missing", "changed", "hidden", "deleted-early", "deleted-though-kept", "unexpected")
"""States that somebody has to look at."""

RECONCILIATION = Table(
    name="reconciliation",
    version=1,
    order=("uri", "version"),
    shard_key=("uri", "version"),
    schema=pa.schema(
        [
            column("uri", pa.string(), "the object; of an unexpected one, where it was found", nullable=False),
            column("version", pa.string(), "its version, as in objects", nullable=False),
            column("library", pa.string(), "its library; of an unexpected one, the target's", nullable=False),
            column("action", pa.string(), "what the plan does with it; null where the plan doesn't know it"),
            column("content_id", pa.string(), "its content, by the plan; of an unexpected one, where it is known"),
            column("size", pa.int64(), "bytes, by the plan; of an unexpected one, as found", nullable=False),
            column("state", pa.string(), "one of STATES", nullable=False),
            column("home", pa.string(), "there, again (written since), unproved, changed, hidden, gone; or null"),
            column("found_uri", pa.string(), "what was found for it"),
            column("found_version", pa.string(), "its version"),
            column("found_size", pa.int64(), "its bytes"),
            column("place", pa.string(), "same: under its own key; elsewhere: under another"),
            column(
                "evidence",
                pa.string(),
                "what proves it: read (hashed here), sha256, md5, crc32c or etag as the store states them, listed (the "
                "listing shows it unchanged), empty (no bytes); null for no proof",
            ),
            column("tier", pa.string(), "of arrived-otherwise: tier between the two pictures, as in pairs"),
            column("kind", pa.string(), "of arrived-otherwise: kind of variant, as in pairs"),
            column("nowhere", pa.bool_(), "the plan keeps its content, and none of the targets has it", nullable=False),
            column("detail", pa.string(), "what else there is to say, e.g. why it couldn't be read"),
        ]
    ),
)  # fmt: skip
