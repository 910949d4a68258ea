"""`contents`: one row per distinct content that was read and decoded."""

from __future__ import annotations

import pyarrow as pa

from mirrorfold.schemas.table import STRINGS, TIMESTAMP, Table, column

LUMA_SIDE = 64
"""Side of the stored luma thumbnail in pixels: alignment of crops and rescans needs 64 (docs/fingerprints.md)."""

WINDOWS = 9
"""Crop windows: 90 % of each side, at the corners, edge middles and centre, row by row."""

DIHEDRALS = 8
"""The symmetries of a rectangle: rotations by 0, 90, 180, 270 degrees, then the same of the mirror image."""

IMAGEHASHES = ("phash", "dhash", "whash", "colorhash")
"""Functions of the package imagehash whose hashes the setting `fingerprint.imagehash` adds."""

CONTENTS = Table(
    name="contents",
    version=3,
    order=("content_id",),
    shard_key=("content_id",),
    rows_per_shard=50_000,
    schema=pa.schema(
        [
            column("content_id", pa.string(), "lowercase hex SHA-256 of the bytes", nullable=False),
            column("size", pa.int64(), "bytes", nullable=False),
            column(
                "media_type",
                pa.string(),
                "what the bytes are, e.g. image/jpeg; found by decoding, not by name",
                nullable=False,
            ),
            column("width", pa.int32(), "pixels, after EXIF orientation", nullable=False),
            column("height", pa.int32(), "pixels, after EXIF orientation", nullable=False),
            column(
                "frames",
                pa.int32(),
                "pages of a document, frames of an animation; 1 for a single picture",
                nullable=False,
            ),
            column(
                "parts",
                STRINGS,
                "what lies behind the picture: motion-video, gain-map, depth, second-picture, auxiliary-picture (a "
                "matte), layers, transparency (where it is used); null for nothing",
            ),
            column(
                "damaged",
                pa.string(),
                "what libjpeg, a first decoder that a second one mends, or the file's own markers said of damage in "
                "what was read; null for nothing, which proves none: see damaged_a of confirmations",
            ),
            column("algorithm", pa.string(), "version of the signature algorithm that made this row", nullable=False),
            # Signatures. uint64 and big-endian bytes both read as imagehash's hex string does.
            column(
                "phash64",
                pa.uint64(),
                "DCT perceptual hash, 8x8 bits; int(str(imagehash.phash(im)), 16)",
                nullable=False,
            ),
            column("phash256", pa.binary(32), "DCT perceptual hash, 16x16 bits, big-endian", nullable=False),
            column("dhash256", pa.binary(32), "difference hash, 16x16 bits, big-endian", nullable=False),
            column("pdq256", pa.binary(32), "PDQ-like hash, 16x16 bits, big-endian", nullable=False),
            column(
                "pdq_quality",
                pa.int16(),
                "PDQ gradient quality 0..100; below 50 the picture says little",
                nullable=False,
            ),
            column("windows64", pa.list_(pa.field("element", pa.uint64()), WINDOWS), "phash64 of crop windows"),
            column(
                "dihedral64",
                pa.list_(pa.field("element", pa.uint64()), DIHEDRALS),
                "phash64 of the 8 symmetries; [0] is phash64",
            ),
            column(
                "luma",
                pa.binary(LUMA_SIDE * LUMA_SIDE),
                "64x64 luma, row-major uint8, the whole picture squeezed to a square; null where it didn't travel",
            ),
            column(
                "phash64_on_black",
                pa.uint64(),
                "phash64 of luma_on_black; null where it shows too little to be searched",
            ),
            column(
                "luma_on_black",
                pa.binary(),  # of no fixed size: Arrow would hold as many bytes for each null, and most are null
                "luma of the picture laid on black, where transparency makes that look otherwise; else null",
            ),
            column(
                "search",
                pa.binary(),
                "what the search makes of the luma: hashes and checks as big-endian uint64; null where luma is there",
            ),
            column(
                "colour",
                pa.binary(24),
                "mean (Y, Cb, Cr) of eight parts of the picture, see docs/fingerprints.md",
                nullable=True,
            ),
            column("grey", pa.bool_(), "no colour in the picture", nullable=False),
            column(
                "low_information",
                pa.bool_(),
                "blank or nearly: its hashes are noise, matched by content only",
                nullable=False,
            ),
            column("document", pa.bool_(), "text or line art on plain ground: stricter rules apply", nullable=False),
            column(
                "picture_digest", pa.string(), "digest of the coded picture without metadata; equal means same-picture"
            ),
            column(
                "page_hashes",
                pa.list_(pa.field("element", pa.uint64(), nullable=False)),
                "phash64 of each page after the first, up to a stated number",
            ),
            *(
                column(
                    f"imagehash_{name}",
                    pa.uint64(),
                    f"int(str(imagehash.{name}(im)), 16) of the whole picture, upright and in sRGB; null unless the "
                    "setting fingerprint.imagehash asks for it, and where the whole picture is past the budgets",
                )
                for name in IMAGEHASHES
            ),
            column(
                "preview",
                pa.bool_(),
                "signatures come from an embedded preview (camera RAW), not from the picture itself",
                nullable=False,
            ),
            # Provenance, as the file states it.
            column(
                "capture_time", pa.string(), "EXIF DateTimeOriginal as ISO 8601 with sub-seconds and offset where given"
            ),
            column("camera_make", pa.string(), "EXIF Make"),
            column("camera_model", pa.string(), "EXIF Model"),
            column("camera_serial", pa.string(), "EXIF BodySerialNumber"),
            column("image_unique_id", pa.string(), "EXIF ImageUniqueID"),
            column("document_id", pa.string(), "XMP xmpMM:DocumentID"),
            column("instance_id", pa.string(), "XMP xmpMM:InstanceID"),
            column("original_document_id", pa.string(), "XMP xmpMM:OriginalDocumentID"),
            column("derived_from", pa.string(), "XMP xmpMM:DerivedFrom, its document or instance id"),
            column("creator", pa.string(), "XMP dc:creator, IPTC By-line or EXIF Artist"),
            column("rights", pa.string(), "XMP dc:rights, IPTC or EXIF Copyright"),
            column("licence", pa.string(), "XMP xmpRights:WebStatement, cc:license or plus:Licensor"),
            column("catalogue_no", pa.string(), "IPTC SourceInventoryNo or SupplierImageID"),
            column("caption", pa.string(), "XMP dc:description, IPTC Caption or EXIF ImageDescription"),
            column("usage_terms", pa.string(), "XMP xmpRights:UsageTerms"),
            column(
                "rights_uri",
                pa.string(),
                "a URI of rightsstatements.org or Creative Commons that the file names, or its PLUS CopyrightStatus",
            ),
            column("data_mining", pa.string(), "PLUS DataMining, the name of its value: DMI-PROHIBITED ..."),
            column(
                "instructions",
                pa.string(),
                "XMP photoshop:Instructions or IPTC SpecialInstructions, such as embargoes",
            ),
            column("credit", pa.string(), "XMP photoshop:Credit or IPTC Credit"),
            column("gps", pa.string(), "where it was taken, of EXIF or XMP, as ISO 6709: +48.85820+002.29450"),
            column(
                "digital_source_type",
                pa.string(),
                "IPTC digital source type of XMP or C2PA, its name: trainedAlgorithmicMedia ...",
            ),
            column(
                "c2pa",
                pa.string(),
                "tool that made the file's C2PA manifest, not verified; or `unknown`",
            ),
            column(
                "rating", pa.string(), "XMP xmp:Rating or EXIF Rating: 1 to 5, or -1 for rejected; null for unrated (0)"
            ),
            column("title", pa.string(), "XMP dc:title or IPTC ObjectName"),
            column("keywords", STRINGS, "XMP dc:subject or IPTC Keywords"),
            column("software", pa.string(), "EXIF Software or XMP CreatorTool"),
            column("metadata_date", TIMESTAMP, "XMP xmp:MetadataDate"),
            column("metadata_fields", pa.int16(), "how many provenance fields the file carries", nullable=False),
            column("orientation", pa.int8(), "EXIF orientation 1..8 as stored; applied before hashing", nullable=False),
            column("mode", pa.string(), "colour mode as decoded: L, RGB, CMYK, I;16, 1, LAB ...", nullable=False),
            column(
                "bit_depth",
                pa.int16(),
                "bits per channel that are used: 8 for 8 bits spread over 16, 12 for 12 bits in 16; null where what "
                "was read of the file can't show it",
            ),
            column("declared_depth", pa.int16(), "bits per channel that the file declares"),
            column("lossless", pa.bool_(), "the coding loses nothing", nullable=False),
            column("icc_profile", pa.string(), "description of the embedded ICC profile"),
            column("jpeg_quality", pa.int16(), "estimated JPEG quality 1..100, from the quantisation tables"),
        ]
    ),
)
