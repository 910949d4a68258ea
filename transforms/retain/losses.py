"""What one copy has and the kept one hasn't: a plan that sends it away would lose it, so people look first.

One order of criteria can't be right for two files of which each has something: an export with a copyright line and
the bare original of sixteen times its pixels. The order says which of them is proposed; this says that it's a proposal.
"""

from __future__ import annotations

from mirrorfold.transforms.retain.keep_order import RIGHTS
from mirrorfold.transforms.retain.records import Member

MORE_PIXELS = 1.02
"""Ratio of areas from which one has more pixels than the other: less is rounding, or a sliver."""
BETTER_QUALITY = 5
"""Steps of JPEG quality from which one is coded better: less is another encoder's tables."""


def lost_with(gone: Member, kept: Member) -> tuple[str, ...]:
    """Name what `gone` has and `kept` hasn't, by column of `contents`; () where nothing would be lost."""
    found = ["damaged"] if kept.damaged and not gone.damaged else []
    found += ["parts"] if set(gone.parts or ()) - set(kept.parts or ()) else []
    found += [name for name in RIGHTS if _states(gone, name) and not _states(kept, name)]
    areas = [(member.width or 0) * (member.height or 0) for member in (gone, kept)]
    if areas[0] > MORE_PIXELS * areas[1]:
        found.append("pixels")
    if _bits(gone) > _bits(kept):
        found.append("bit_depth")
    if MORE_PIXELS * areas[0] >= areas[1]:
        # A smaller picture loses nothing to a larger one by being coded without loss.
        if _whole(gone) and not _whole(kept):
            found.append("lossless")
        if gone.jpeg_quality and kept.jpeg_quality and gone.jpeg_quality > kept.jpeg_quality + BETTER_QUALITY:
            found.append("jpeg_quality")
    return tuple(found)


def _states(member: Member, name: str) -> bool:
    return bool((getattr(member, name) or "").strip())


def _bits(member: Member) -> int:
    return member.bit_depth or member.declared_depth or 0


def _whole(member: Member) -> bool:
    palette = member.mode == "P" or member.media_type == "image/gif"
    return bool(member.lossless) and (not palette or bool(member.grey))
