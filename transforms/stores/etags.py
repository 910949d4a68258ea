"""What names an object's state where no version does: the ETag that its store states, or else when it was modified."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mirrorfold.transforms.stores.api import ObjectRef

MODIFIED = "modified-"


def etag_of(entry: Mapping[str, Any]) -> str:
    """Give the ETag of an answer as boto3 has it; where the server states none, when it was modified."""
    if tag := (entry.get("ETag") or "").strip('"'):
        return tag
    modified = entry.get("LastModified")
    return f"{MODIFIED}{modified:%Y-%m-%dT%H:%M:%SZ}" if modified else ""


def states_etag(ref: ObjectRef) -> bool:
    """Tell whether the store itself stated the ETag, so that it can be asked for."""
    return bool(stated_etag(ref.etag))


def stated_etag(etag: str | None) -> str:
    """Give an ETag that its store itself stated; '' for what stands in for one."""
    return "" if etag is None or etag.startswith(MODIFIED) else etag
