"""The process in which a picture is decoded whole and hashed by the package imagehash; a request's kind names how.

Started as `python -m mirrorfold.transforms.fingerprint.imagehash_worker BYTES`, under the limits of the sandbox.
"""

from __future__ import annotations

import json
from dataclasses import replace

import imagehash

from mirrorfold.transforms.fingerprint import sniff
from mirrorfold.transforms.fingerprint.canonical import AS_SHOWN, open_whole
from mirrorfold.transforms.fingerprint.decode import ODD_JPEG, plain_jpeg, read
from mirrorfold.transforms.fingerprint.errors import DecodeError
from mirrorfold.transforms.fingerprint.limits import Limits
from mirrorfold.transforms.fingerprint.read_jpeg import is_odd
from mirrorfold.transforms.fingerprint.sandbox_worker import guarded, main


def answer(kind: str, data: bytes, limits: Limits) -> tuple[bytes, bytes]:
    """Hash one file; the answer is a JSON object of name to hash, or a code and a message."""
    return guarded(lambda: json.dumps(hashes(kind.split(","), data, limits)).encode())


def hashes(names: list[str], data: bytes, limits: Limits) -> dict[str, int]:
    """Give the named hashes of a file's whole picture, each as the number that its hexadecimal digits write."""
    kind = sniff.sniff(data, whole=True)
    name = kind.name
    if kind is sniff.JPEG:
        data, header = plain_jpeg(data)
        name = ODD_JPEG if is_odd(header) else name
    picture = read(name, data, replace(limits, side=AS_SHOWN, max_pages=1))
    if not picture.luma:
        raise DecodeError("corrupt", "no picture")
    image = open_whole(picture.luma)
    return {each: int(str(getattr(imagehash, each)(image)), 16) for each in names}


if __name__ == "__main__":
    main(answer)
