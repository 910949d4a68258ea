"""What the server gives beside the published files: the team as it stands, pictures and originals when looked at."""

from __future__ import annotations

import re
import time
from typing import NamedTuple

from mirrorfold.pipelines.finished.review_split import gather_team
from mirrorfold.pipelines.record.request import saved_request
from mirrorfold.pipelines.serving.answers import Answers
from mirrorfold.pipelines.serving.tables import OpenRun
from mirrorfold.transforms.blocks.cores import cores
from mirrorfold.transforms.publish.decoding import DecoderPool
from mirrorfold.transforms.publish.details import wanted_pictures
from mirrorfold.transforms.publish.looks import looks
from mirrorfold.transforms.publish.pages import pair_key, team_script
from mirrorfold.transforms.publish.pictures import Maker, Wanted, thumb_path
from mirrorfold.transforms.retain.verdicts import checked_verdict
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.encoding import PackedError, unpacked
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore
from mirrorfold.transforms.stores.sources import open_stores

SIDES = (256, 1024, 2048)
INDEX = "review/data/index.js"
HEAD = 200
"""Bytes of the index that name its plan: the index of a hundred thousand pairs isn't read at every answer."""
FRESH = 2.0
_PLAN = re.compile(rb'"plan\\?":\\?"([0-9a-f]+)')


class Original(NamedTuple):
    """A file as its source holds it, unpacked where it is packed: what a browser shows."""

    data: bytes
    media_type: str


class Desk:
    """The published run behind the server: reads its tables and sources, writes thumbnails alone."""

    def __init__(self, store: OutputStore):
        request = saved_request(store.url())
        self.store = store
        self._stores = open_stores(request.sources)
        self._decoders = DecoderPool(cores(), request.settings.fingerprint.max_pixels)
        self._maker = Maker(store, self._stores.read, self._decoders.decode, threads=1)
        self._tables = OpenRun(store, self.plan)
        self._plan, self._asked = "", float("-inf")

    def plan(self) -> str:
        """Name the plan whose pages are published now; in a bucket, as it was at most `FRESH` seconds ago."""
        if isinstance(self.store, LocalOutput) or time.monotonic() - self._asked > FRESH:
            with self.store.open_part(INDEX) as file:
                found = _PLAN.search(file.read(HEAD))
            self._plan, self._asked = found[1].decode() if found else "", time.monotonic()
        return self._plan

    def team(self, answers: Answers) -> bytes:
        """Write the team's script as it stands: what was imported, and what was answered here since."""
        given = [row for row in answers.all() if row["purpose"] != "sample"]
        said = [checked_verdict(row, "answers") | {"imported": row["at"]} for row in given]
        return team_script(self._tables.ask(lambda connection: gather_team(self.store.url(), said, connection)))

    def picture(self, content_id: str, side: int) -> bytes | None:
        """Give a content's picture as WebP, made from its source when it is looked at first; None where it can't be."""
        path = thumb_path(content_id, side)
        if not self.store.exists(path):
            wanted = self._wanted(content_id)
            if wanted is None or not self._maker.make_one(wanted, side):
                return None
        return self.store.get(path)

    def looks(self, content_id: str) -> dict | None:
        """Measure a content's tones and sharpness on its pictures; None where they can't be made."""
        pictures = {side: self.picture(content_id, side) for side in SIDES[:2]}
        made = {side: data for side, data in pictures.items() if data is not None}
        return looks(made) if made else None

    def original(self, content_id: str) -> Original | None:
        """Read a content's own bytes; None where no source gives them now."""
        wanted = self._wanted(content_id)
        for ref in wanted.refs if wanted else ():
            try:
                return Original(unpacked(self._stores.read(ref)), wanted.media_type if wanted else "")
            except (StoreError, PackedError):
                continue
        return None

    def _wanted(self, content_id: str) -> Wanted | None:
        found = self._tables.ask(lambda connection: wanted_pictures(connection, [content_id], luma=False))
        return found[0] if found else None

    def warm_up(self, answers: Answers) -> None:
        """Do before anybody looks what the first look would wait for: open the tables, start the decoders."""
        self.team(answers)
        self._decoders.start()

    def close(self) -> None:
        """End the decoders and the sources' clients."""
        self._tables.close()
        self._decoders.__exit__()
        self._stores.close()


def page_answers(rows: list[dict]) -> list[list]:
    """Write a reviewer's answers as the page keeps them: by the question's key."""
    return [
        [
            pair_key(row["content_a"], row["content_b"], row["purpose"] == "sample"),
            {name: row[name] for name in ("verdict", "reason", "reviewer", "at", "seen", "purpose")}
            | {"ids": [row["content_a"], row["content_b"]]},
        ]
        for row in rows
    ]


SERVED = re.compile(
    r"index\.html|[a-z]+\.(?:js|css)|data/(?:index|items-\d{5}|ids-\d{5})\.js|thumbs/[0-9a-f]{2}/[0-9a-f]{64}(?:-\d{3,4})?\.webp"
)
