"""Pictures to make cases of: pieces of free photographs that never overlap, and generated documents.

The photographs come in the wheels of scikit-image and scikit-learn (public domain or freely licensed; see the README
files beside them). A seed decides which pieces are cut, so that another seed's pictures are other ones.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from standard.suite import draw
from standard.suite.chance import Chance

PHOTOGRAPHS = """astronaut.png brick.png camera.png cell.png chelsea.png clock_motion.png coffee.png coins.png color.png
grass.png gravel.png hubble_deep_field.jpg ihc.png moon.png motorcycle_left.png retina.jpg rocket.jpg china.jpg
flower.jpg""".split()  # noqa: SIM905
SOURCES = "d783a1e05bef3f73"
"""Start of the digest of all photographs, decoded: with others, cases would be others."""
SIZE = (480, 360)
PLAIN = 14
"""Standard deviation of luma below which a piece shows too little to be called a picture."""
WORDS = """harbour print negative glass plate temple market ferry tram parade teacher family bridge garden studio lamp
street portrait council school mountain bay junk sampan clock tower theatre gate wharf""".split()  # noqa: SIM905


def photographs() -> dict[str, np.ndarray]:
    """Read the photographs, as uint8 (H, W, 3).

    Raises:
      ValueError: these releases of the packages hold other pictures, or decode them otherwise.
    """
    folders = [_folder("skimage", "data"), _folder("sklearn", "datasets/images")]
    found, digest = {}, hashlib.sha256()
    for name in PHOTOGRAPHS:
        path = next((folder / name for folder in folders if (folder / name).exists()), None)
        if path is None:
            raise ValueError(f"{name} is in neither scikit-image's nor scikit-learn's wheel: pip install both")
        with Image.open(path) as opened:
            found[name] = np.asarray(opened.convert("RGB"))
        digest.update(found[name].tobytes())
    if digest.hexdigest()[: len(SOURCES)] != SOURCES:
        raise ValueError(f"the photographs decode to {digest.hexdigest()[:16]} instead of {SOURCES}: another release?")
    return found


def _folder(package: str, inner: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ValueError(f"{package} isn't installed: pip install scikit-image scikit-learn")
    return Path(found.origin).parent / inner


def pieces(seed: int) -> Iterator[np.ndarray]:
    """Give distinct pictures: pieces of the photographs, none of which overlap, in an order that the seed decides."""
    boxes = []
    photos = photographs()
    for name, photo in photos.items():
        chance = Chance(seed, "pieces", name)
        wide, high = chance.between(92, 104), chance.between(69, 78)
        rows, columns = photo.shape[0] // high, photo.shape[1] // wide
        top, left = chance.below(photo.shape[0] - rows * high + 1), chance.below(photo.shape[1] - columns * wide + 1)
        for row in range(rows):
            for column in range(columns):
                box = (name, top + row * high, left + column * wide, high, wide)
                if _spread(photo[box[1] : box[1] + high, box[2] : box[2] + wide]) > PLAIN:
                    boxes.append(box)
    for number, (name, y, x, high, wide) in enumerate(Chance(seed, "order").shuffled(boxes)):
        yield _staged(draw.scaled(photos[name][y : y + high, x : x + wide], *SIZE), Chance(seed, "staged", number))


def _spread(piece: np.ndarray) -> int:
    values = draw.grey(piece).astype(np.int64)
    mean = int(values.sum()) // values.size
    return int(((values - mean) ** 2).sum() // values.size) ** 0.5


def _staged(picture: np.ndarray, chance: Chance) -> np.ndarray:
    """Set a few shapes before the scene, and lay grain over it, as fine as its pixels."""
    picture = picture.copy()
    height, width = picture.shape[:2]
    for _ in range(chance.between(2, 5)):
        w, h = chance.between(width // 12, width // 4), chance.between(height // 12, height // 3)
        box = (chance.below(width - w), chance.below(height - h), w, h)
        colour = [chance.between(10, 245) for _ in range(3)]
        draw.cover(picture, box, colour, chance.between(110, 230), bool(chance.below(2)))
    return draw.clipped(picture.astype(np.int64) + chance.noise(picture.shape) // 12)


def paper(chance: Chance, width: int = 600, height: int = 800) -> np.ndarray:
    """Make an empty sheet: paper with a scanner's noise; uint8 (H, W)."""
    return draw.clipped(242 + chance.noise((height, width)) // 24)


def form(chance: Chance) -> np.ndarray:
    """Print a form: its title, its lines and their names; nothing is filled in."""
    page = paper(chance)
    draw.write(page, (40, 40), f"{chance.pick(WORDS)} {chance.pick(WORDS)} society".title(), 3, 20)
    draw.write(page, (40, 90), "Register of pictures", 2, 40)
    names = chance.shuffled(WORDS)[:14]
    for row, name in enumerate(names):
        y = 150 + 44 * row
        page[y + 30 : y + 32, 40:560] = 150
        draw.write(page, (40, y), name.title(), 2, 60)
    return page


def filled(page: np.ndarray, chance: Chance) -> np.ndarray:
    """Fill a form in: other words on each line."""
    page = page.copy()
    for row in range(14):
        said = f"{chance.pick(WORDS)} {chance.pick(WORDS)} {chance.between(100, 9999)}"
        draw.write(page, (220 + chance.below(8), 150 + 44 * row + chance.below(4)), said, 2, 25)
    return page


def page_of_text(chance: Chance) -> np.ndarray:
    """Set a page of words, of its own making."""
    page = paper(chance)
    for row in range(30):
        said = " ".join(chance.pick(WORDS) for _ in range(6 if row % 9 != 8 else chance.between(1, 4)))
        draw.write(page, (50, 50 + 24 * row), said[:42], 2, 30)
    return page
