"""One run at a time in a DIR that is a bucket's folder: a lock file that is written on condition, and kept fresh.

The file names its owner and when it was last seen alive. It is created only where there is none, and replaced only in
the state that was read, so that of two runs that start at once one wins. A run that was killed leaves its lock behind,
which ends EXPIRY after the owner was last seen, and at once where the owner was a process of this machine that is gone.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.transforms.stores.api import StoreError
from mirrorfold.transforms.stores.output_cloud import CloudOutput

PATH = "_work/lock.json"
BEAT = 30.0
"""Seconds between two signs of life."""
EXPIRY = 300.0
"""Seconds without one after which a lock is nobody's. Clocks of machines that share a DIR must agree within minutes."""

_log = logging.getLogger("mirrorfold.lock")


@contextlib.contextmanager
def lock_bucket(store: CloudOutput, path: str = PATH) -> Iterator[Callable[[], None]]:
    """Hold DIR, and give a call that raises where another run has taken it over.

    Args:
      path: the lock's file: a run's, or the one that keeps a second review server away.

    Raises:
      UsageError: another run is at work in it; or, from the call, has taken it over.
    """
    lock = BucketLock(store, path)
    lock.acquire()
    done = threading.Event()
    beating = threading.Thread(target=lock.beat_until, args=(done,), name="lock", daemon=True)
    beating.start()
    try:
        yield lock.check
    finally:
        done.set()
        beating.join()
        lock.release()


class BucketLock:
    """The lock of one DIR, as one run sees it."""

    def __init__(self, store: CloudOutput, path: str = PATH):
        self.store, self.path = store, path
        self.token = uuid.uuid4().hex
        self.since = _now()
        self.tag: str | None = None
        self.lost = False

    def acquire(self) -> None:
        """Take the lock.

        Raises:
          UsageError: somebody else has it.
        """
        self.tag = self.store.put_if(self.path, self._state(), None)
        if self.tag is None:
            self._take_over()
        elif self.store.put_if(self.path, self._state(), None) is not None:
            _log.warning("%s ignores conditional writes: two runs that start at once won't notice", self.store.url())
            self.tag = self.store.get_tagged(self.path)[1]

    def _take_over(self) -> None:
        try:
            data, tag = self.store.get_tagged(self.path)
        except FileNotFoundError:  # released meanwhile
            self.tag = self.store.put_if(self.path, self._state(), None)
            if self.tag is None:
                self._take_over()
            return
        found = json.loads(data)
        if found["token"] != self.token:  # else our own request was repeated and met itself
            if _alive(found):
                raise UsageError(_refusal(self.store.url(), found, self.path))
            _log.warning("taking over the lock of %s: last seen %s", _owner(found), found["seen"])
        self.tag = self.store.put_if(self.path, self._state(), tag)
        if self.tag is None:
            self._take_over()

    def beat_until(self, done: threading.Event) -> None:
        """Give signs of life until the run ends or another has taken over."""
        while not done.wait(BEAT) and not self.lost:
            # An unreachable store lost us nothing yet: we are the owner until somebody else is.
            with contextlib.suppress(StoreError):
                self.beat()

    def beat(self) -> None:
        """Give a sign of life; notice where the lock is another's."""
        tag = self.store.put_if(self.path, self._state(), self.tag)
        if tag is not None:
            self.tag = tag
            return
        try:
            data, tag = self.store.get_tagged(self.path)
        except FileNotFoundError:
            data, tag = b'{"token": null}', None
        self.lost = json.loads(data)["token"] != self.token
        self.tag = tag

    def check(self) -> None:
        """Raise where another run has taken over, or somebody has removed the lock.

        Raises:
          UsageError: who it is.
        """
        if self.lost:
            raise UsageError(
                f"another mirrorfold has taken over {self.store.url()}, or its lock was removed: this run stops; the "
                "same command goes on from what is finished"
            )

    def release(self) -> None:
        """Let go, if it is still ours."""
        with contextlib.suppress(StoreError, FileNotFoundError):
            if json.loads(self.store.get(self.path))["token"] == self.token:
                self.store.delete(self.path)

    def _state(self) -> bytes:
        state = {
            "token": self.token, "host": socket.gethostname(), "process": os.getpid(),
            "since": self.since.isoformat(timespec="seconds"), "seen": _now().isoformat(timespec="seconds"),
        }  # fmt: skip
        return json.dumps(state, indent=1).encode()


def remove_lock(store: CloudOutput, path: str = PATH) -> str | None:
    """Remove whoever's lock it is; say whose it was, None where there is none."""
    try:
        found = json.loads(store.get(path))
    except FileNotFoundError:
        return None
    store.delete(path)
    return _owner(found)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _silent_for(found: dict) -> float:
    return (_now() - datetime.datetime.fromisoformat(found["seen"])).total_seconds()


def _alive(found: dict) -> bool:
    here = found["host"] == socket.gethostname()
    return _silent_for(found) < EXPIRY and not (here and _ended(found["process"]))


def _ended(process: int) -> bool:
    try:
        os.kill(process, 0)  # no signal: asks whether it is there
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _owner(found: dict) -> str:
    return f"process {found['process']} on {found['host']}, at work since {found['since']}"


def _refusal(url: str, found: dict, path: str) -> str:
    who, instead = ("mirrorfold", "wait for it, or choose another --output")
    if path != PATH:
        who, instead = ("`review serve`", "use its address, or end it first")
    return (
        f"another {who} is at work in {url} ({_owner(found)}, last seen {_silent_for(found):.0f} s ago): "
        f"{instead}. If it is dead, its lock ends {EXPIRY:.0f} s after it was last seen; "
        f"`mirrorfold state unlock {url}` removes it at once"
    )
