"""What a conviction of two faces does to the record. PROTOCOL section 8; spec/misconduct.md, "What follows".

A line check may carry misconduct proofs. One of two histories that verifies takes the log's entries from the index that it proves on out of
the record, on every node alike: nobody can tell which of two histories another node holds. Any other party may carry it, in a line check
that may be void, since the proof speaks for itself; what does not verify is passed over. What a party carries against its own logs does not
count: nobody takes their own messages from the record alone, nor keeps others at work by doing so one by one.

Of two openings that cannot both be, one node knows this one and another that one, and so other keys of the log, or no such log. So all of
such a log is out of the record, its opening and the receipts by its keys too.

A function of the rows alone: in whatever order they came, every node that holds the same ones says the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Final

from ..errors import PeerError
from .bodies_line import LINE_CHECK, MISCONDUCT_MOST
from .channel import Channel
from .message import Body, message_of
from .misconduct import KINDS as KINDS_OF_PROOF
from .misconduct import Proof
from .opening import position_of
from .standing import REPLACED
from .values import Cosignature, Row
from .words import KINDS

TWO_FACES: Final = "log.two_faces"  # the void code of an entry that does not stand
NOT_STANDING: Final = frozenset({REPLACED, TWO_FACES})  # what bears one of these is in no record, and shows nothing of other logs
UNOPENED: Final = -1
"""In place of an index: nothing of the log stands, not even its opening and its keys."""
_LINE_CHECK: Final = KINDS["line_check"]
_MISCONDUCT: Final = LINE_CHECK["misconduct"].number
_REMEMBERED: Final = 1024
_TAKING: Final = ("two_faces", "two_leaves", "rewrite", "two_openings")  # kinds that take entries from the record


def carries(kind: int, body: Body) -> bool:
    """Whether a message of this kind with this body is a line check with misconduct proofs."""
    return kind == _LINE_CHECK and _MISCONDUCT in body


def carried(one: Row) -> list[bytes]:
    """The misconduct proofs that a line check carries, be it void or not; of any other row none. They are not verified."""
    body = message_of(one).body if one.kind == _LINE_CHECK else {}
    found = body.get(_MISCONDUCT, [])
    return [item for item in found if isinstance(item, bytes)][:MISCONDUCT_MOST] if isinstance(found, list) else []


class Court:
    """Judges proofs by a charter, and remembers what it judged: the same proof is carried by many."""

    def __init__(self, channel: Channel) -> None:
        """Later logs that `channel` knows decide nothing: a proof brings the opening that it needs."""
        self._channel = channel
        self._judged: OrderedDict[bytes, tuple[int, int] | None] = OrderedDict()

    def shows(self, proof: bytes) -> tuple[int, int] | None:
        """The log that a proof convicts, and the index from which on its entries do not stand, or UNOPENED; None for any other file, and
        for a proof that takes nothing from the record."""
        key = sha256(proof).digest()
        if key not in self._judged:
            self._judged[key] = self._judge(proof)
            if len(self._judged) > _REMEMBERED:
                self._judged.popitem(last=False)
        return self._judged[key]

    def add(self, found: dict[int, int], one: Row) -> None:
        """Lower the index of each log of another party of which a row's proofs take entries from the record."""
        for proof in carried(one):
            shown = self.shows(proof)
            if shown is not None and position_of(shown[0]) != position_of(one.log):
                log, index = shown
                found[log] = min(index, found.get(log, index))

    def _judge(self, proof: bytes) -> tuple[int, int] | None:
        try:
            read = Proof.decode(proof)
            if KINDS_OF_PROOF[read.kind] not in _TAKING:  # before a signature is looked at
                return None
            verdict = read.judge(read.accused(self._channel))
        except PeerError:
            return None
        index = UNOPENED if verdict.kind == "two_openings" else verdict.from_index
        return None if index is None else (verdict.log, index)


def two_faced(court: Court, rows: Iterable[Row]) -> dict[int, int]:
    """Log that showed two histories or was opened twice -> the index from which on its entries do not stand, or UNOPENED: the lowest that a
    carried proof says."""
    found: dict[int, int] = {}
    for one in rows:
        court.add(found, one)
    return found


def of_common(faces: Mapping[int, int], proved: Callable[[Cosignature], bool]) -> Callable[[Cosignature], bool]:
    """Whether a cosignature that a line check writes down shows anything, by the logs in `faces` that showed two histories (`two_faced`).

    `proved` says whether it verifies over the log as it is held here. One over more than the two histories share would verify only where
    that history is held, so it shows nothing to anybody; nor does one by a log that was opened twice, whose keys are others elsewhere.
    """
    return lambda one: one.size <= faces.get(one.log, one.size) and faces.get(one.by, 0) != UNOPENED and proved(one)


def opened_once(faces: Mapping[int, int], held: Iterable[int]) -> set[int]:
    """Of the logs of which an entry is held those that are in the record as logs: what was opened twice replaces nothing."""
    return {log for log in held if faces.get(log, 0) != UNOPENED}
