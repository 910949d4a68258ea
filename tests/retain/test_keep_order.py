import datetime as dt
import random

import pytest

from mirrorfold.configs.policy import resolve_policy
from mirrorfold.transforms.retain.keep_order import object_priority

from .tables import content, contents, obj, objects

EARLY, LATE = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2001, 2020))


def preferred(policy: str, *pairs: tuple[dict, dict]) -> str:
    """Give the URI of the preferred object; `pairs` are (object, content) rows."""
    rows = list(pairs)
    random.Random(1).shuffle(rows)
    table = object_priority(
        objects(*(o for o, _ in rows)), contents(*(c for _, c in rows)), resolve_policy("version: 1\n" + policy, "p")
    )
    return min(zip(table["priority"].to_pylist(), table["uri"].to_pylist(), strict=True))[1]


CASES = {
    "pixels": ("keep_order: [pixels]", {}, {}, {"width": 61}, {}),
    "bit depth": ("keep_order: [bit_depth]", {}, {}, {"bit_depth": 16}, {}),
    "bits used, not declared": (
        "keep_order: [bit_depth]", {}, {"bit_depth": 8, "declared_depth": 16}, {"bit_depth": 10}, {},
    ),
    "bits declared where none are known": (
        "keep_order: [bit_depth]", {}, {"bit_depth": 12}, {"bit_depth": None, "declared_depth": 16}, {},
    ),
    "lossless": ("keep_order: [lossless]", {}, {}, {"lossless": True}, {}),
    "no palette": ("keep_order: [lossless]", {}, {"lossless": True, "mode": "P"}, {"lossless": True}, {}),
    "no GIF": (
        "keep_order: [lossless, metadata_richness]",
        {}, {"lossless": True, "media_type": "image/gif", "mode": "P"}, {"metadata_fields": 3}, {},
    ),
    "a JPEG over a palette": ("keep_order: [lossless]", {}, {"lossless": True, "mode": "P"}, {"lossless": False}, {}),
    "no JPEG 2000 that was cut to a rate": (
        "keep_order: [lossless]", {"size": 200_000}, {"media_type": "image/jp2", "lossless": True, "width": 2_000,
        "height": 1_000}, {"media_type": "image/png", "lossless": True}, {},
    ),
    "a JPEG 2000 without loss": (
        "keep_order: [lossless]", {}, {}, {"media_type": "image/jp2", "lossless": True, "width": 20, "height": 10},
        {"size": 2_000},
    ),
    "a grey palette loses nothing": (
        "keep_order: [lossless]", {}, {}, {"lossless": True, "mode": "P", "grey": True}, {},
    ),
    "a video behind it": ("keep_order: [parts, pixels]", {}, {"width": 99}, {"parts": ["motion-video"]}, {}),
    "rights": ("keep_order: [rights, oldest]", {}, {}, {"creator": "Lee", "caption": "The harbour"}, {}),
    "by default a camera file with rights over a screenshot": (
        "", {}, {"media_type": "image/png", "lossless": True},
        {"creator": "Lee", "rights": "© Lee", "metadata_fields": 9}, {},
    ),
    "by default more pixels over rights": ("", {}, {"creator": "Lee"}, {"width": 600}, {}),
    "richer metadata": ("keep_order: [metadata_richness]", {}, {}, {"metadata_fields": 3}, {}),
    "oldest": ("keep_order: [oldest]", {"last_modified": LATE}, {}, {}, {"last_modified": EARLY}),
    "newest": ("keep_order: [newest]", {"last_modified": EARLY}, {}, {}, {"last_modified": LATE}),
    "library": ("keep_order: [{library: [hk, gz]}]", {"library": "gz"}, {}, {}, {"library": "hk"}),
    "unknown library last": ("keep_order: [{library: [hk, gz]}]", {"library": "xx"}, {}, {}, {"library": "gz"}),
    "scope": (
        "keep_order: [scope: [b, a]]\nscopes: [{name: a, match: 's3://a/**'}, {name: b, match: 's3://b/**'}]",
        {}, {}, {}, {},
    ),
    "protected": ("protect: '**/b.jpg'\nkeep_order: [protected, pixels]", {}, {"width": 99}, {}, {}),
    "master by format": (
        "roles: {master: {any: [{format: tiff}]}}\nkeep_order: [master, pixels]",
        {}, {"width": 99}, {"media_type": "image/tiff"}, {},
    ),
    "derivative by path": (
        "roles: {derivative: {any: [{path: 'a/**'}]}}\nkeep_order: [master]", {}, {}, {}, {},
    ),
    "HEIC over a larger JPEG": (
        "keep_order: [{format: [heic, jpeg]}, largest]", {"size": 9999}, {}, {"media_type": "image/heic"}, {},
    ),
    "larger file": ("keep_order: [largest]", {}, {}, {}, {"size": 1001}),
    "smaller file": ("keep_order: [smallest]", {}, {}, {}, {"size": 999}),
    "storage class": (
        "keep_order: [storage_class: [STANDARD]]", {"storage_class": "GLACIER_IR"}, {}, {}, {},
    ),
    "expiring is worse than anything": (
        "keep_order: [pixels]", {"expires_at": LATE}, {"width": 999}, {}, {},
    ),
    "unread is worse than read": ("keep_order: [pixels]", {"identity_evidence": "sha256"}, {"width": 999}, {}, {}),
    "not current is worse": ("keep_order: [pixels]", {"is_latest": False}, {"width": 999}, {}, {}),
    "archived is worse": ("keep_order: [pixels]", {"archived": True}, {"width": 999}, {}, {}),
}  # fmt: skip


@pytest.mark.parametrize(("policy", "a", "content_a", "content_b", "b"), CASES.values(), ids=CASES)
def test_second_wins(policy, a, content_a, content_b, b):
    chosen = preferred(
        policy,
        (obj("s3://a/a/a.jpg", "a", **a), content("a", **content_a)),
        (obj("s3://b/b/b.jpg", "b", **b), content("b", **content_b)),
    )
    assert chosen == "s3://b/b/b.jpg"


def test_unreadable_is_last_and_the_uri_decides_in_the_end():
    policy = resolve_policy("version: 1\nkeep_order: [uri]", "p")
    rows = [
        obj("s3://a/0"),
        obj("s3://a/1\0x", "c"),
        obj("s3://a/1", "c", version="2"),
        obj("s3://a/1", "c", version="1"),
    ]
    table = object_priority(objects(*rows), contents(content("c")), policy)
    ordered = sorted(
        zip(table["priority"].to_pylist(), table["uri"].to_pylist(), table["version"].to_pylist(), strict=True)
    )
    assert [(uri, version) for _, uri, version in ordered] == [
        ("s3://a/1", "1"), ("s3://a/1", "2"), ("s3://a/1\0x", ""), ("s3://a/0", ""),
    ]  # fmt: skip
    assert len({key for key, _, _ in ordered}) == 4


def test_an_empty_block_works():
    assert object_priority(objects(), contents(), resolve_policy("version: 1", "p")).num_rows == 0
