"""`package_failures`: where a bag's or an OCFL object's own manifest disagrees with what was read.

Written by `mirrorfold export --what fixity`, never by a run: manifests by SHA-512 or MD5 need their files read again.
"""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import Table, column

ERRORS = {
    "unreadable-manifest": "the package's manifest can't be read, so nothing in it is proved",
    "missing": "the manifest names it, and it isn't there",
    "differs": "its bytes aren't those that the manifest states",
    "unnamed": "it lies in the package's payload, and no manifest names it",
}
"""Every stable code with what it means."""

PACKAGE_FAILURES = Table(
    name="package_failures",
    version=1,
    order=("package", "uri", "error"),
    shard_key=("package",),
    schema=pa.schema(
        [
            column("uri", pa.string(), "the file; of unreadable-manifest, the manifest", nullable=False),
            column("library", pa.string(), "the package's library", nullable=False),
            column("package", pa.string(), "KIND:FOLDER, as in objects", nullable=False),
            column("manifest", pa.string(), "the manifest that says otherwise; empty for unnamed", nullable=False),
            column("error", pa.string(), "a stable code, see ERRORS", nullable=False),
            column("algorithm", pa.string(), "of the digest that the manifest states"),
            column("stated", pa.string(), "that digest, lowercase hex"),
            column("found", pa.string(), "the same of the bytes as they were read; null where they aren't there"),
        ]
    ),
)
