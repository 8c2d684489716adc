"""Openings as they arrive and as they are kept: which logs a node knows beside the charter's. PROTOCOL sections 7 and 11; spec/bundle.md.

An opening is verified before anything else of its log is looked at, and kept with the bundle that brought it. Two that contradict each
other (one number, or one key that signs in both) prove that a recovery key is misused: both logs are frozen, and a proof is made.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from .. import limits
from ..errors import LocalError, PeerError
from ..exchange import seal
from ..exchange.bundle import Contents
from ..record.channel import Channel
from ..record.charter import SignedCharter
from ..record.opening import LATER_DIGITS, open_opening, opening_of, position_of
from ..record.values import LogState
from ..store.interface import Change, Store
from ..tlog.merkle import Frontier
from .around import Pending
from .convicting import REFUSED
from .view import View

OWN: Final = "own_log"  # meta: the number of this node's log, where it is not its party's first
_HEX: Final = frozenset("0123456789abcdef")


def known_channel(signed: SignedCharter, store: Store) -> Channel:
    """The channel with every later log that the store knows. Raises PeerError for an opening that was changed on the disk."""
    return Channel(signed, [opening_of(data) for data in store.openings().values()])


def own_log(store: Store, position: int) -> int:
    """The number of the log that this store's node writes; `position` is its party's."""
    kept = store.meta(OWN)
    return position if kept is None else int.from_bytes(kept, "big")


def of_log(name: str, log: int) -> str:
    """The meta name under which something of one's own log is kept. A store may have written several, one after the other."""
    return name if log < limits.PARTIES else f"{name}/{log}"


def may_be_later(channel: Channel, origin: str) -> bool:
    """Whether a later log of this channel can have that origin, whose opening need not be known."""
    prefix, _, name = origin.rpartition("/")
    slug, _, digits = name.rpartition(".")
    here = prefix == f"{channel.charter.name}/{channel.channel_id.hex()}" and channel.position(slug) is not None
    return here and len(digits) == LATER_DIGITS and set(digits) <= _HEX


def stranger_key(channel: Channel, sender: int, contents: bytes) -> bytes:
    """The Ed25519 key of a log that is not known yet, by the opening that its bundle brings. Only after this is the bundle's own
    signature checked, so little is read for whoever has none.

    Raises PeerError log.unknown, enc.*, opening.malformed, key.*, sig.invalid.
    """
    position = position_of(sender)
    if len(contents) > limits.STRANGER_BYTES or position is None or position >= len(channel.charter.parties):
        raise PeerError("log.unknown", str(sender))
    for data in Contents.decode(contents).openings[: limits.OPENINGS_PER_BUNDLE]:
        if opening_of(data).number == sender:
            return open_opening(data, channel.channel_id, channel.charter.parties).keys.log_ed25519
    raise PeerError("log.unknown", str(sender))


def addressed(view: View, name: str) -> list[int]:
    """The logs that a name addresses: a party's slug all its live logs, a later log's name that one. Raises LocalError usage."""
    found = [log for log in view.channel.named(name) if log != view.own]
    if not found:
        others = [names.slug for number, names in view.channel.logs.items() if number != view.own]
        raise LocalError("usage", f"there is no other party or log {name}; there is {', '.join(others)}")
    return found


def called(view: View, name: str) -> list[int]:
    """Of the logs that a name addresses, those to call; all of them if none has an address. Raises LocalError usage."""
    found = addressed(view, name)
    return [log for log in found if log in view.channel.called_logs] or found


class Known(Pending):
    """The rest of the store as `Pending`, and what becomes of logs that are not let in: what others have seen of them never comes here,
    and must not keep those others waiting."""

    def __init__(self, store: Store, channel: Channel) -> None:
        super().__init__(store)
        self.channel = channel

    def frozen(self, log: int) -> bool:
        """See record.log.Around."""
        return super().frozen(log) or (log not in self.channel.logs and self.full(position_of(log)))

    def full(self, position: int | None) -> bool:
        """Whether a party has as many later logs as it may have; those that were refused for what they share count too."""
        logs = self.channel.openings.keys() | (self._states.keys() - self.channel.logs.keys())
        return sum(position_of(log) == position for log in logs) >= limits.LATER_LOGS_PER_PARTY

    def take_opening(self, data: bytes, change: Change) -> Channel:
        """The channel with the log of an opening file, which is put into the change; the same channel if the log is known.

        Raises PeerError opening.*, enc.*, key.*, sig.invalid.
        """
        channel = self.channel
        known = opening_of(data)
        if channel.openings.get(known.number) == known:
            return channel
        opening = open_opening(data, channel.channel_id, channel.charter.parties)
        seal.check_public_key(opening.keys.sealing)
        full, conflicting = self.full(opening.position), channel.conflicts(opening)
        if conflicting:
            self._freeze([*conflicting, *([] if full else [opening.number])], change)
        elif full:
            raise PeerError(REFUSED, f"{limits.LATER_LOGS_PER_PARTY} later logs of one party")
        self.channel = channel.with_openings([opening])
        change.openings[opening.number] = data
        return self.channel

    def _freeze(self, logs: Collection[int], change: Change) -> None:
        """Freeze the logs that contradict a new one, and the new one, of which nothing will ever be held."""
        for log in dict.fromkeys(logs):
            state = self.state(log) if log in self.channel.logs else LogState(log, Frontier.empty(), 0, {})
            if state.frozen is None:
                frozen = replace(state, frozen=REFUSED)
                self.put(frozen)
                change.states.append(frozen)
