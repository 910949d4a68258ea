"""Words by which policies name formats: a media type without `image/`, `x-` and its maker."""

from __future__ import annotations

MAKERS = "adobe|canon|nikon|sony|fuji|olympus|panasonic|pentax|samsung|sigma|hasselblad|phaseone"
SHORT = rf"^[a-z]+/(x-|vnd\.)?(({MAKERS})[-.])?"
"""What comes before the word in a media type."""

RAW = ("dng", "cr2", "cr3", "nef", "arw", "raf", "rw2", "orf", "pef", "srw", "x3f", "3fr", "iiq", "raw")
"""Camera RAW; `raw` is one whose maker isn't known."""

WORDS = {word: word for word in (
    "jpeg", "png", "gif", "bmp", "webp", "tiff", "jp2", "avif", "heic", "jxl", "photoshop", "icon", "portable-anymap",
    "tga", "exr", "radiance", "dpx", "cineon", "fits", "vnd-ms.dds", "sgi", "rla", "maya-iff", "qoi", "pcx", "photo-cd",
    "icns", "win-cursor", "jxr", "dcx", "portable-arbitrarymap", "sun-raster", "xbitmap", "xpixmap", "xv-thumbnail",
    "pixar", "blp", "ftex", "fli", "gimp-gbr", "ifunc-im", "ms-paint", "softimage-pic", "cals", *RAW,
)} | {
    "jpg": "jpeg", "tif": "tiff", "jpeg2000": "jp2", "heif": "heic", "psd": "photoshop", "ico": "icon",
    "pnm": "portable-anymap", "hdr": "radiance", "dds": "vnd-ms.dds", "iff": "maya-iff", "pcd": "photo-cd",
    "cur": "win-cursor", "pam": "portable-arbitrarymap", "ras": "sun-raster", "xbm": "xbitmap", "xpm": "xpixmap",
    "flc": "fli", "msp": "ms-paint",
}  # fmt: skip
"""Every word that a policy may use, and the format it stands for; no file can have any other."""
