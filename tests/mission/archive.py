"""A small archive out of real photographs for whole runs: two seconds to build, every kind of case in it."""

from __future__ import annotations

import functools
import io

from PIL import Image

from demo.archive import blank_page, decompression_bomb, encode, exif, photographs, receipt

SIDE = 700


@functools.cache
def libraries() -> dict[str, dict[str, bytes]]:
    """Make three libraries that share pictures: {library: {key: bytes}}."""
    hk: dict[str, bytes] = {}
    gz: dict[str, bytes] = {}
    tw: dict[str, bytes] = {}
    for number, (name, picture) in enumerate(photographs()):
        if number % 2:
            continue
        picture.thumbnail((SIDE, SIDE))
        original = encode(picture, "JPEG", quality=92, exif=exif(number))
        hk[f"photos/{name}.jpg"] = original
        gz[f"照片/{name}.jpg"] = original
        tw[f"copy of {name}.jpg"] = original
        small = picture.resize((picture.width // 2, picture.height // 2))
        tw[f"web/{name}.jpg"] = encode(small, "JPEG", quality=80)
        gz[f"png/{name}.png"] = encode(picture, "PNG")
    for number in range(3):
        hk[f"receipts/{number}.png"] = encode(receipt(number), "PNG")
        gz[f"blank/{number}.png"] = encode(blank_page(number), "PNG")
    hk["broken/truncated.jpg"] = hk["photos/astronaut.jpg"][:3000]
    hk["broken/bomb.png"] = decompression_bomb(12_000)
    gz["broken/empty.jpg"] = b""
    tw["notes.txt"] = b"not an image"
    hk["odd//double slash.jpg"] = hk["photos/astronaut.jpg"]
    hk["odd/a#b 'q' \"q\".jpg"] = hk["photos/astronaut.jpg"]
    gz["odd/line\nbreak.jpg"] = hk["photos/astronaut.jpg"]
    return {"hk": hk, "gz": gz, "tw": tw}


def size_of(data: bytes) -> tuple[int, int]:
    """Give a picture's size in pixels."""
    with Image.open(io.BytesIO(data)) as image:
        return image.size
