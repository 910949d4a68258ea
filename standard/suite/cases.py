"""The cases: files, what two of them are to each other by construction, and what must be kept."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from standard.suite import changes, codecs, draw, scenes
from standard.suite.chance import Chance
from standard.words import relations

EACH = 12
"""Cases of a class."""
PERSON = "person"


@dataclass
class Case:
    """One case.

    Attributes:
      kind: its class: a relation's id, or a situation (`hold`, `mirrors` ...).
      files: bytes by path.
      pairs: (file, file, relation); what isn't named is `different`.
      keep: files that a tool MUST NOT remove without a person's word.
      groups: (files, how many of them must stay).
      holds: files under a legal hold.
    """

    kind: str
    files: dict[str, bytes] = field(default_factory=dict)
    pairs: list[tuple[str, str, str]] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)
    groups: list[tuple[list[str], int]] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)


class Shelf:
    """Where a case's files go: names that say nothing, in folders that other cases share."""

    def __init__(self, case: Case, chance: Chance):
        self.case, self.chance = case, chance

    def put(self, data: bytes, kind: str, library: str = "", name: str = "") -> str:
        """Put a file somewhere, or under a name that is given, and give its path."""
        library = library or self.chance.pick(("hk", "gz"))
        path = f"{library}/{name or f'box-{self.chance.name(1)}/{self.chance.name()}.{kind}'}"
        self.case.files[path] = data
        return path

    def relate(self, a: str, b: str, relation: str, lesser: bool = False) -> None:
        """Say what B is to A; `lesser`: B says nothing that A doesn't, so a policy may let it go."""
        self.case.pairs.append((a, b, relation))
        if relations()[relation]["automation"] == PERSON or relation == "different":
            self.case.keep += [a, b]
        elif lesser:
            self.case.keep.append(a)
        else:
            self.case.groups.append(([a, b], 1))


Make = Callable[[Shelf, np.ndarray, Chance], None]


def _whole(chance: Chance, number: int = 0) -> bytes:
    taken = f"19{90 + chance.below(10)}:{chance.between(1, 12):02d}:{chance.between(1, 28):02d} 10:30:{10 + number:02d}"
    return codecs.exif(f"{chance.pick(scenes.WORDS).title()} Lee", "CC BY 4.0", taken, "Suite 1")


CONTAINER = (
    'xmlns:Container="http://ns.google.com/photos/1.0/container/" '
    'xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
)


def _directory(meaning: str, media: str, length: int) -> str:
    """Say in XMP what follows a JPEG's picture in its file."""
    item = (
        '<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="{}" Item:Semantic="{}" Item:Length="{}"/></rdf:li>'
    )
    items = item.format("image/jpeg", "Primary", 0) + item.format(media, meaning, length)
    return f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>"


def same_bytes(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    data = codecs.jpeg(picture, 90)
    shelf.relate(shelf.put(data, "jpg"), shelf.put(data, "jpg"), "same-bytes")


def other_metadata(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    data, way = codecs.jpeg(picture, 90), chance.below(2)
    a = shelf.put(codecs.stating(data, _whole(chance)), "jpg")
    if way:  # stripped
        shelf.relate(a, shelf.put(data, "jpg"), "other-metadata", lesser=True)
        return
    words = 'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Headline="The ferry, as the desk saw it"'
    b = shelf.put(codecs.stating(data, codecs.xmp(words)), "jpg")
    shelf.relate(a, b, "other-metadata")
    shelf.case.keep += [a, b]  # each says what the other doesn't


def recoded(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    data = codecs.jpeg(picture, 94)
    again = codecs.jpeg(codecs.pixels(data), chance.between(45, 75), chance.pick((0, 2)))
    shelf.relate(shelf.put(data, "jpg"), shelf.put(again, "jpg"), "recoded", lesser=True)


def reformatted(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    write, kind = chance.pick(((codecs.tiff, "tif"), (codecs.png, "png"), (codecs.bmp, "bmp")))
    a, b = shelf.put(write(picture), kind), shelf.put(codecs.jpeg(picture, chance.between(70, 92)), "jpg")
    shelf.relate(a, b, "reformatted", lesser=True)


def resized(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    share = chance.between(30, 80)
    small = draw.scaled(picture, 480 * share // 100, 360 * share // 100)
    a, b = shelf.put(codecs.jpeg(picture, 92), "jpg"), shelf.put(codecs.jpeg(small, 85), "jpg")
    shelf.relate(a, b, "resized", lesser=True)


def other_profile(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    gamma, said = chance.pick((("1.8", 461), ("1.4", 358), ("2.6", 666)))
    other = draw.gamma_table("2.2", gamma)[picture]
    a = shelf.put(codecs.stating(codecs.jpeg(picture, 94), codecs.icc(563)), "jpg")
    b = shelf.put(codecs.stating(codecs.jpeg(other, 94), codecs.icc(said)), "jpg")
    shelf.relate(a, b, "other-profile")


def with_motion(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    data = codecs.jpeg(picture, 92)
    noise = (chance.noise((4000,)) & 255).astype(np.uint8).tobytes()
    film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + struct.pack(">I", 4008) + b"mdat" + noise
    item = _directory("MotionPhoto", "video/mp4", len(film))
    camera = (
        'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"'
    )
    moving = codecs.stating(data, codecs.xmp(f"{camera} {CONTAINER}", item)) + film
    shelf.relate(shelf.put(data, "jpg"), shelf.put(moving, "jpg"), "with-motion")


def with_gain_map(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    data = codecs.jpeg(picture, 92)
    space = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'
    gains = codecs.jpeg(draw.scaled(draw.grey(picture), 120, 90), 85)
    gains = codecs.stating(gains, codecs.xmp(f'{space} hdrgm:GainMapMin="0" hdrgm:GainMapMax="2"'))
    item = _directory("GainMap", "image/jpeg", len(gains))
    b = shelf.put(codecs.stating(data, codecs.xmp(f"{space} {CONTAINER}", item)) + gains, "jpg")
    shelf.relate(shelf.put(data, "jpg"), b, "with-gain-map")


def with_layers(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    opacity = np.zeros((*picture.shape[:2], 3), np.uint8)
    draw.cover(opacity, (10, 8, 460, 344), [255] * 3, 256, True)
    clear = np.concatenate([picture, opacity[..., :1]], axis=2)
    flat = np.where(opacity == 0, 255, picture).astype(np.uint8)
    shelf.relate(shelf.put(codecs.jpeg(flat, 92), "jpg"), shelf.put(codecs.png(clear), "png"), "with-layers")


def changed(kind: str) -> Make:
    """Make a class of A and A changed."""

    def make(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
        b = np.ascontiguousarray(changes.CHANGES[kind](picture, chance))
        a, b = shelf.put(codecs.jpeg(picture, 92), "jpg"), shelf.put(codecs.jpeg(b, 90), "jpg")
        shelf.relate(a, b, kind)

    return make


def restored(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    a, b = changes.dusty(picture, chance), picture
    if chance.below(2):
        a, b = picture, changes.restored(picture, chance)
    shelf.relate(shelf.put(codecs.jpeg(a, 92), "jpg"), shelf.put(codecs.jpeg(b, 92), "jpg"), "restored")


def damaged(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    data = codecs.jpeg(picture, 90)
    at, way = len(data) * chance.between(50, 80) // 100, chance.below(3)
    broken = data[:at]  # cut off; or a hole of zeros, or a few bytes changed
    if way == 1:
        broken = data[:at] + b"\0" * 4096 + data[at + 4096 :]
    if way == 2:
        flipped = bytes(byte if byte in (0, 255) else 255 - byte for byte in data[at : at + 40])
        broken = data[:at] + flipped + data[at + 40 :]
    a, b = shelf.put(data, "jpg"), shelf.put(broken, "jpg")
    shelf.case.pairs.append((a, b, "damaged"))
    shelf.case.keep.append(a)


def derivative(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    stem, number = chance.name(), chance.name(12)
    a = shelf.put(codecs.tiff(picture, f"master {number}"), "tif", name=f"masters/{stem}.tif")
    spaces = (
        'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#"'
    )
    says = codecs.xmp(spaces, f'<xmpMM:DerivedFrom stRef:documentID="{number}"/>')
    web = codecs.stating(codecs.jpeg(draw.scaled(picture, 240, 180), 80), says)
    shelf.relate(a, shelf.put(web, "jpg", name=f"web/{stem}.jpg"), "derivative", lesser=True)


def version(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    spaces = 'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmpMM:OriginalDocumentID="{}" xmpMM:VersionID="{}"'
    number = chance.name(12)
    edits = draw.levels(picture, 125, 6), draw.clipped(picture.astype(np.int64) * np.array([88, 100, 116]) // 100)
    a, b = (
        shelf.put(codecs.stating(codecs.jpeg(edit, 92), codecs.xmp(spaces.format(number, way + 1))), "jpg")
        for way, edit in enumerate(edits)
    )
    shelf.relate(a, b, "version")


def rescan(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    a, b = (shelf.put(codecs.jpeg(changes.scanned(picture, chance), 92), "jpg") for _ in range(2))
    shelf.relate(a, b, "rescan")


def burst(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    moment = chance.name(20)
    one, other = (_whole(Chance(moment), second) for second in range(2))
    a = shelf.put(codecs.stating(codecs.jpeg(picture, 92), one), "jpg")
    b = shelf.put(codecs.stating(codecs.jpeg(changes.next_exposure(picture, chance), 92), other), "jpg")
    shelf.relate(a, b, "burst")


def other_frame(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    half = picture.shape[1] * 6 // 10
    a, b = picture[:, :half], draw.levels(picture[:, -half:], 105, 4)
    a, b = (shelf.put(codecs.jpeg(np.ascontiguousarray(one), 92), "jpg") for one in (a, b))
    shelf.relate(a, b, "other-frame")


def other_page(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    form = scenes.form(chance)
    a, b = (shelf.put(codecs.jpeg(scenes.filled(form, chance), 85), "jpg") for _ in range(2))
    shelf.relate(a, b, "other-page")


def different(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    """Two empty sheets, a sheet and its neighbour in a text: they share their ground alone."""
    make = chance.pick((scenes.page_of_text, scenes.form))
    a, b = (shelf.put(codecs.jpeg(make(chance), 85), "jpg") for _ in range(2))
    shelf.relate(a, b, "different")


def part_of_package(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    data, name = codecs.jpeg(picture, 90), chance.name()
    if chance.below(2):
        bag = f"bags/{name}"
        a = shelf.put(data, "jpg", "hk", f"{bag}/data/{chance.name()}.jpg")
        digest = hashlib.sha256(data).hexdigest()
        said = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
        marks = [shelf.put(said, "txt", "hk", f"{bag}/bagit.txt")]
        listed = f"{digest}  data/{a.rpartition('/')[2]}\n".encode()
        marks.append(shelf.put(listed, "txt", "hk", f"{bag}/manifest-sha256.txt"))
        b = shelf.put(data, "jpg")
        shelf.case.keep += [a, *marks]
    else:  # a run of pages whose third is the same as a loose file
        texts = [codecs.jpeg(scenes.page_of_text(chance), 85) for _ in range(2)]
        pages = [shelf.put(text, "jpg", "gz", f"books/{name}/page_{n:04d}.jpg") for n, text in enumerate(texts, 1)]
        a = shelf.put(data, "jpg", "gz", f"books/{name}/page_0003.jpg")
        b = shelf.put(data, "jpg", "hk")
        shelf.case.keep += [*pages, a]
    shelf.case.pairs.append((a, b, "same-bytes"))


def hold(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    data = codecs.jpeg(picture, 90)
    a, b = shelf.put(data, "jpg", "hk"), shelf.put(data, "jpg", "hk")
    shelf.relate(a, b, "same-bytes")
    shelf.case.holds.append(a)
    shelf.case.keep.append(a)


def mirrors(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    data = codecs.jpeg(picture, 90)
    here = [shelf.put(data, "jpg", "hk") for _ in range(2)]
    there = [shelf.put(data, "jpg", "gz") for _ in range(1 + chance.below(2))]
    everything = here + there
    shelf.case.pairs += [(a, b, "same-bytes") for k, a in enumerate(everything) for b in everything[k + 1 :]]
    shelf.case.groups += [(here, 1), (there, 1)]


def licensed_crop(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    crop = codecs.jpeg(np.ascontiguousarray(changes.cropped(picture, chance)), 92)
    a = shelf.put(codecs.jpeg(picture, 92), "jpg")
    b = shelf.put(codecs.stating(crop, codecs.exif("Picture desk", "Licensed to one paper, until 2031")), "jpg")
    shelf.relate(a, b, "cropped")


def hostile(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    """A pair of copies beside what breaks tools: the pair is found, the rest survives."""
    data, way = codecs.jpeg(picture, 90), chance.below(4)
    shelf.relate(shelf.put(data, "jpg"), shelf.put(data, "jpg"), "same-bytes")
    if way == 0:
        bad = shelf.put(codecs.bomb(20_000 + chance.below(2000)), "png")
    elif way == 1:
        bad = shelf.put(b"This was a picture once. " + chance.name(20).encode(), "jpg")
    elif way == 2:
        bad = shelf.put(data[: 300 + chance.below(200)], "jpg")
    else:
        named = chance.pick(("=cmd|'calc'", "<script>alert(1)<_script>", 'a, "b"\nc', "..%2f..%2fx"))
        bad = shelf.put(codecs.jpeg(scenes.page_of_text(chance), 80), "jpg", name=f"odd/{named}-{chance.name()}.jpg")
    shelf.case.keep.append(bad)


def family(shelf: Shelf, picture: np.ndarray, chance: Chance) -> None:
    master, whole = shelf.put(codecs.tiff(picture), "tif", "hk"), codecs.jpeg(picture, 90)
    copies = [shelf.put(whole, "jpg", "gz") for _ in range(2)]
    small = shelf.put(codecs.jpeg(draw.scaled(picture, 320, 240), 85), "jpg")
    shelf.case.keep.append(master)
    shelf.case.groups.append((copies, 1))
    shelf.case.pairs += [(master, copy, "reformatted") for copy in copies]
    shelf.case.pairs += [(copies[0], copies[1], "same-bytes"), (master, small, "resized")]
    for kind in ("cropped", "captioned"):
        part = np.ascontiguousarray(changes.CHANGES[kind](picture, chance))
        shelf.relate(master, shelf.put(codecs.jpeg(part, 90), "jpg"), kind)
    for other in list(shelf.case.files)[1:]:  # what isn't said of two of a family is left open
        for third in list(shelf.case.files)[1:]:
            if other < third and not {(other, third), (third, other)} & {(a, b) for a, b, _ in shelf.case.pairs}:
                shelf.case.pairs.append((other, third, "undecided"))


CLASSES: dict[str, Make] = {
    "same-bytes": same_bytes, "other-metadata": other_metadata, "recoded": recoded, "reformatted": reformatted,
    "resized": resized, "other-profile": other_profile, "with-motion": with_motion, "with-gain-map": with_gain_map,
    "with-layers": with_layers, **{kind: changed(kind) for kind in changes.CHANGES}, "restored": restored,
    "damaged": damaged, "derivative": derivative, "version": version, "rescan": rescan, "burst": burst,
    "other-frame": other_frame, "other-page": other_page, "different": different, "part-of-package": part_of_package,
    "hold": hold, "mirrors": mirrors, "licensed-crop": licensed_crop, "hostile": hostile, "family": family,
}  # fmt: skip
DRAWN = {"other-page", "different"}
"""Classes that are generated, and use no piece of a photograph."""


def cases(seed: int, each: int = EACH) -> Iterator[Case]:
    """Make the suite of a seed, `each` cases of a class."""
    pictures = scenes.pieces(seed)
    for kind, make in CLASSES.items():
        for number in range(each):
            case, chance = Case(kind), Chance(seed, kind, number)
            picture = np.zeros((1, 1, 3), np.uint8) if kind in DRAWN else next(pictures)
            make(Shelf(case, chance), picture, chance)
            case.keep = sorted(set(case.keep))
            yield case
