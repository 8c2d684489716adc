"""What a node's record says of authority where logs showed two histories: record.review over a store.

Without a proof of two histories nothing of this is made, and nothing is asked but whether there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..record.authority import Authority
from ..record.channel import Channel
from ..record.conviction import TWO_FACES, UNOPENED
from ..record.review import Given, Review
from ..record.standing import stands
from ..record.values import Row
from ..store.interface import Change, Store
from .around import Pending
from .convicting import HISTORIES, NUMBERS

_TWO_OPENINGS: Final = NUMBERS["two_openings"]
_UNHELD: Final = "unheld/"  # of the meta that says how much of a log was held when something was taken that had seen more of it


class Reviews:
    """The reviews of one store. Any thread may ask; each is given one of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: tuple[object, Mapping[tuple[int, int], str | None]] | None = None

    def of(self, channel: Channel, faces: Mapping[int, int]) -> Review | None:
        """A review of all that the store holds, by logs that showed two histories (conviction.two_faced). None if every message bears the
        code that it was admitted with."""
        if not faces:
            return None
        store = self._store
        rows, sights = store.governing(void=True), Pending(store).sights(channel)
        unheld = {log: int(kept) for log in faces if (kept := store.meta(f"{_UNHELD}{log}")) is not None}
        given = Given(channel, faces, rows, sights, unheld)
        if not given.may_change_codes():
            return None
        # All codes of governing rows follow from these.
        key = ([one.leaf for one in rows], frozenset(sights), dict(faces), unheld, sorted(channel.openings))
        known = self._known
        review = Review(given, self._is_reused, known[1] if known and known[0] == key else None)
        self._known = key, review.codes
        return review

    def authority(self, channel: Channel, faces: Mapping[int, int]) -> Authority:
        """Who may speak, by all that the store holds. The asker's own: it remembers, and threads must not share it."""
        review = self.of(channel, faces)
        return review.authority if review else Pending(self._store).authority(channel)

    def now(self, channel: Channel) -> Authority:
        """The same by every proof that is kept here, also one that is in no message yet: what is sent now will be judged by it."""
        return self.authority(channel, faces_now(self._store))

    def codes(self, channel: Channel) -> Callable[[Row], str | None]:
        """What gives the code that a row bears by every proof that is kept here; late entries of replaced logs aside."""
        faces = faces_now(self._store)
        review = self.of(channel, faces)

        def code(one: Row) -> str | None:
            if not stands(faces, one.log, one.index):
                return TWO_FACES
            return review.code(one) if review else one.void

        return code

    def _is_reused(self, one: Row) -> bool:
        return self._store.rests(one.log, [one.rest]).get(one.rest, one.index) < one.index


def faces_now(store: Store) -> dict[int, int]:
    """What conviction.two_faced will say when every proof that is kept here is in the record."""
    found: dict[int, int] = {}
    for one in store.proofs():
        if one.kind in HISTORIES and one.from_index is not None:
            index = UNOPENED if one.kind == _TWO_OPENINGS else one.from_index
            found[one.log] = min(index, found.get(one.log, index))
    return found


def note_unheld(store: Store, pending: Pending, change: Change, seen: Mapping[int, int]) -> None:
    """Write down that an entry is taken which has seen more of a frozen log than is held here."""
    for log, size in seen.items():
        if size > pending.size(log):
            name = f"{_UNHELD}{log}"
            known = change.meta.get(name) or store.meta(name)
            if known is None or int(known) > pending.size(log):
                change.meta[name] = str(pending.size(log)).encode()


def came_late(store: Store, seen: Mapping[int, int]) -> bool:
    """Whether something below an entry that has seen so much may have come after it was admitted: of a frozen log, which is not waited
    for."""
    return any(size > int(kept) for log, size in seen.items() if (kept := store.meta(f"{_UNHELD}{log}")) is not None)
