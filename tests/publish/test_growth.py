"""Work grows with the queue and no faster: counted in calls, which no busy machine changes."""

from __future__ import annotations

import cProfile
import pstats

from mirrorfold.pipelines.serving.pages import HEAD, INDEX, Desk
from mirrorfold.transforms.publish.publish import Options
from mirrorfold.transforms.stores.output import LocalOutput
from tests.publish.publish_archive import Archive
from tests.publish.publish_rows import add_clusters
from tests.publish.publish_runs import publish
from tests.serving.running import finish

PLAIN = Options(thumbnails=0, proofs=0, sketches=0, sample=0)


def calls(root, clusters: int) -> int:
    """Count the Python calls that publishing so many clusters takes."""
    archive = Archive(root)
    add_clusters(archive, clusters)
    archive.write()
    profile = cProfile.Profile()
    profile.runcall(publish, archive, PLAIN)
    return pstats.Stats(profile).total_calls  # type: ignore[attr-defined]


def test_four_times_the_pairs_take_four_times_the_calls(tmp_path) -> None:
    calls(tmp_path / "warm", 10)  # words and templates are read once
    few, some, many = (calls(tmp_path / str(count), count) for count in (200, 400, 1_000))
    each = (some - few) / 200
    assert each > 10
    assert many < some + 1.2 * each * 600


def test_an_answer_reads_no_more_of_the_index_than_the_plans_name(tmp_path, monkeypatch) -> None:
    archive = Archive(tmp_path)
    add_clusters(archive, 300)
    archive.write()
    store = LocalOutput(finish(archive, PLAIN))
    assert store.size(INDEX) > 20 * HEAD
    read: list[int] = []
    opened = store.open_part

    class Counted:
        def __init__(self, path: str):
            self.file = opened(path)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def read(self, size: int = -1) -> bytes:
            read.append(size)
            return self.file.read(size)

    monkeypatch.setattr(store, "open_part", Counted)
    monkeypatch.setattr(store, "get", None)
    desk = Desk(store)
    try:
        assert len({desk.plan() for _ in range(50)}) == 1
        assert desk.plan()
    finally:
        desk.close()
    assert set(read) == {HEAD}
