"""What a run may choose about fingerprinting, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class FingerprintOptions:
    """Budgets, threads and shard sizes.

    Attributes:
      threads: fetch+decode threads per worker process, at most: fewer while files come quickly (see crew.Crew).
      shard_objects: objects per committed shard, at most.
      shard_bytes: listed bytes per committed shard, at most (a single larger object is a shard of its own).
      max_bytes: largest file that is fetched, bytes.
      max_pixels: largest picture that is decoded, by its header.
      max_pages: pages of a document that get a hash of their own.
      max_seconds: longest that a decoder in the sandbox may take on one file.
      inline_bytes: a decode that needs more memory than this, by its header, runs in the sandbox.
      sandbox_bytes: address space of one sandbox process.
      flight_bytes: bytes of files and of their decoding that a worker process may hold at once.
      sandboxes: sandbox processes per worker process; 0 is one per core.
      accept_md5: the policy accepts MD5 as proof, by name.
      read_noncurrent: read older versions too.
      compiled: decode JPEG by compiled loops where they fit: the same pixels, worth their loading from some hundred
        pictures on.
      imagehash: functions of the package imagehash whose hashes of the whole picture are wanted too.
      side: side of the luma that is decoded to: 64, or 256 for detail (never for hashes).
    """

    threads: int = 16
    shard_objects: int = 2_000
    shard_bytes: int = 2_000_000_000
    max_bytes: int = 4_000_000_000
    max_pixels: int = 400_000_000
    max_pages: int = 64
    max_seconds: float = 120.0
    inline_bytes: int = 64 * MEBIBYTE
    sandbox_bytes: int = 2_600 * MEBIBYTE
    flight_bytes: int = 512 * MEBIBYTE
    sandboxes: int = 0
    accept_md5: bool = False
    read_noncurrent: bool = False
    compiled: bool = False
    imagehash: tuple[str, ...] = ()
    side: int = 64

    def identity(self) -> tuple:
        """List what a shard's result depends on, for the name of its commit."""
        budgets = (self.max_bytes, self.max_pixels, self.max_pages, self.max_seconds, self.sandbox_bytes)
        return (*budgets, self.accept_md5, *self.imagehash)
