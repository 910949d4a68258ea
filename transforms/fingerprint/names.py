"""Whether an object is worth opening, by its name and content type alone."""

from __future__ import annotations

from enum import Enum


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


IMAGE_SUFFIXES = _words("""
    jpg jpeg jpe jfif mpo jif png apng gif webp bmp dib tif tiff btf tf8 svs ptif jp2 j2k j2c jpf jpx jpc
    avif avifs heic heif hif jxl psd ico pbm pgm ppm pnm tga
    cr2 cr3 nef nrw arw sr2 srf dng orf rw2 raf pef srw 3fr iiq erf kdc mef crw x3f
    svg eps fits fit exr hdr qoi dds djvu jxr wdp hdp pcx dcx dpx cin sgi rgb bw pfm pam pcd psb icns cur dcm dicom xcf
    mrw crw rla hif jfi
    ras xbm xpm pxr blp fli flc gbr msp cals miff fpx pict pct jbig jbg sct wpg xwd viff mng jng wmf emf
""")
OTHER_SUFFIXES = _words("""
    txt md csv tsv json jsonl xml xmp html htm css js ts py pyc ipynb yaml yml toml ini cfg log rst tex
    doc docx xls xlsx ppt pptx odt ods odp rtf epub zip gz tgz bz2 xz zst 7z rar tar iso dmg exe dll so jar class
    mp3 wav flac ogg m4a aac wma aif aiff mid mp4 m4v mov avi mkv webm wmv mpg mpeg mts m2ts vob flv 3gp srt vtt
    parquet avro orc arrow feather sqlite db sql lock md5 sha1 sha256 sig asc pem key crt ttf otf woff woff2
    eot thm lrv aae cos cop sh bat c h cpp java go rs npy npz pkl h5 pt pth onnx safetensors manifest ds_store
""")
_OTHER_TYPES = ("text/", "video/", "audio/", "font/", "model/", "message/", "multipart/")
_OTHER_APPLICATIONS = _words("""
    application/json application/xml application/zip application/gzip application/x-tar
    application/x-gzip application/javascript application/x-directory application/x-7z-compressed application/msword
    application/sql application/vnd.apache.parquet
""")


class Guess(Enum):
    """What the name and the content type suggest."""

    IMAGE = "image"
    OTHER = "other"
    UNKNOWN = "unknown"


def guess(key: str, content_type: str | None) -> Guess:
    """Judge by the suffix first, as content types are often left at a default; unknown names are opened and sniffed."""
    base = key.rsplit("/", 1)[-1]
    suffix = base.rsplit(".", 1)[-1].lower() if "." in base else ""
    if suffix in IMAGE_SUFFIXES:
        return Guess.IMAGE
    stated = (content_type or "").split(";")[0].strip().lower()
    if stated.startswith("image/"):
        return Guess.IMAGE
    if suffix in OTHER_SUFFIXES or stated.startswith(_OTHER_TYPES) or stated in _OTHER_APPLICATIONS:
        return Guess.OTHER
    return Guess.UNKNOWN
