"""Start the server, say its address, and end it after the last decision is on disk."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from aiohttp import web

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.lock import SERVE_LOCK
from mirrorfold.pipelines.serving.answers import Answers
from mirrorfold.pipelines.serving.app import ReviewServer
from mirrorfold.pipelines.serving.pages import INDEX, Desk
from mirrorfold.pipelines.serving.people import Doorkeeper, read_tokens, tokens_for, tokens_path
from mirrorfold.transforms.stores.output import LocalOutput, OutputStore, open_output

LOOPBACK = "127.0.0.1"


def serve(
    folder: str,
    people: Sequence[str],
    tokens: str | None,
    host: str,
    port: int,
    say: Callable[[dict[str, str]], None],
) -> None:
    """Serve a published run's review pages until the process is told to end.

    Args:
      people: reviewers' names, each of which gets a token; tokens: a file of names and tokens instead.
      port: 0 for any that is free.
      say: is told the address of each reviewer once the server listens.

    Raises:
      UsageError: no published run in DIR, another server on it, a port that is taken; one line.
      ValueError: names or tokens that can't be used; one line.
    """
    store = open_output(folder)
    if not store.exists("_SUCCESS") or not store.exists(INDEX):
        raise UsageError(f"{folder}: no published run to review: run `mirrorfold publish --output {folder}` first")
    if not store.exists("review/served.js"):
        raise UsageError(
            f"{folder}: its pages are of an older version: run `mirrorfold publish --output {folder}` first"
        )
    with _alone(store, folder) as still_ours, _listening(host, port) as listening:
        owners = read_tokens(tokens) if tokens else tokens_for(tokens_path(store), people)
        asyncio.run(_run(store, Answers(store, still_ours), owners, host, listening, say))


async def _run(
    store: OutputStore,
    answers: Answers,
    owners: dict[str, str],
    host: str,
    listening: socket.socket,
    say: Callable[[dict[str, str]], None],
) -> None:
    port = listening.getsockname()[1]
    names = {host, "localhost", LOOPBACK} if host in (LOOPBACK, "localhost", "::1") else {host, *_own_names(host)}
    hosts = frozenset(f"{f'[{name}]' if ':' in name else name}:{port}" for name in names)
    desk = Desk(store)
    server = ReviewServer(store, desk, answers, Doorkeeper(owners), hosts, port)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=5)
    try:
        await runner.setup()
        await web.SockSite(runner, listening).start()
        server.warm_up()
        shown = host if host not in ("0.0.0.0", "::") else socket.gethostname()
        say({name: f"http://{shown}:{port}/?token={quote(token)}" for name, token in owners.items()})
        await ended.wait()
    finally:
        await runner.cleanup()
        server.close()
        answers.close()
        desk.close()


def _own_names(host: str) -> list[str]:
    """Name this machine as others may, where it listens on all its addresses."""
    if host not in ("0.0.0.0", "::"):
        return []
    names = [socket.gethostname(), socket.getfqdn(), "localhost", LOOPBACK]
    with contextlib.suppress(OSError):
        names += [str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)]
    return names


@contextlib.contextmanager
def _alone(store: OutputStore, folder: str) -> Iterator[Callable[[], None]]:
    """Hold DIR's review for this process, and give a call that raises where it is no longer ours.

    The kernel lets go of a local folder however the process ends; of a bucket see record/lock_bucket.py.
    """
    if not isinstance(store, LocalOutput):
        # Both bring a cloud's SDK with them.
        from mirrorfold.pipelines.record.lock_bucket import lock_bucket
        from mirrorfold.transforms.stores.output_cloud import CloudOutput

        assert isinstance(store, CloudOutput), store
        with lock_bucket(store, SERVE_LOCK) as still_ours:
            yield still_ours
        return
    with open(os.path.join(store.root, SERVE_LOCK), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"another `review serve` is at work on {folder}: use its address, or end it first"
            ) from None
        yield lambda: None


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, port))
            made.listen(128)
        except OSError as error:
            raise UsageError(f"can't listen on {host} port {port}: {error.strerror}; choose another --port") from None
        made.setblocking(False)
        yield made
