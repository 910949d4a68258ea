"""Who may use the pages: a token for each reviewer, and patience that wrong ones use up."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Sequence

from mirrorfold.transforms.stores.output import LocalOutput, OutputStore

FILE = "review/tokens.json"
SHORTEST = 16


class Doorkeeper:
    """Tells tokens' owners; the more wrong tokens come from an address, the longer it waits.

    Args:
      tokens: by reviewer's name.
    """

    def __init__(self, tokens: dict[str, str], clock: Callable[[], float] = time.monotonic):
        self._tokens, self._clock = tokens, clock
        self._wrong: dict[str, tuple[int, float]] = {}
        self._known_wrong: set[bytes] = set()

    def owner(self, token: str) -> str | None:
        """Name whose token it is; every one is compared, so that the time taken tells nothing."""
        found = None
        for name, known in self._tokens.items():
            if hmac.compare_digest(known.encode(), token.encode("utf-8", "replace")):
                found = name
        return found

    def wait(self, address: str) -> float:
        """Give the seconds for which an address has to wait before its next try counts."""
        wrong, since = self._wrong.get(address, (0, 0.0))
        return max(0.0, since + min(60.0, 0.25 * 2 ** min(wrong, 10)) - self._clock()) if wrong else 0.0

    def note(self, address: str, token: str, right: bool) -> None:
        """Note how a try went.

        A wrong token that comes again is no new guess: behind a proxy all reviewers have one address, and a page left
        open with an old token would make all of them wait.
        """
        if right:
            self._wrong.pop(address, None)
            return
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        if digest in self._known_wrong:
            return
        if max(len(self._wrong), len(self._known_wrong)) > 10_000:
            self._wrong.clear()
            self._known_wrong.clear()
        self._known_wrong.add(digest)
        self._wrong[address] = self._wrong.get(address, (0, 0.0))[0] + 1, self._clock()


def read_tokens(path: str) -> dict[str, str]:
    """Read a list of tokens: a line each, a name, a tab or comma, and the token.

    Raises:
      ValueError: one line naming file and line.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: can't read the tokens: {error}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, token = (*(part.strip() for part in re.split(r"[\t,]", line, maxsplit=1)), "")[:2]
        if not name or len(token) < SHORTEST:
            raise ValueError(
                f"{path}:{number}: write NAME, a tab or comma, and a token of {SHORTEST} characters at least"
            )
        if name in found or token in found.values():
            raise ValueError(f"{path}:{number}: {name!r} or its token is named twice")
        found[name] = token
    if not found:
        raise ValueError(f"{path}: no tokens in it")
    return found


def tokens_path(store: OutputStore) -> str:
    """Say where tokens are remembered: in a local DIR; of a bucket, which may be public, in this user's own state."""
    if isinstance(store, LocalOutput):
        return os.path.join(store.root, FILE)
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    name = hashlib.sha256(store.url().encode()).hexdigest()[:24]
    return os.path.join(state, "mirrorfold", f"tokens-{name}.json")


def tokens_for(path: str, names: Sequence[str]) -> dict[str, str]:
    """Give each reviewer the token that a file remembers, or a new one; only this user may read it."""
    try:
        with open(path, encoding="utf-8") as file:
            known = {str(name): str(token) for name, token in json.load(file).items()}
    except (OSError, ValueError, AttributeError):
        known = {}
    known |= {name: secrets.token_urlsafe(24) for name in names if name not in known}
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(known, file, ensure_ascii=False, indent=1)
    os.chmod(path, 0o600)
    return {name: known[name] for name in names}
