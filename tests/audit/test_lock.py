"""Two runs on one DIR in a bucket: the second is refused, a dead one's lock ends, and nobody works on a lost lock."""

from __future__ import annotations

import datetime
import json
import socket
import threading

import pytest
from click.testing import CliRunner

from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record import lock_bucket
from mirrorfold.pipelines.record.lock import lock_output
from mirrorfold.transforms.stores.output_cloud import CloudOutput
from tests.worlds import cloud_output


@pytest.fixture(params=["moto", "versity", "fake-gcs"])
def store(request, no_ambient_credentials, monkeypatch) -> CloudOutput:
    return cloud_output(request, monkeypatch, "out")


def another(store: CloudOutput, seconds_ago: float, **changes) -> None:
    """Leave another machine's lock."""
    seen = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds_ago)
    state = {"token": "t", "host": "spot-17", "process": 4, "since": seen.isoformat(), "seen": seen.isoformat()}
    store.put(lock_bucket.PATH, json.dumps(state | changes).encode())


def test_the_second_run_is_refused_and_told_what_to_do(store: CloudOutput) -> None:
    with lock_output(store) as still_ours:
        with pytest.raises(UsageError, match=r"at work in .*wait for it.*state unlock (s3|gs)://"), lock_output(store):
            pass
        still_ours()
    with lock_output(store):
        pass
    assert store.list() == []


def test_of_runs_that_start_at_once_one_wins(store: CloudOutput) -> None:
    start, held, refused, end = threading.Barrier(4), [], [], threading.Event()

    def run() -> None:
        start.wait()
        try:
            with lock_output(store):
                held.append(1)
                end.wait()
        except UsageError:
            refused.append(1)
            if len(refused) == 3:
                end.set()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert (len(held), len(refused)) == (1, 3)


@pytest.mark.parametrize(
    ("ago", "changes", "taken"),
    [
        (10, {}, False),
        (lock_bucket.EXPIRY + 10, {}, True),
        (10, {"host": socket.gethostname(), "process": 2**22 + 1}, True),
    ],
    ids=["alive", "silent for long", "a process of this machine that ended"],
)
def test_a_dead_runs_lock_ends(store: CloudOutput, ago: float, changes: dict, taken: bool) -> None:
    another(store, ago, **changes)
    if taken:
        with lock_output(store) as still_ours:
            still_ours()
    else:
        with pytest.raises(UsageError, match="process 4 on spot-17"), lock_output(store):
            pass


def test_signs_of_life_keep_it(store: CloudOutput, monkeypatch) -> None:
    monkeypatch.setattr(lock_bucket, "BEAT", 0.05)
    with lock_output(store) as still_ours:
        first = store.get(lock_bucket.PATH)
        deadline = threading.Event()
        for _ in range(100):
            deadline.wait(0.1)
            if store.get(lock_bucket.PATH) != first:
                break
        assert json.loads(store.get(lock_bucket.PATH))["seen"] > json.loads(first)["seen"]
        still_ours()


@pytest.mark.parametrize("taken", [True, False], ids=["taken over", "removed"])
def test_a_run_whose_lock_is_gone_stops(store: CloudOutput, taken: bool) -> None:
    lock = lock_bucket.BucketLock(store)
    lock.acquire()
    lock.beat()
    lock.check()
    store.delete(lock_bucket.PATH)
    if taken:
        another(store, 0)
    lock.beat()
    with pytest.raises(UsageError, match="taken over"):
        lock.check()
    lock.release()
    assert store.exists(lock_bucket.PATH) is taken, "another's lock stays"


def test_a_lock_is_removed_by_command(store: CloudOutput) -> None:
    another(store, 0)
    done = CliRunner().invoke(cli, ["state", "unlock", store.url()])
    assert (done.exit_code, "spot-17" in done.output) == (0, True)
    with lock_output(store):
        pass
    assert "no lock" in CliRunner().invoke(cli, ["state", "unlock", store.url()]).output


def test_a_store_that_ignores_conditions_is_named(store: CloudOutput, monkeypatch, caplog) -> None:
    def put_if(self, path: str, data: bytes, tag: str | None) -> str:
        self.put(path, data)
        return self.get_tagged(path)[1]

    monkeypatch.setattr(CloudOutput, "put_if", put_if)
    with caplog.at_level("WARNING", "mirrorfold.lock"), lock_output(store):
        pass
    assert "ignores conditional writes" in caplog.text
