"""Acts in progress, so that disabling somebody is over only when nothing that they began goes on."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

WAIT_SECONDS: Final = 30.0  # for acts that hang: whoever disables must not hang with them


class Acting:
    """The acts that people are in the midst of, in this process: the one that serves them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._acts: dict[int, tuple[int, int]] = {}  # number -> account, thread

    @contextmanager
    def act(self, account: int) -> Iterator[None]:
        """An act. Whether it is allowed is asked within: so it is asked before the person is disabled, or it is not allowed."""
        with self._changed:
            number = next(self._numbers)
            self._acts[number] = account, threading.get_ident()
        try:
            yield
        finally:
            with self._changed:
                del self._acts[number]
                self._changed.notify_all()

    def wait_for(self, account: int) -> None:
        """Until every act of the account that goes on now has ended, but for one that this thread itself is in."""
        with self._changed:
            before = {number for number, (who, thread) in self._acts.items() if who == account and thread != threading.get_ident()}
            self._changed.wait_for(lambda: before.isdisjoint(self._acts), WAIT_SECONDS)
