"""A bucket's bytes: through obstore where it can name the key, else through the store's own SDK."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import obstore

from mirrorfold.transforms.stores.api import ObjectRef
from mirrorfold.transforms.stores.errors import OBSTORE_ERRORS, changed, from_obstore
from mirrorfold.transforms.stores.keys import plain_for_obstore, real_key
from mirrorfold.transforms.stores.pace import Pace

Bounds = tuple[int, int] | None
"""Offsets that are asked for, the end excluded; None for the whole object."""


class BytesReader:
    """Reads one bucket, within its slots and at the pace that it allows.

    Args:
      store: obstore's; it sends each request once: `pace` sends again.
    """

    def __init__(self, store: Any, slots: threading.BoundedSemaphore, pace: Pace):
        self._store, self._slots, self._pace = store, slots, pace

    def read(
        self,
        ref: ObjectRef,
        start: int,
        stop: int | None,
        precondition: Mapping[str, Any],
        same: Callable[[Mapping[str, Any]], None],
        odd: Callable[[Bounds], bytes],
        plain: bool = True,
    ) -> bytes:
        """Read an object, or a part of it.

        Args:
          precondition: what obstore has to ask for, so that only the listed version is given.
          same: raises where the answer's metadata are another version's: servers that ignore preconditions exist.
          odd: reads through the SDK; plain: whether obstore may be asked at all.

        Raises:
          StoreError: classified; `vanished` where it isn't the listed object any more.
        """
        whole = start == 0 and (stop is None or stop >= ref.size)
        stop = ref.size if stop is None else min(stop, ref.size)
        if start >= stop and not whole:
            return b""
        bounds = None if whole else (start, stop)
        if plain and plain_for_obstore(ref.key):
            options = {**precondition, **({"range": bounds} if bounds else {})}
            data, meta = self._pace.send(ref.key, lambda: self._get(ref, options))
            same(meta)
        else:
            data = odd(bounds)
        if len(data) != stop - start:
            raise changed()
        return data

    def _get(self, ref: ObjectRef, options: Any) -> tuple[bytes, Any]:
        with self._slots:
            try:
                answer = obstore.get(self._store, real_key(ref.key), options=options)
                return answer.bytes().to_bytes(), answer.meta
            except OBSTORE_ERRORS as error:
                raise from_obstore(error) from error
