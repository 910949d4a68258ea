"""A small archive of two folders that changes between runs, and runs over it in this process."""

from __future__ import annotations

import functools
import os
import random
from pathlib import Path

import pyarrow as pa

from demo.archive import encode, exif, photographs
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.mission import MISSION
from mirrorfold.pipelines.record.request import Request, resolve_policy
from mirrorfold.pipelines.record.steps import Step
from mirrorfold.pipelines.run import Finished, run
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.stores.output import open_output

SIDE = 240
WITHOUT_PAGES = (*(step for step in MISSION if step.name != "publish"), Step("publish", stage="publish"))
EPOCH = 1_600_000_000 * 10**9


@functools.cache
def pictures() -> dict[str, bytes]:
    """Make some 110 distinct files out of photographs: masters, halves, crops, strong compression, greyscale."""
    files: dict[str, bytes] = {}
    for number, (name, picture) in enumerate(photographs()):
        picture.thumbnail((SIDE, SIDE))
        width, height = picture.size
        files[f"{name}.jpg"] = encode(picture, "JPEG", quality=93, exif=exif(number))
        files[f"{name}-half.jpg"] = encode(picture.resize((width // 2, height // 2)), "JPEG", quality=85)
        files[f"{name}-crop.jpg"] = encode(picture.crop((6, 6, width - 6, height - 6)), "JPEG", quality=90)
        files[f"{name}-q50.jpg"] = encode(picture, "JPEG", quality=50)
        files[f"{name}-grey.png"] = encode(picture.convert("L"), "PNG")
    return files


class World:
    """Two folders, hk and gz; every file's time is its own and never the wall clock's."""

    def __init__(self, root: Path):
        self.root = root
        self.clock = 0
        for number, (name, data) in enumerate(pictures().items()):
            self.put("hk" if number % 3 else "gz", f"a/{name}", data)
            if number % 4 == 0:
                self.put("gz", f"copies/{name}", data)
        self.put("hk", "broken.jpg", pictures()["china.jpg"][:900])
        self.put("gz", "notes.txt", b"not an image")

    def put(self, library: str, key: str, data: bytes, at: int | None = None) -> None:
        """Write a file, at a time of its own or at that of another."""
        path = self.root / library / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.clock += 1
        when = EPOCH + self.clock * 10**9 if at is None else at
        os.utime(path, ns=(when, when))

    def twin(self) -> str:
        """Add a copy of a master that ties with it in every criterion, and whose URI comes first; give its path."""
        names = [path.name for path in self.files()]
        path = next(p for p in self.files() if p.parent == self.root / "hk/a" and "-" not in p.name
                    and names.count(p.name) == 1)  # fmt: skip
        self.put("hk", f"0new/twin-{path.name}", path.read_bytes(), at=path.stat().st_mtime_ns)
        return str(self.root / f"hk/0new/twin-{path.name}")

    def remove(self, library: str, key: str) -> None:
        """Remove a file."""
        (self.root / library / key).unlink()

    def files(self) -> list[Path]:
        """List all files."""
        return sorted(path for path in self.root.rglob("*") if path.is_file())

    def change(self, draw: random.Random) -> set[str]:
        """Change one file in a hundred; give the paths of those that are new or other."""
        touched = set()
        for _ in range(max(1, len(self.files()) // 100)):
            path = draw.choice([path for path in self.files() if path.suffix in (".jpg", ".png")])
            library, _, key = str(path.relative_to(self.root)).partition("/")
            what = draw.choice(["remove", "copy", "change", "twin"])
            if what == "remove":
                self.remove(library, key)
                touched.discard(str(path))
                continue
            data = path.read_bytes() if what in ("copy", "twin") else draw.choice(list(pictures().values()))
            place = (library, key) if what == "change" else ("hk", f"0new/{self.clock}-{path.name}")
            # A twin ties with its original in every criterion, and its URI comes first.
            self.put(*place, data, at=path.stat().st_mtime_ns if what == "twin" else None)
            touched.add(str(self.root / place[0] / place[1]))
        return touched


def audit(root: Path, output: Path, previous: Path | None = None, **settings) -> Finished:
    """Run the mission in this process, but for its pages."""
    chosen = Settings(**settings)
    sources = parse_sources([f"{name}={root / name}" for name in ("hk", "gz")], chosen, str(output))
    request = Request(sources, chosen, resolve_policy(chosen), str(previous) if previous else None)
    return run(request, str(output), steps=WITHOUT_PAGES)


def table(output: Path, name: str) -> pa.Table:
    """Read a table."""
    return parquet.read_table(open_output(str(output)), TABLES[name])


def shards(output: Path, name: str) -> dict[str, bytes]:
    """Read a table's files as bytes."""
    return {path.name: path.read_bytes() for path in sorted((output / name).glob("*.parquet"))}
