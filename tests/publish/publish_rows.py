"""Clusters by rows alone, as many as a test wants, without any file behind them."""

from __future__ import annotations

from tests.publish.publish_archive import Archive


def add_clusters(archive: Archive, count: int) -> None:
    """Add clusters of one kept object and one to review, by rows alone."""
    for number in range(count):
        master, other = f"{2 * number:064x}", f"{2 * number + 1:064x}"
        for content, place in ((master, "a"), (other, "b")):
            row = {
                "uri": f"s3://bucket/{number}{place}", "version": "", "library": "hk", "size": 100,
                "content_id": content,
                "cluster_id": master, "family_id": master, "action": "review" if place == "b" else "keep",
                "bytes_freed": 100 + count - number if place == "b" else 0, "is_master": place == "a",
                "kept_uri": f"s3://bucket/{number}a" if place == "b" else None, "kept_version": "",
                "tier": "probable", "tier_to_kept": "probable", "kind": "cropped", "kind_text": "cropped to 80 %",
                "media_type": "image/jpeg", "width": 40, "height": 30, "windows64": [0] * 9, "dihedral64": [0] * 8,
                "phash256": bytes(32), "dhash256": bytes(32), "pdq256": bytes(32), "luma": bytes(4096),
            }  # fmt: skip
            for table in ("decisions", "clusters", "contents"):
                archive.rows[table].append(row)
