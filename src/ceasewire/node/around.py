"""The rest of the store as admission sees it while one change is being made: committed values, and over them those not yet written."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..record.values import LogState, Row
from ..store.interface import Store
from ..tlog.merkle import Frontier


class Pending:
    """Implements record.log.Around over a store, with the states and rows of the change that is being made on top."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._states = store.states()
        self._rows: dict[int, list[Row]] = {}
        self._rests: dict[int, dict[bytes, int]] = {}

    def state(self, log: int) -> LogState:
        """Where a log stands, the pending change included."""
        return self._states.get(log) or LogState(log, Frontier.empty(), 0, {})

    def put(self, state: LogState, rows: Collection[Row] = ()) -> None:
        """Take a new state, and the rows that led to it."""
        self._states[state.number] = state
        self._rows.setdefault(state.number, []).extend(rows)
        rests = self._rests.setdefault(state.number, {})
        for row in rows:
            rests.setdefault(row.rest, row.index)

    def sizes(self) -> dict[int, int]:
        """Log number -> size, of every log with an entry."""
        return {number: state.size for number, state in self._states.items() if state.size}

    def size(self, log: int) -> int:
        """See record.log.Around."""
        return self.state(log).size

    def root(self, log: int, size: int) -> bytes:
        """The root of a log's first `size` entries, some of which are of the pending change."""
        state, stored = self.state(log), self._store.states().get(log) or LogState(log, Frontier.empty(), 0, {})
        if size == state.size:
            return state.frontier.root()
        return stored.frontier.extend([row.leaf for row in self._rows[log][: size - stored.size]]).root()

    def time(self, log: int, index: int) -> int:
        """See record.log.Around."""
        state = self.state(log)
        if index == state.size - 1:
            return state.time
        pending = self._rows.get(log, [])
        if pending and index >= pending[0].index:
            return pending[index - pending[0].index].time
        row = self._store.row(log, index)
        if row is None:
            raise LookupError(f"log {log} has no index {index}")
        return row.time

    def rests(self, log: int, rests: Collection[bytes]) -> Mapping[bytes, int]:
        """See record.log.Around."""
        wanted = set(rests)
        found = dict(self._store.rests(log, rests))
        pending = self._rests.get(log, {})
        return {rest: pending[rest] for rest in wanted & pending.keys()} | found
