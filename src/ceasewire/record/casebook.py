"""All cases of a record, in memory: the reference for whoever keeps them in tables. spec/case.md.

`Casebook` is fed every row in record order and answers as `case_record.Record`. It folds a case when it is asked for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from . import case_shown, clocks
from .bodies_line import CHANNEL_STATUS
from .case import Case
from .case_asks import ask, asks, of_case
from .case_fold import fold
from .case_record import Belonging, Received, belonging, word
from .channel import Channel
from .charter import Charter
from .clocks import Ask, Clock, Span, Suspensions
from .conviction import NOT_STANDING
from .fields import Json
from .kinds import KINDS, UNDERSTOOD, references
from .message import EXERCISE, Body
from .notices import Match, Notices
from .order import Placed, RefTuple, placed, seen_of
from .standing import written
from .values import Cosignature, Row
from .words import CHANNEL_STATUSES


@dataclass(slots=True)
class Stairs:
    """The proofs that one party received a log, each of more entries than those before it: of any entry the first is one step."""

    sizes: list[int] = field(default_factory=list)
    proofs: list[Received] = field(default_factory=list)

    def reached(self) -> int:
        """How many entries are proved so far."""
        return self.sizes[-1] if self.sizes else 0

    def climb(self, size: int, proof: Received) -> None:
        """A later proof, which counts for what no earlier one covers."""
        if size > self.reached():
            self.sizes.append(size)
            self.proofs.append(proof)

    def first(self, index: int) -> Received | None:
        """The first proof that covers an entry."""
        step = bisect_right(self.sizes, index)
        return self.proofs[step] if step < len(self.sizes) else None


class Casebook:
    """See the module's text. `proved(cosignature)` says whether a cosignature that a line check writes down verifies over the log as it is
    held; `governs(row)` gives the charter in force for an entry, by default the channel's own."""

    def __init__(self, channel: Channel, proved: Callable[[Cosignature], bool], governs: Callable[[Row], Charter] | None = None) -> None:
        self._channel = channel
        self._proved = proved
        self._governs = governs or (lambda _: channel.charter)
        self._rows: dict[RefTuple, Placed] = {}
        self._of: dict[RefTuple, Belonging] = {}
        self._members: dict[RefTuple, list[Placed]] = {}  # of every case, in the order in which they began
        self._naming: dict[RefTuple, list[Placed]] = {}
        self._asking: list[Placed] = []
        self._stairs: dict[int, dict[int, Stairs]] = {}  # log -> party -> its proofs
        self._seen: dict[int, bytes] = {}  # log -> its newest entry's `seen`
        self._notices = Notices()
        self._suspensions = (Suspensions(), Suspensions())
        self._began: int | None = None
        self._folded: dict[RefTuple, Case] = {}
        self._clocks: dict[RefTuple, Clock] | None = None

    def feed(self, rows: Iterable[Row]) -> Casebook:
        """Take rows that come sorted by time; none of a second that was fed before."""
        return self.take(placed(rows))

    def take(self, rows: Iterable[Placed]) -> Casebook:
        """Take entries in record order; none that lies before one that was taken."""
        self._folded.clear()
        self._clocks = None
        for one in rows:
            self._take(one)
        return self

    def _take(self, one: Placed) -> None:
        row = one.row
        self._rows[one.ref] = one
        if self._began is None:
            self._began = row.time
        if row.seen != self._seen.get(row.log) and row.void not in NOT_STANDING:  # what does not stand shows nothing of other logs
            self._seen[row.log] = row.seen
            proof = Received(one.place, self._channel.party_of(row.log), row.time)
            for log, size in seen_of(row.seen).items():
                self._stairs_of(log, proof.party).climb(size, proof)
        if row.kind in UNDERSTOOD:
            self._understood(one, one.body())

    def _understood(self, one: Placed, body: Body) -> None:
        found = belonging(one, body, self._channel, self._brought)
        if found:
            self._of[one.ref] = found
            for key in (*found.keys, *found.joins):
                if key == one.ref:
                    self._members[key] = []
                else:
                    self._members[key].append(one)
        if one.row.void is not None:
            return
        for ref in dict.fromkeys(references(body)):
            self._naming.setdefault(ref, []).append(one)
        if asks(one, body):
            self._asking.append(one)
        act = _KEPT.get(one.row.kind)
        if act:
            act(self, one, body)

    def _brought(self, ref: RefTuple) -> Belonging | None:
        """To what a message brings those that name it: nothing, if it is void."""
        one = self._rows.get(ref)
        return self._of.get(ref) if one and one.row.void is None else None

    def _line_check(self, one: Placed, body: Body) -> None:
        """The cosignatures that a line check writes down, of sizes its writer held."""
        seen = seen_of(one.row.seen)
        for cosigned in written(one.row):
            bound = one.row.index if cosigned.log == one.row.log else seen.get(cosigned.log, 0)
            if cosigned.by not in self._channel.logs or cosigned.size > bound:
                continue
            party = self._channel.party_of(cosigned.by)
            stairs = self._stairs_of(cosigned.log, party)
            if cosigned.size > stairs.reached() and self._proved(cosigned):
                stairs.climb(cosigned.size, Received(one.place, party, cosigned.time))

    def _notice(self, one: Placed, body: Body) -> None:
        self._notices.feed_notice(one.place, self._channel.party_of(one.row.log), body)

    def _withdrawal(self, one: Placed, body: Body) -> None:
        self._notices.feed_withdrawal(one.place, self._channel.party_of(one.row.log), body)

    def _channel_status(self, one: Placed, body: Body) -> None:
        if self._channel.party(one.row.log).role != "observer":
            suspend(self._suspensions[body[EXERCISE] is True], self._channel.party_of(one.row.log), one, body)

    def _stairs_of(self, log: int, party: int) -> Stairs:
        return self._stairs.setdefault(log, {}).setdefault(party, Stairs())

    # --- case_record.Record ---

    @property
    def channel(self) -> Channel:
        """The channel whose record it is."""
        return self._channel

    def placed(self, ref: RefTuple) -> Placed | None:
        """See Record."""
        return self._rows.get(ref)

    def members(self, key: RefTuple) -> list[Placed]:
        """See Record."""
        return self._members[key]

    def naming(self, ref: RefTuple) -> list[Placed]:
        """See Record."""
        return self._naming.get(ref, [])

    def receipts(self, ref: RefTuple) -> list[Received]:
        """See Record."""
        found = (stairs.first(ref[1]) for stairs in self._stairs.get(ref[0], {}).values())
        return sorted(proof for proof in found if proof)

    def charter(self, one: Placed) -> Charter:
        """See Record."""
        return self._governs(one.row)

    def began(self) -> int:
        """See Record."""
        return self._began or 0

    def matches(self, one: Placed, body: Body) -> list[Match]:
        """See Record."""
        return self._notices.matches(one.place, body)

    def suspensions(self, exercise: bool) -> list[Span]:
        """See Record."""
        return self._suspensions[exercise].spans

    def clock(self, ref: RefTuple) -> Clock | None:
        """See Record."""
        return self.clocks().get(ref)

    # --- Cases ---

    def clocks(self) -> Mapping[RefTuple, Clock]:
        """Every clock of a message that asks, by that message."""
        if self._clocks is None:
            found = (self._ask(one) for one in self._asking)
            self._clocks = clocks.run((one for one in found if one), self._channel.charter.quotas["running_clocks_per_party"])
        return self._clocks

    def _ask(self, one: Placed) -> Ask | None:
        return of_case(self, self.case(one.ref)) if one.row.kind == KINDS["notification"] else ask(self, one)

    def __iter__(self) -> Iterator[RefTuple]:
        """The keys of all cases, in record order."""
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def of(self, ref: RefTuple) -> tuple[RefTuple, ...]:
        """The keys of the cases a message belongs to; none if it belongs to no case."""
        found = self._of.get(ref)
        return found.keys if found else ()

    def case(self, key: RefTuple) -> Case:
        """One case. Raises KeyError if there is none of that key."""
        if key not in self._folded:
            self._folded[key] = fold(self, key)
        return self._folded[key]

    def summary(self, key: RefTuple) -> dict[str, Json]:
        """What `ceasewire cases` lists. Raises KeyError."""
        return case_shown.summary(self, self.case(key))

    def whole(self, key: RefTuple) -> dict[str, Json]:
        """What `ceasewire case` shows. Raises KeyError."""
        return case_shown.whole(self, self.case(key))


def suspend(suspensions: Suspensions, party: int, one: Placed, body: Body) -> None:
    """Feed one `channel_status` message, which is not void."""
    start, until = body.get(CHANNEL_STATUS["from"].number), body.get(CHANNEL_STATUS["until"].number)
    suspensions.feed(
        party,
        one.row.time,
        word(CHANNEL_STATUSES, body.get(CHANNEL_STATUS["status"].number)),
        start if isinstance(start, int) else None,
        until if isinstance(until, int) else None,
    )


_KEPT: Mapping[int, Callable[[Casebook, Placed, Body], None]] = {
    KINDS["line_check"]: Casebook._line_check,
    KINDS["notice"]: Casebook._notice,
    KINDS["withdrawal"]: Casebook._withdrawal,
    KINDS["channel_status"]: Casebook._channel_status,
}
