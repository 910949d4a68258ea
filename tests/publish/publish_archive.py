"""A finished run made of real photographs, small enough for a test: tables under DIR and the sources beside it.

The rows are written as the stages would write them, without running a stage, so that what publish shows can be checked
against numbers known in advance. Keys and metadata are as hostile as an archive's.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import skimage
import sklearn.datasets
from PIL import Image, ImageEnhance

from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.schemas.table import Table
from mirrorfold.schemas.uri import make_uri
from mirrorfold.transforms.blocks import ipc, parquet
from mirrorfold.transforms.stores.files import file_etag, file_path
from mirrorfold.transforms.stores.output import LocalOutput

PICTURES = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png", "ihc.png", "page.png")
FLOWERS = ("flower.jpg", "china.jpg")

MARK = "pwned"
"""A hostile key or value that manages to run sets the page's title to this, or a global of this name."""

HOSTILE = (
    f"<img src=x onerror=\"document.title='{MARK}'\">.jpg",
    f"</script><script>window.{MARK}=1</script>.jpg",
    '=HYPERLINK("http://evil.example","open").jpg',
    "harmless\u202egpj.exe",
    "two\nlines\r\n{{ 7*7 }}.jpg",
    "javascript:window.pwned=1//.jpg",
    "香港/維多利亞港 — 1962.jpg",
    "not\uefff\uef80utf8.jpg",
    f"'\"`;window.{MARK}=1;//${{7*7}}.jpg",
)

WHEN = datetime.datetime(2024, 5, 17, 9, 30, tzinfo=datetime.UTC)
POLICY = "0" * 64


@dataclass
class Archive:
    """The archive while it is put together: rows by table."""

    root: Path
    rows: dict[str, list[dict]] = field(default_factory=lambda: {name: [] for name in TABLES})

    @property
    def output(self) -> str:
        return str(self.root / "out")

    def add_object(self, library: str, key: str, data: bytes, content: dict | None, **decision) -> dict:
        """Put a file into a library's folder, and its rows into objects and decisions."""
        folder = self.root / "sources" / library
        path = file_path(str(folder), key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        etag = file_etag(os.stat(path))
        uri = make_uri("file", str(folder), key)
        listed = {
            "uri": uri,
            "library": library,
            "store": "file",
            "bucket": str(folder),
            "key": key,
            "version": "",
            "size": len(data),
            "etag": etag,
            "storage_class": "FILE",
            "last_modified": WHEN,
            "hold": "no",
            "is_latest": True,
            "is_delete_marker": False,
            "archived": False,
            "content_id": content and content["content_id"],
            "identity_evidence": "read" if content else None,
        }
        self.rows["objects"].append(listed)
        decided = {
            "uri": uri,
            "version": "",
            "etag": listed["etag"],
            "library": library,
            "storage_class": "FILE",
            "size": len(data),
            "content_id": listed["content_id"],
            "action": "keep",
            "rule": "no-twin",
            "reason": "No other object shows it.",
            "bytes_freed": 0,
            "bytes_below_cutoff": 0,
            "copies_left": 1,
            "copies_left_here": 1,
            "conflicts": [],
            "rules_lost": [],
            "evidence": [],
            "premis_event": "validation",
            "policy_hash": POLICY,
            "code_version": "0",
        }
        self.rows["decisions"].append(decided | decision)
        return listed

    def add_content(self, image: Image.Image, data: bytes, media_type: str, **provenance) -> dict:
        """Add a content's row, with the luma that fingerprinting would store."""
        content_id = hashlib.sha256(data).hexdigest()
        luma = np.asarray(image.convert("L").resize((64, 64), Image.Resampling.BOX)).tobytes()
        row = {
            "content_id": content_id,
            "size": len(data),
            "media_type": media_type,
            "width": image.width,
            "height": image.height,
            "frames": 1,
            "algorithm": "1",
            "phash64": 0,
            "phash256": bytes(32),
            "dhash256": bytes(32),
            "pdq256": bytes(32),
            "pdq_quality": 100,
            "windows64": [0] * 9,
            "dihedral64": [0] * 8,
            "luma": luma,
            "grey": image.mode == "L",
            "low_information": False,
            "document": False,
            "preview": False,
            "metadata_fields": len(provenance),
            "orientation": 1,
            "mode": image.mode,
            "bit_depth": 8,
            "lossless": media_type == "image/png",
        }
        row |= provenance
        if content_id not in {known["content_id"] for known in self.rows["contents"]}:
            self.rows["contents"].append(row)
        return row

    def add_cluster_row(
        self, listed: dict, master: str, tier: str, kind: str, text: str, is_master: bool, d: int | None
    ):
        self.rows["clusters"].append(
            {
                "cluster_id": master,
                "family_id": master,
                "uri": listed["uri"],
                "version": "",
                "library": listed["library"],
                "content_id": listed["content_id"],
                "tier": tier,
                "kind": kind,
                "kind_text": text,
                "is_master": is_master,
                "d_phash64": d,
                "d_phash256": None if d is None else d * 4,
                "d_dhash256": None,
                "d_pdq256": None,
            }
        )

    def add_pair(self, a: str, b: str, tier: str, kind: str, text: str, d: int | None, in_cluster: bool = True):
        # What `crop` leaves of a picture is seven eighths of each side, at the lower right.
        size, shift = (8 / 7, -1 / 7) if a < b else (7 / 8, 1 / 8)
        warp = [size, 0, shift, 0, size, shift] if kind == "cropped" else None
        a, b = sorted((a, b))
        self.rows["pairs"].append(
            {
                "content_a": a,
                "content_b": b,
                "tier": tier,
                "kind": kind,
                "kind_text": text,
                "in_cluster": in_cluster,
                "reason": "master" if in_cluster else "near-miss",
                "d_phash64": d,
                "correlation": 0.98,
                "residual": 0.04,
                "highpass": 0.9,
                "crop_area": 0.77 if kind == "cropped" else None,
                "warp": warp,
                "rule": "aligned",
                "capture_conflict": False,
            }
        )

    def write(self) -> None:
        """Write every table as the kit does."""
        store = LocalOutput(self.output)
        for name, table in TABLES.items():
            rows = ipc.sort_rows(as_table(table, self.rows[name]), table.order)
            parquet.write_shard(store, table, rows, 0, 1)


def as_table(table: Table, rows: list[dict]) -> pa.Table:
    """Make rows of a table from dicts that name only the columns that matter."""
    blank = {column.name: None if column.nullable else _blank(column.type) for column in table.schema}
    full = [blank | {name: value for name, value in row.items() if name in blank} for row in rows]
    return pa.Table.from_pylist(full, schema=table.schema)


def _blank(kind: pa.DataType) -> object:
    if pa.types.is_list(kind):
        return []
    return False if pa.types.is_boolean(kind) else 0 if pa.types.is_primitive(kind) else ""


def photographs() -> dict[str, Image.Image]:
    """Load the photographs that scikit-image and scikit-learn carry in their wheels."""
    data = Path(skimage.__file__).parent / "data"
    flowers = Path(sklearn.datasets.__file__).parent / "images"
    paths = [data / name for name in PICTURES] + [flowers / name for name in FLOWERS]
    return {path.stem: Image.open(path).convert("RGB") for path in paths}


def encode(image: Image.Image, form: str, **options) -> bytes:
    """Encode an image in memory."""
    sink = io.BytesIO()
    image.save(sink, form, **options)
    return sink.getvalue()


def crop(image: Image.Image) -> Image.Image:
    """Cut 12 % off the left and the top."""
    return image.crop((image.width // 8, image.height // 8, image.width, image.height))


VARIANTS = (
    ("resized", "resized to 50 %", "near-certain", 2, lambda im: im.resize((im.width // 2, im.height // 2))),
    ("recompressed", "recompressed to JPEG 60", "near-certain", 0, lambda im: im),
    ("greyscale", "greyscale", "probable", 3, lambda im: im.convert("L")),
    ("cropped", "cropped to 77 %", "probable", None, crop),
    ("retouched", "retouched", "probable", 4, lambda im: ImageEnhance.Brightness(im).enhance(1.25)),
)


def build_archive(root: Path) -> Archive:
    """Make the archive: a master and a mirror library, every picture with copies and a few variants."""
    archive = Archive(root)
    for index, (name, image) in enumerate(photographs().items()):
        add_picture(archive, index, name, image)
    add_oddities(archive)
    add_savings(archive)
    archive.write()
    return archive


def add_picture(archive: Archive, index: int, name: str, image: Image.Image) -> None:
    """Add a master, its exact copies and some variants."""
    data = encode(image, "PNG")
    master = archive.add_content(
        image,
        data,
        "image/png",
        creator="M. Chan",
        licence="https://creativecommons.org/publicdomain/zero/1.0/",
        capture_time="1962-07-01T10:00:00",
        catalogue_no=f"HK-{index:04d}",
        title=f"{name} <b>bold</b>",
        keywords=["harbour", HOSTILE[1]],
    )
    identity = master["content_id"]
    kept = archive.add_object(
        "hk",
        f"masters/{name}.png",
        data,
        master,
        action="keep",
        rule="keep-order",
        cluster_id=identity,
        family_id=identity,
        reason="Kept: the master, in the highest resolution.",
    )
    archive.add_cluster_row(kept, identity, "identical", "copy", "same bytes", True, 0)
    stands = {
        "cluster_id": identity,
        "family_id": identity,
        "kept_uri": kept["uri"],
        "kept_version": "",
        "kept_etag": kept["etag"],
    }
    hostile = HOSTILE[index % len(HOSTILE)]
    for library, key in (("gz-mirror", f"{name}/{hostile}"), ("hk", f"inbox/{name}-copy.png")):
        twin = archive.add_object(
            library,
            key,
            data,
            master,
            action="quarantine",
            rule="identical",
            tier_to_kept="identical",
            reason="The same bytes as the kept copy.",
            bytes_freed=len(data),
            **stands,
        )
        archive.add_cluster_row(twin, identity, "identical", "copy", "same bytes", False, 0)
    for kind, text, tier, distance, change in VARIANTS[: 1 + index % len(VARIANTS)]:
        variant = change(image)
        coded = encode(variant, "JPEG", quality=60)
        creator = "M. Chan" if kind == "resized" else HOSTILE[0]
        content = archive.add_content(
            variant,
            coded,
            "image/jpeg",
            creator=creator,
            capture_time="1962-07-01T10:00:00",
            title=name,
            jpeg_quality=60,
        )
        below = kind == "recompressed"
        listed = archive.add_object(
            "gz-mirror" if kind != "cropped" else "press",
            f"{kind}/{name}-{hostile}",
            coded,
            content,
            action="keep" if below else "review",
            rule="below-cutoff" if below else tier,
            reason=f"A person decides: {text}.",
            bytes_freed=0 if below else len(coded),
            bytes_below_cutoff=len(coded) if below else 0,
            bytes_if_same=len(coded),
            tier_to_kept=tier,
            conflicts=[] if kind == "resized" else ["creator"],
            **stands,
        )
        archive.add_cluster_row(listed, identity, tier, kind, text, False, distance)
        archive.add_pair(identity, content["content_id"], tier, kind, text, distance)


def add_oddities(archive: Archive) -> None:
    """Add objects without a twin, a held one and every kind of failure."""
    held = encode(Image.new("RGB", (64, 64), "navy"), "PNG")
    content = archive.add_content(Image.new("RGB", (64, 64), "navy"), held, "image/png")
    archive.add_object("hk", "held/contract.png", held, content, action="blocked", rule="hold", reason="On legal hold.")
    for key, stage, error, message in (
        ("broken/cut.jpg", "decode", "truncated", "the file ends in scan 1 of 3"),
        ("broken/bomb.png", "decode", "too-many-pixels", "the header declares 60000 x 60000 pixels"),
        (f"broken/{HOSTILE[0]}", "decode", "corrupt", f"bad marker {HOSTILE[1]}"),
        ("deep/old.tif", "skipped", "archived", "in DEEP_ARCHIVE"),
        ("notes.txt", "skipped", "not-an-image", "text/plain"),
    ):
        data = b"not a picture " * 40
        listed = archive.add_object(
            "press",
            key,
            data,
            None,
            action="blocked" if stage == "decode" else "keep",
            rule="unread",
            reason=f"Kept: {message}.",
        )
        archive.rows["failures"].append(
            {
                "uri": listed["uri"],
                "version": "",
                "library": "press",
                "stage": stage,
                "error": error,
                "message": message,
            }
        )


def add_savings(archive: Archive) -> None:
    """Sum the decisions up, at a round price of 0.2 a GB and month."""
    sums: dict[tuple, list[int]] = {}
    for row in archive.rows["decisions"]:
        action = "below-cutoff" if row["bytes_below_cutoff"] else row["action"]
        total = sums.setdefault((row["library"], row.get("tier_to_kept") or "none", action), [0, 0, 0])
        for place, value in enumerate((1, row["size"], row["bytes_freed"] or row["bytes_below_cutoff"])):
            total[place] += value
    for (library, tier, action), (objects, size, freed) in sums.items():
        monthly = freed / 1e9 * 0.2
        archive.rows["savings"].append(
            {
                "library": library,
                "store": "file",
                "storage_class": "FILE",
                "tier": tier,
                "action": action,
                "objects": objects,
                "bytes": size,
                "bytes_freed": freed,
                "monthly": monthly,
                "yearly": monthly * 9,
                "one_off": 0.0,
                "currency": "HKD",
                "price_source": "a test",
                "price_date": datetime.date(2026, 11, 1),
            }
        )
