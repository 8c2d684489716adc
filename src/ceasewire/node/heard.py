"""What a schedule is worked out from, read from the store: who checked, watched and spoke last."""

from __future__ import annotations

from typing import Final

from ..record.channel import Channel
from ..record.kinds import KINDS
from .composing import address, in_force
from .schedule import Clocks, Facts, LineFacts, LogFacts, PartyFacts
from .view import View

_LINE_CHECK: Final = KINDS["line_check"]
_ACKNOWLEDGEMENT: Final = KINDS["acknowledgement"]
_READ_AT_ONCE: Final = 2048


class Heard:
    """Of one node's store. Any thread may ask a `View`; of a `Node` the node's own thread alone."""

    def __init__(self, view: View) -> None:
        self._view = view

    def clocks(self) -> Clocks:
        """Of the charter in force."""
        clocks = in_force(self._view).charter.clocks
        return Clocks(clocks["line_check"], clocks["watch"], clocks["flash"])

    def facts(self) -> Facts:
        """All that a schedule is worked out from, as the store stands. Raises LocalError disk.failed, store.*."""
        view, channel = self._view, self._view.channel  # of one moment: a log may be opened meanwhile
        begun = {number: time for number in channel.logs if (time := self._first(number)) is not None}
        checked = {number: view.last_of_kind(number, _LINE_CHECK)[1] for number in channel.logs}
        since = min(begun.values(), default=None)
        # What was replaced owes nothing any more.
        logs = tuple(LogFacts(channel.logs[number].slug, checked[number], begun.get(number, since)) for number in channel.live_logs())
        return Facts(self.clocks(), logs, self._parties(channel, checked, begun, since), self._lines(channel, since))

    def _first(self, log: int) -> int | None:
        """The time of a log's first entry."""
        return next((one.time for one in self._view.store.rows(log, 0, 1)), None)

    def _parties(
        self, channel: Channel, checked: dict[int, int | None], begun: dict[int, int], since: int | None
    ) -> tuple[PartyFacts, ...]:
        found = []
        for place, card in enumerate(channel.charter.parties):
            logs = channel.logs_of(place)
            watched = [self._view.last_of_kind(number, _ACKNOWLEDGEMENT, watch=True)[1] for number in logs]
            machine, person = _latest([checked[number] for number in logs]), _latest(watched)
            first = min((begun[number] for number in logs if number in begun), default=since)
            found.append(PartyFacts(card.slug, card.role, machine, person, first))
        return tuple(found)

    def _lines(self, channel: Channel, since: int | None) -> tuple[LineFacts, ...]:
        view = self._view
        peers, states = view.store.peers(), view.store.states()
        found = []
        for number in channel.live_logs():
            if channel.party_of(number) == channel.party_of(view.own):
                continue  # our own further devices, which come and go
            peer, state = peers.get(number), states.get(number)
            spoke = peer.spoke if peer and peer.spoke else None
            entry = state.time if state and state.size else None
            reached = any(address(view, log) for log in (number, view.own))
            found.append(LineFacts(channel.logs[number].slug, spoke, entry, reached, since))
        return tuple(found)


class OwnChecks:
    """The last line check of a node's own log, read entry by entry as the log grows. In the node's thread, whose messages must not wait
    for what is derived from the store."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._read = 0
        self._log: int | None = None
        self._last: tuple[int, int] | None = None

    def last(self) -> int | None:
        """Its time, POSIX seconds; None if there is none."""
        found = self.newest()
        return found[1] if found else None

    def newest(self) -> tuple[int, int] | None:
        """Its index and its time, POSIX seconds; None if there is none."""
        own, store = self._view.own, self._view.store
        if own != self._log:
            self._log, self._read, self._last = own, 0, None
        state = store.states().get(own)
        size = state.size if state else 0
        if not self._read and size > _READ_AT_ONCE:
            for one in store.scan(kinds={_LINE_CHECK}, log=own):
                self._last = (one.index, one.time) if one.void is None and one.index < size else self._last
            self._read = size
        while self._read < size:
            stop = min(size, self._read + _READ_AT_ONCE)
            for one in store.rows(own, self._read, stop):
                self._last = (one.index, one.time) if one.kind == _LINE_CHECK and one.void is None else self._last
            self._read = stop
        return self._last

    def newest_of_others(self) -> int | None:
        """The time of the newest entry that another party sent."""
        channel, own = self._view.channel, self._view.own
        states = [state for state in self._view.store.states().values() if state.size and state.number in channel.logs]
        return max((state.time for state in states if channel.party_of(state.number) != channel.party_of(own)), default=None)


def _latest(times: list[int | None]) -> int | None:
    return max((time for time in times if time is not None), default=None)
