"""`mirrorfold review serve` on a DIR in a bucket: the same pages, and decisions that outlive the machine."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from mirrorfold.pipelines.finished.review_import import review_import
from mirrorfold.pipelines.record.lock import SERVE_LOCK
from mirrorfold.pipelines.serving.answers import LINES, Answers, saved_answers
from mirrorfold.pipelines.serving.people import tokens_path
from mirrorfold.transforms.publish.publish import Options
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore
from tests.publish.publish_archive import build_archive
from tests.serving.running import PROGRAM, finish, serve
from tests.serving.test_serving import said, served
from tests.worlds import cloud_output


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> LocalOutput:
    return LocalOutput(
        finish(build_archive(tmp_path_factory.mktemp("served")), Options(sample=5, thumbnails=0, proofs=0))
    )


@pytest.fixture
def bucket(request, no_ambient_credentials, monkeypatch, finished, tmp_path) -> OutputStore:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    output = cloud_output(request, monkeypatch, "runs/one")
    for path in finished.list():
        output.put(path, finished.get(path))
    return output


@pytest.mark.parametrize("bucket", ["moto", "fake-gcs"], indirect=True)
def test_a_dir_in_a_bucket_is_served_and_nothing_acknowledged_is_lost(bucket, tmp_path) -> None:
    running = serve(bucket.url())
    try:
        for path in ("", "app.js", "review.css", "data/index.js", "data/items-00000.js", "data/team.js"):
            assert running.ask(path)[0] == 200
        for path in ("tokens.json", SERVE_LOCK.removeprefix("review/"), "served/part-000001.jsonl", "../run.json"):
            assert running.ask(path)[0] == 404
        items = bucket.get("review/data/items-00000.js").decode()
        content = re.findall(r'"id":"([0-9a-f]{64})"', items)[0]
        assert running.ask(f"pictures/{content}?side=256")[1][8:12] == b"WEBP"
        assert bucket.list(f"review/thumbs/{content[:2]}/")
        status, body = running.ask("answers", "Ann", [said("same"), said("different", content_a="c" * 64)])
        index = re.search(rb'"plan\\":\\"(\w+)', bucket.get("review/data/index.js"))
        assert (status, json.loads(body)) == (200, {"saved": 2, "plan": index[1].decode()})
        assert running.ask("answers", "Bo", [said("split")])[0] == 200
        refused = subprocess.run(
            [PROGRAM, "review", "serve", bucket.url(), "--no-open"], capture_output=True, text=True, timeout=60
        )
        assert refused.returncode == 2
        assert "another `review serve` is at work" in refused.stderr
    finally:
        running.end(signal.SIGKILL)
    assert not [path for path in bucket.list("review/") if "token" in path], "a bucket may be public"
    assert Path(tokens_path(bucket)).stat().st_mode & 0o77 == 0

    # The lock of a process of this machine that is gone ends at once.
    again = serve(bucket.url())
    assert again.token("Ann") == running.token("Ann")
    assert len(served(again, "Ann")) == 2
    assert again.end(signal.SIGINT) == 0
    assert not bucket.exists(SERVE_LOCK)
    assert review_import(bucket.url()).new == 3


@pytest.mark.parametrize("bucket", ["moto"], indirect=True)
def test_a_bucket_that_refuses_a_write_and_a_server_that_lost_its_lock_acknowledge_nothing(bucket, monkeypatch) -> None:
    lost = []

    def still_ours() -> None:
        if lost:
            raise StoreError("vanished", "taken over")

    answers = Answers(bucket, still_ours)
    answers.save("Ann", [said("same")])
    lost.append(True)
    with pytest.raises(StoreError):
        answers.save("Ann", [said("different")])
    lost.clear()
    with monkeypatch.context() as broken:
        broken.setattr(bucket, "put", lambda *_: (_ for _ in ()).throw(StoreError("unreachable", "no answer")))
        with pytest.raises(StoreError):
            answers.save("Ann", [said("different")])
    assert [row["verdict"] for row in answers.all()] == ["same"]
    assert [row["verdict"] for row in saved_answers(bucket)] == ["same"]


@pytest.mark.parametrize("bucket", ["moto"], indirect=True)
def test_answers_fill_files_of_a_size_that_is_written_anew_in_an_instant(bucket) -> None:
    answers = Answers(bucket)
    for number in range(0, 3 * LINES, 100):
        rows = [said(content_a=f"{n:064x}", content_b=f"{n + 1:064x}") for n in range(number, number + 100)]
        answers.save("Ann", rows)
    files = bucket.list("review/served/")
    assert [len(bucket.get(path).splitlines()) for path in sorted(files)] == [LINES] * 3
    Answers(bucket).save("Bo", [said()])
    assert len(bucket.list("review/served/")) == 4, "a server begins a file of its own"
    assert len(saved_answers(bucket)) == 3 * LINES + 1
