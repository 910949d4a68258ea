"""Pairs of files of which one is better, by construction: what is kept, and what may go without a person's word.

`PAIRS` maps a name to a `Pair`. Each group makes its own from photographs that no other group uses up: every pair is
judged by itself. To add a group, write a function that yields (name, Pair) and list it in `GROUPS`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from demo.archive import photographs

SIDES = (480, 360)


class Pair(NamedTuple):
    """Two files of one picture.

    Attributes:
      by: a part of the reason why the better one is kept, or '' where the two only have to stay.
      seen: whole reading alone tells which one is better: where nothing goes unasked nobody has read them whole.
      unasked: the worse one goes under the policy training-set without a person's word; None where either is right.
    """

    better: bytes
    worse: bytes
    by: str
    unasked: bool | None
    seen: bool = False


@lru_cache(maxsize=1)
def _photographs() -> list[Image.Image]:
    return [picture for _, picture in photographs()]


def photograph(number: int) -> Image.Image:
    """Give one of many different photographs of 480x360."""
    found = _photographs()
    picture = found[number % len(found)]
    chance = np.random.default_rng(number)
    side = min(picture.width, picture.height * 4 // 3)
    width = int(side * chance.uniform(0.75, 1))
    height = width * 3 // 4
    left, top = (int(chance.uniform(0, room)) for room in (picture.width - width, picture.height - height))
    return picture.crop((left, top, left + width, top + height)).resize(SIDES, Image.Resampling.LANCZOS)


def encode(image: Image.Image, kind: str, **options) -> bytes:
    """Write an image as bytes."""
    sink = io.BytesIO()
    image.save(sink, kind, **options)
    return sink.getvalue()


def flipped(data: bytes, count: int, seed: int, start: float = 0.75) -> bytes:
    """Flip single bits of the last part of a JPEG's coded data, without making or breaking a marker."""
    chance, out = np.random.default_rng(seed), bytearray(data)
    places = range(int(start * len(data)), len(data) - 64)
    while count:
        at = int(chance.choice(places))
        changed = out[at] ^ (1 << int(chance.integers(0, 7)))
        if 0xFF not in (changed, out[at], out[at - 1]):
            out[at] = changed
            count -= 1
    return bytes(out)


def damaged() -> Iterator[tuple[str, Pair]]:
    """Files that storage or a bad line spoiled, beside the sound one."""
    for number in range(8):
        sound = encode(photograph(number), "JPEG", quality=88)
        yield f"six flipped bytes {number}", Pair(sound, flipped(sound, 6, number), "", False)
    for number in range(8, 12):
        sound = encode(photograph(number), "JPEG", quality=88, restart_marker_rows=1)
        yield f"flipped bytes and restarts {number}", Pair(sound, flipped(sound, 3, number), "", False)
    for number in range(12, 16):
        picture = photograph(number)
        first = encode(picture, "JPEG", quality=92)
        cut = int(len(first) * (0.97 - 0.01 * (number - 12)))
        yield f"cut short {number}", Pair(first, first[:cut] + b"\xff\xd9", "", None, seen=True)
    for number in range(16, 20):
        picture = photograph(number)
        rotten = bytearray(encode(picture, "JPEG", quality=92, progressive=True))
        start = int(len(rotten) * 0.4)
        noise = np.random.default_rng(number).integers(0, 255, len(rotten) - 2 - start, np.uint8)
        rotten[start:-2] = noise.tobytes()
        copy = encode(picture, "JPEG", quality=90, progressive=True)
        yield f"noise after the first scans {number}", Pair(copy, bytes(rotten), "undamaged", None)


def betrayed() -> Iterator[tuple[str, Pair]]:
    """Files whose damage shows without decoding them whole: every policy proposes the sound one."""
    for number in range(69, 72):
        picture = photograph(number)
        first = encode(picture, "JPEG", quality=90)
        start = int((0.93 + 0.01 * (number - 69)) * len(first))
        noise = np.random.default_rng(number).bytes(len(first) - 4 - start).replace(b"\xff", b"\xfe") + b"\xff\xd3"
        copy = encode(again(first), "JPEG", quality=84)
        yield f"noise at the end {number}", Pair(copy, first[:start] + noise + first[-2:], "", None)
    for number in range(72, 75):
        sound = encode(photograph(number), "PNG")
        spoilt = bytearray(sound)
        at = spoilt.index(b"IDAT")
        spoilt[at + 4 + int.from_bytes(spoilt[at - 4 : at], "big")] ^= 1
        yield f"a PNG whose sum doesn't fit {number}", Pair(sound, bytes(spoilt), "undamaged", True)


def stated(**fields: str) -> Image.Exif:
    """Make an EXIF block that states a creator, rights or a caption."""
    block = Image.Exif()
    for name, value in fields.items():
        block[{"creator": 0x013B, "rights": 0x8298, "caption": 0x010E}[name]] = value
    return block


OWNED = {"exif": stated(creator="Ann Lee", rights="Ann Lee 2019", caption="The harbour")}


def again(data: bytes) -> Image.Image:
    """Decode a file, as whoever saves it anew does."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def rights() -> Iterator[tuple[str, Pair]]:
    """Files that state whose they are, beside copies that don't."""
    for number in range(20, 24):
        camera = encode(photograph(number), "JPEG", quality=93, **OWNED)
        yield f"a screenshot without rights {number}", Pair(camera, encode(again(camera), "PNG"), "states more", False)
    for number in (24, 25, 26, 50):  # matching takes 27 for a document
        camera = encode(photograph(number), "JPEG", quality=93, **OWNED)
        yield (
            f"saved again without rights {number}",
            Pair(camera, encode(again(camera), "JPEG", quality=85), "states more", True),
        )
    for number in range(28, 34):
        whole = encode(photograph(number), "JPEG", quality=93)
        small = again(whole).resize((300 - 20 * (number - 28), 225 - 15 * (number - 28)), Image.Resampling.LANCZOS)
        export = encode(small, "JPEG", quality=85, exif=stated(rights="Agency"))
        yield f"a web export with a copyright line {number}", Pair(whole, export, "more pixels", False)
    for number in range(34, 37):
        picture = photograph(number)
        owned, bare = (encode(picture, "JPEG", quality=90, **more) for more in (OWNED, {}))
        yield f"the same coded picture, stripped {number}", Pair(owned, bare, "states more", True)
    for number in range(37, 39):
        picture = photograph(number)
        one = encode(picture, "JPEG", quality=90, exif=stated(creator="Ann Lee", rights="Ann Lee 2019"))
        other = encode(picture, "JPEG", quality=90, exif=stated(caption="The harbour at noon"))
        yield f"each states something else {number}", Pair(one, other, "states more", False)
    for number in range(39, 41):
        owned = encode(photograph(number), "JPEG", quality=90, **OWNED)
        yield (
            f"a thumbnail without rights {number}",
            Pair(
                owned,
                encode(again(owned).resize((240, 180), Image.Resampling.LANCZOS), "JPEG", quality=88),
                "more pixels",
                True,
            ),
        )


def deep(picture: Image.Image) -> Image.Image:
    """Give a picture's grey with sixteen bits that are used."""
    grey = np.asarray(picture.convert("L"), np.uint16) * 256
    return Image.fromarray(grey + np.random.default_rng(1).integers(0, 256, grey.shape, np.uint16))


def bits() -> Iterator[tuple[str, Pair]]:
    """Files of more bits, and of all colours, beside those of fewer."""
    for number in range(41, 45):
        image = deep(photograph(number))
        eight = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        yield (
            f"sixteen bits {number}",
            Pair(encode(image, "TIFF"), encode(eight, "JPEG", quality=90), "more bits", True),
        )
    for number in range(45, 47):
        image = deep(photograph(number))
        eight = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        owned = encode(eight, "JPEG", quality=92, **OWNED)
        yield f"sixteen bits without rights {number}", Pair(encode(image, "TIFF"), owned, "", False)
    for number in range(47, 50):
        whole = encode(photograph(number), "JPEG", quality=93)
        few = again(whole).quantize(200)
        yield f"a palette {number}", Pair(whole, encode(few, "PNG"), "", None)


def cut_out(picture: Image.Image, box: tuple[int, int, int, int] | None = None) -> Image.Image:
    """Give a picture that shows nothing outside an oval, or nothing within a box."""
    mask = Image.new("L", picture.size, 255 if box else 0)
    if box:
        mask.paste(0, box)
    else:
        ImageDraw.Draw(mask).ellipse((40, 30, picture.width - 40, picture.height - 30), 255)
    clear = picture.copy()
    clear.putalpha(mask)
    return clear


def on_white(clear: Image.Image) -> Image.Image:
    """Lay a picture with transparency on white."""
    ground = Image.new("RGB", clear.size, "white")
    ground.paste(clear, mask=clear.getchannel("A"))
    return ground


def video(seed: int) -> bytes:
    """Give the beginning of an MP4, as phones append it."""
    body = np.random.default_rng(seed).bytes(9_000).replace(b"\xff\xd9", b"")
    return b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + (len(body) + 8).to_bytes(4, "big") + b"mdat" + body


MORE = "holds more behind the picture"
LAYERS = b"Adobe Photoshop Document Data Block\0MIB8ryaL" + bytes(400)


def parts() -> Iterator[tuple[str, Pair]]:
    """Files with something behind their picture, or transparency, beside those that lost it."""
    for number in range(51, 54):
        plain = encode(photograph(number), "JPEG", quality=90)
        yield f"a motion photo {number}", Pair(plain + video(number), plain, MORE, False)
    for number in range(55, 58):
        picture = photograph(number)
        plain = encode(picture, "JPEG", quality=90)
        found = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"/>'
        segment = b"\xff\xe1" + (len(found) + 2).to_bytes(2, "big") + found
        mapped = plain[:2] + segment + plain[2:] + encode(picture.resize((120, 90)).convert("L"), "JPEG")
        yield f"a gain map {number}", Pair(mapped, encode(again(plain), "PNG"), MORE, False)
    for number in range(58, 61):
        clear = cut_out(photograph(number))
        yield (
            f"transparency, flattened as PNG {number}",
            Pair(encode(clear, "PNG"), encode(on_white(clear), "PNG"), "", False),
        )
        flat = encode(on_white(clear), "JPEG", quality=92, **OWNED)
        yield (
            f"transparency, flattened as JPEG with rights {number}",
            Pair(encode(clear, "WEBP", quality=90), flat, "", False),
        )
    for number in range(61, 63):
        clear = cut_out(photograph(number), (9, 9, 17, 17))
        yield (
            f"a small hole {number}",
            Pair(encode(clear, "PNG"), encode(on_white(clear), "JPEG", quality=95), MORE, False),
        )
    for number in range(63, 65):
        picture = photograph(number)
        layered = encode(picture, "TIFF", tiffinfo={37724: LAYERS})
        yield f"layers in a TIFF {number}", Pair(layered, encode(picture, "TIFF", compression="tiff_lzw"), MORE, False)
    for number in range(65, 67):
        picture, second = photograph(number), photograph(number + 100)
        both = encode(picture, "TIFF", save_all=True, append_images=[second])
        yield f"two pages {number}", Pair(both, encode(picture, "TIFF"), "", False)
    for number in range(67, 69):
        picture, second = photograph(number), photograph(number + 100)
        moving = encode(picture, "WEBP", quality=90, save_all=True, append_images=[second], duration=200)
        yield f"an animation {number}", Pair(moving, encode(picture, "WEBP", quality=90), "", False)


def blown_up() -> Iterator[tuple[str, Pair]]:
    """Blow-ups, blurred frames and what a coarse JPEG became, beside the sharp one: more pixels or a better coding."""
    filters = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
    for number in (25, 23, 26, 28, 31, 34):
        sharp = photograph(number)
        larger = sharp.resize((960, 720), filters[number % 4])
        coded = encode(larger, "JPEG", quality=92) if number % 3 else encode(larger, "PNG")
        yield f"twice the pixels {number}", Pair(encode(sharp, "JPEG", quality=90), coded, "detail", None, seen=True)
    for number in (33, 37):
        sharp = photograph(number)
        coarse = sharp.resize((160, 120), Image.Resampling.LANCZOS).resize((640, 480), filters[2 + number % 2])
        blow_up = encode(coarse, "JPEG", quality=95)
        yield (
            f"from a third to more {number}",
            Pair(encode(sharp, "JPEG", quality=90), blow_up, "detail", None, seen=True),
        )
    for number in (42, 46, 47, 49):
        sharp = photograph(number)
        blurred = encode(sharp.filter(ImageFilter.GaussianBlur(1 + number % 2)), "JPEG", quality=96)
        yield f"blurred {number}", Pair(encode(sharp, "JPEG", quality=90), blurred, "detail", None, seen=True)


def worse_ways(first: bytes) -> dict[str, bytes]:
    """What programs make of a JPEG that looks better by some number: pixels, a coding without loss, quality."""
    picture = again(first)
    labelled = picture.resize((960, 720), Image.Resampling.BICUBIC)
    ImageDraw.Draw(labelled).text((20, 620), "Harbour, 1957", fill=(255, 255, 255), font_size=40)
    return {
        "of quality 12, as TIFF": encode(again(encode(picture, "JPEG", quality=12)), "TIFF"),
        "of quality 20, as PNG": encode(again(encode(picture, "JPEG", quality=20)), "PNG"),
        "as JPEG 2000": encode(picture, "JPEG2000"),
        "as WebP without loss": encode(picture, "WEBP", lossless=True),
        "as GIF": encode(picture.quantize(96), "GIF"),
        "as a halftone": encode(picture.convert("1"), "PNG"),
        "saved again, finer": encode(picture, "JPEG", quality=99, subsampling=0),
        "saved again, coarser": encode(picture, "JPEG", quality=55),
        "half": encode(picture.resize((240, 180), Image.Resampling.LANCZOS), "JPEG", quality=85),
        "twice, words over it": encode(labelled, "JPEG", quality=92),
    }


def made_worse() -> Iterator[tuple[str, Pair]]:
    """Originals beside what programs made of them; each original's bytes are used once."""
    for number in (21, 22, 25, 42, 47):
        ways = worse_ways(encode(photograph(number), "JPEG", quality=85))
        for quality, name in enumerate(ways, 86):
            first = encode(photograph(number), "JPEG", quality=quality, optimize=True)
            yield f"{name} {number}", Pair(first, worse_ways(first)[name], "", None)


GROUPS = (damaged, betrayed, rights, bits, parts, blown_up)
PAIRS = {name: pair for group in GROUPS for name, pair in group()}
