"""Lay what can be seen through on a background: white first, and black beside it where that looks otherwise."""

from __future__ import annotations

import numpy as np
from PIL import Image

WHITE, BLACK = 255, 0
"""Transparent pixels are laid on white, as most viewers and converters do; where nothing can be seen on white, as of
white lettering, on black."""
FAINT = 8
"""Levels that a picture on white spans at least if anything can be seen, and by which one on black looks otherwise."""

_ALPHA = frozenset({"PA", "RGBA", "RGBa"})


def see_through(image: Image.Image) -> Image.Image | None:
    """Give an image with its transparency as LA or RGBA; None where nothing shows through."""
    if image.mode in ("LA", "La"):
        clear = image if image.mode == "LA" else image.convert("LA")
    elif image.mode in _ALPHA or ("transparency" in image.info and image.mode in ("L", "RGB", "P")):
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
    else:
        return None
    return None if clear.getchannel("A").getextrema() == (255, 255) else clear


def is_used(clear: Image.Image) -> bool:
    """Tell whether something can be seen through: lossy codings leave a level or two where nothing can."""
    low = clear.getchannel("A").getextrema()[0]
    return isinstance(low, int) and low <= 255 - FAINT


def laid(clear: Image.Image, level: int) -> Image.Image:
    """Lay what `see_through` gave on a background of one level: L or RGB."""
    plain = clear.convert(clear.mode[:-1])
    ground = Image.new(plain.mode, plain.size, level if plain.mode == "L" else (level,) * 3)
    ground.paste(plain, mask=clear.getchannel("A"))
    return ground


def shown(clear: Image.Image) -> tuple[Image.Image, bool]:
    """Lay it on white, or on black where nothing can be seen on white; tell whether white it is."""
    white = laid(clear, WHITE)
    if min(low for low, _ in _extremes(white)) <= WHITE - FAINT:
        return white, True
    black = laid(clear, BLACK)
    return (black, False) if max(high for _, high in _extremes(black)) >= FAINT else (white, True)


def differ(one: bytes, other: bytes) -> bool:
    """Tell whether two canonical pictures of one size look otherwise."""
    a, b = (np.frombuffer(luma, np.uint8).astype(np.int16) for luma in (one, other))
    return bool(np.abs(a - b).max() >= FAINT)


def _extremes(image: Image.Image) -> list[tuple[int, int]]:
    found = image.getextrema()
    return [found] if image.mode == "L" else list(found)  # type: ignore[arg-type, list-item]  # Pillow's type is a union
