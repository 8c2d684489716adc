"""The rest of the store as admission sees it while one change is being made: committed values, and over them those not yet written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from ..record import encoding
from ..record.authority import GOVERNING, Authority
from ..record.channel import Channel
from ..record.standing import Sight, shown_by
from ..record.values import LogState, Row
from ..store.interface import Store
from ..tlog import tiles
from ..tlog.merkle import Frontier, NodeReader, node_hash


class Pending:
    """Implements record.log.Around over a store, with the states and rows of the change that is being made on top."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._states = store.states()
        self._stored = dict(self._states)
        self._rows: dict[int, list[Row]] = {}
        self._rests: dict[int, dict[bytes, int]] = {}
        self._authority: Authority | None = None
        self._put = 0  # how many rows were put since it was made
        self._governed: list[Row] | None = None  # read once: a bundle may hold thousands of runs

    def state(self, log: int) -> LogState:
        """Where a log stands, the pending change included."""
        return self._states.get(log) or LogState(log, Frontier.empty(), 0, {})

    def put(self, state: LogState, rows: Collection[Row] = ()) -> None:
        """Take a new state, and the rows that led to it."""
        self._states[state.number] = state
        self._rows.setdefault(state.number, []).extend(rows)
        self._put += len(rows)
        rests = self._rests.setdefault(state.number, {})
        for row in rows:
            rests.setdefault(row.rest, row.index)

    def governing(self) -> list[Row]:
        """Every row that may say who speaks, in no order."""
        pending = [row for rows in self._rows.values() for row in rows if row.kind in GOVERNING and row.void is None]
        if self._governed is None:
            self._governed = self._store.governing()
        return self._governed + pending

    def sights(self, channel: Channel) -> list[Sight]:
        """What each log's first entry that has seen a successor shows by its `seen`. Nothing is read where no log was replaced."""
        successors = channel.successors()
        found = ((log, one) for one in successors for log, state in self._states.items() if state.seen.get(one, 0))
        return [sight for log, one in found if log in channel.logs for sight in self._sight(channel, log, one)]

    def _sight(self, channel: Channel, log: int, successor: int) -> list[Sight]:
        """What a log shows that has seen a successor."""
        stored = self._stored.get(log)
        if stored and successor in stored.seen:
            first = self._store.first_seen(log, successor)
            places = [first] if first else []
        else:
            places = [(one.index, one.seen) for one in self._rows.get(log, [])]
        for index, seen in places:
            shown = shown_by(channel, log, index, encoding.sizes(encoding.decode(seen)))
            if found := [one for one in shown if one.successor == successor]:
                return found
        return []

    def authority(self, channel: Channel) -> Authority:
        """See record.log.Around. It is made once, and has followed what was put; anew if it has followed what was refused then."""
        known = self._authority
        if known is None or known.channel is not channel or known.followed != self._put:
            self._put = 0
            self._authority = known = Authority(channel, self.governing(), self.sights(channel))
        return known

    def sizes(self) -> dict[int, int]:
        """Log number -> size, of every log with an entry."""
        return {number: state.size for number, state in self._states.items() if state.size}

    def size(self, log: int) -> int:
        """See record.log.Around."""
        return self.state(log).size

    def frozen(self, log: int) -> bool:
        """See record.log.Around."""
        return self.state(log).frozen is not None

    def frontier(self, log: int, size: int) -> Frontier:
        """The tree of a log's first `size` entries, all of which are held; some may be of the pending change."""
        stored = self._store.states().get(log) or LogState(log, Frontier.empty(), 0, {})
        if size >= stored.size:
            return stored.frontier.extend([row.leaf for row in self._rows.get(log, [])[: size - stored.size]])
        read = tiles.node_reader(partial(self._store.hashes, log))
        levels = [level for level in reversed(range(size.bit_length())) if size >> level & 1]
        return Frontier(size, tuple([read(level, (size >> level) - 1) for level in levels]))

    def leaves(self, log: int, start: int, stop: int) -> list[bytes]:
        """The leaf hashes of entries start..stop-1, all of which are held."""
        stored = self._store.states().get(log)
        size = stored.size if stored else 0
        kept = self._store.hashes(log, 0, start, min(stop, size) - start) if start < size else []
        return kept + [row.leaf for row in self._rows.get(log, []) if max(start, size) <= row.index < stop]

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

    def row(self, log: int, index: int) -> Row | None:
        """One row, of the pending change too."""
        pending = self._rows.get(log, [])
        if pending and index >= pending[0].index:
            return pending[index - pending[0].index] if index <= pending[-1].index else None
        return self._store.row(log, index)

    def added(self, log: int) -> list[Row]:
        """The rows of a log that the pending change adds."""
        return self._rows.get(log, [])

    def tree(self, log: int, size: int, more: Sequence[bytes] = ()) -> NodeReader:
        """The nodes of the tree of a log's first `size` entries, all of which are held, with these leaf hashes behind them."""
        stored = self._stored[log].size if log in self._stored else 0
        read, first = tiles.node_reader(partial(self._store.hashes, log)), min(size, stored)
        behind = [*(self.leaves(log, first, size) if first < size else ()), *more]

        def node(level: int, index: int) -> bytes:
            if (index + 1) << level <= first:
                return read(level, index)
            return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1)) if level else behind[index - first]

        return node

    def rests(self, log: int, rests: Collection[bytes]) -> Mapping[bytes, int]:
        """See record.log.Around."""
        wanted = set(rests)
        found = dict(self._store.rests(log, rests))
        pending = self._rests.get(log, {})
        return {rest: pending[rest] for rest in wanted & pending.keys()} | found
