"""The formats as the code has them: what is read, by which decoders and where, and what is named and not read."""

from __future__ import annotations

from typing import NamedTuple

from mirrorfold.transforms.fingerprint import second, sniff
from mirrorfold.transforms.fingerprint.decode import BY_OIIO

_FIRST = {
    "jpeg": "own loops, libjpeg-turbo (Pillow)",
    "tiff": "Pillow; tifffile for deep and rare samples",
    "heic": "libheif (pi-heif)",
    "jxl": "libjxl (imagecodecs)",
    "jxr": "jxrlib (imagecodecs)",
    "raw": "its largest JPEG preview",
    "pam": "own",
    "cals": "as a TIFF of CCITT G4: Pillow, tifffile, libtiff",
    "qoi": "imagecodecs",
}
"""First decoders of the kinds that neither Pillow nor OpenImageIO has for itself."""
_SECOND = {
    "tiff": "tifffile, libtiff (imagecodecs)",
    "jpeg": "libjpeg-turbo, CharLS, lossless (imagecodecs)",
    "raw": "none",
}


class Format(NamedTuple):
    """A format: its name, its media type, its decoders in the order in which they are asked, where the first runs."""

    name: str
    media_type: str
    first: str
    second: str
    where: str


def read_formats() -> list[Format]:
    """List every format that is read."""
    return [Format(kind.name, kind.media_type, _first(kind.name), _second(kind.name), _where(kind))
            for kind in sorted(sniff.KINDS.values())]  # fmt: skip


def _first(kind: str) -> str:
    return _FIRST.get(kind) or ("OpenImageIO" if kind in BY_OIIO else "Pillow")


def _second(kind: str) -> str:
    return _SECOND.get(kind) or ", ".join(second.names(kind)) or "none: damage is `unverified`"


def _where(kind: sniff.Kind) -> str:
    return "sandbox" if kind.risky else "worker; what is large, odd, animated or broken in the sandbox"


def table() -> str:
    """Write the formats that are read as a table of Markdown."""
    rows = [f"| {' | '.join(one)} |" for one in read_formats()]
    return "\n".join(
        ["| format | media type | first decoder | second decoder | where |", "|---|---|---|---|---|", *rows]
    )


def named() -> str:
    """Write the formats that are named and not read as a sentence."""
    return "; ".join(sorted(sniff.NAMED, key=str.lower)) + "."
