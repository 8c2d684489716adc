"""What a node asks of the derived database: tables that are computed from the store (node/derived.py) and may be deleted at any time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

Ref: TypeAlias = tuple[int, int]
OrderKey: TypeAlias = tuple[int, int, int, int]
"""Time, level, log, index: a message's place in record order (record/order.py)."""


class Lost(Exception):
    """The derived database could not be used, and another, perhaps an empty one, has taken its place: begin again."""


class Item(NamedTuple):
    """What lists ask of a message. `void` is the code it bears in the record, `log.replaced` and `log.two_faces` included; `watch` whether
    it is a watch check by people."""

    time: int
    level: int
    log: int
    idx: int
    kind: int
    party: int
    void: str | None
    watch: bool

    @property
    def ref(self) -> Ref:
        """Log and index."""
        return (self.log, self.idx)

    @property
    def key(self) -> OrderKey:
        """Its place in record order."""
        return (self.time, self.level, self.log, self.idx)


class Proof(NamedTuple):
    """A proof that a party received something: the place of the entry that proves it, which of that entry's proofs it is, the party's
    position, and since when by the party's own word, POSIX seconds."""

    place: OrderKey
    ordinal: int
    party: int
    time: int


class KeptClock(NamedTuple):
    """A message's clock (record/clocks.py): when it starts and is due, when it ended, POSIX seconds, and what it waited for."""

    start: int | None
    due: int | None
    ended: int | None
    behind: Ref | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages a list shows: all that is given must hold. `since` and `until` in POSIX seconds, both inclusive; `case` the key of a
    case; `after` a place in record order, exclusive. `search` is phrases, each of folded words; the last word of the last phrase may be
    the beginning of a longer one if `prefix`."""

    kind: int | None = None
    log: int | None = None
    party: int | None = None
    since: int | None = None
    until: int | None = None
    void: bool | None = None
    case: Ref | None = None
    after: OrderKey | None = None
    search: Sequence[Sequence[str]] = ()
    prefix: bool = True
    others: int | None = None
    without: Sequence[int] = ()
    newest: bool = False


class DerivedTables(Protocol):
    """The tables, within one block of `Derived`. Every method may raise what makes the block raise Lost."""

    def reset(self) -> None:
        """Empty all tables."""

    def built(self) -> dict[str, bytes]:
        """What the tables were built from and by, as `set_built` was given it."""

    def set_built(self, name: str, value: bytes) -> None:
        """Keep one fact about that."""

    def logs(self) -> dict[int, tuple[int, bytes]]:
        """Log number -> how many of its messages are in, and their frontier's hashes."""

    def set_log(self, log: int, size: int, frontier: bytes) -> None:
        """Say so of one log."""

    def add(self, items: Iterable[tuple[Item, str]]) -> None:
        """Messages, each with its folded words, a space between two."""

    def item(self, ref: Ref) -> Item | None:
        """One message."""

    def items(self, wanted: Wanted) -> Iterator[Item]:
        """Messages in record order."""

    def is_out_of_step(self, log: int, end: int, code: str) -> bool:
        """Whether a message of a log that is not below `end` bears neither log.two_faces nor `code` here, or one that is below bears
        `code`."""

    def count_and_last(self, log: int, kind: int, watch: bool) -> tuple[int, int | None]:
        """How many messages of a log of that kind are not void, and the time of the last; only watch checks if `watch`."""

    def add_belonging(self, ref: Ref, keys: Sequence[Ref], joins: Sequence[Ref], exercise: bool) -> None:
        """To which cases a message belongs, and which it joins to its own."""

    def belonging(self, ref: Ref) -> tuple[tuple[Ref, ...], tuple[Ref, ...], bool] | None:
        """Keys, joins, and whether it is exercise; None of a message that belongs to no case."""

    def members(self, key: Ref) -> list[Item]:
        """What belongs or is joined to a case, but its notification, in record order."""

    def named(self, ref: Ref) -> list[Ref]:
        """What a message names."""

    def add_named(self, ref: Ref, named: Iterable[Ref]) -> None:
        """Say so."""

    def naming(self, ref: Ref) -> list[Item]:
        """What names a message, in record order."""

    def add_notice(self, ref: Ref, exercise: bool, start: int, stop: int) -> None:
        """A notice with its window, both POSIX seconds."""

    def notices(self, exercise: bool, start: int, stop: int) -> list[Ref]:
        """The notices whose windows touch a time."""

    # --- Proofs of receipt ---

    def add_steps(self, log: int, steps: Iterable[tuple[int, Mapping[int, int]]]) -> None:
        """For entries of a log: what each saw more than the entry before it."""

    def first_seen(self, of: int, size: int) -> list[Ref]:
        """Of each other log, its first entry that saw at least `size` entries of log `of`."""

    def add_written(self, log: int, size: int, proof: Proof) -> int | None:
        """A proof by a cosignature that a line check writes down. The index of the first message for which it may be the first proof by
        writing; None if earlier ones cover all."""

    def receipts(self, ref: Ref) -> list[Proof]:
        """Of each party the first proof that it received a message, in record order."""

    # --- Cases: what must be worked out again ---

    def touch(self, refs: Iterable[Ref]) -> None:
        """Messages that are new, or of which something else is known now."""

    def touch_range(self, log: int, start: int, stop: int, kinds: Iterable[int]) -> None:
        """Touch the messages start..stop-1 of a log that are of these kinds, as far as they are in."""

    def touched(self, limit: int) -> list[Ref]:
        """Some of those that were touched."""

    def untouch(self, refs: Iterable[Ref]) -> None:
        """They have been seen to."""

    def ask_again(self, refs: Iterable[Ref]) -> None:
        """Messages of which it must be worked out again what they bring to the clocks."""

    def to_ask(self, limit: int) -> list[Ref]:
        """Some of those."""

    def asked(self, refs: Iterable[Ref]) -> None:
        """It has been worked out."""

    def make_stale(self, keys: Iterable[Ref]) -> None:
        """Cases whose summary is not what it was."""

    def make_all_stale(self) -> None:
        """Every case that has a summary."""

    def stale(self, limit: int) -> list[Ref]:
        """Some of those."""

    def refresh(self, keys: Iterable[Ref]) -> None:
        """They have been summed up."""

    def stale_count(self) -> int:
        """How many there are."""

    # --- Cases: clocks and summaries ---

    def set_ask(self, ref: Ref, queue: str, value: str | None) -> set[str]:
        """What a message brings to the clocks of a queue, None for nothing; the queues of which something changed by that."""

    def asks(self, queue: str) -> Iterator[tuple[Ref, str]]:
        """All that a queue was brought."""

    def clocks(self, queue: str) -> dict[Ref, KeptClock]:
        """The clocks of a queue as they are kept."""

    def set_clocks(self, clocks: Iterable[tuple[Ref, KeptClock]]) -> None:
        """Keep clocks."""

    def clock(self, ref: Ref) -> tuple[str, KeptClock] | None:
        """What a message brought to the clocks, and the clock it got."""

    def overdue(self, now: int) -> list[Ref]:
        """Messages whose clock has passed its date without an end, by date. POSIX seconds."""

    def set_summaries(self, summaries: Iterable[tuple[OrderKey, str]]) -> None:
        """The summaries of the cases that begin at these places."""

    def summary(self, place: OrderKey) -> str | None:
        """The summary of one case, unless it is stale."""

    def summed_up_count(self) -> int:
        """How many summaries there are."""

    def summaries(self) -> Iterator[str]:
        """All, in record order."""


class Derived(Protocol):
    """The derived database, and who may use it when. Every block may raise Lost, and LocalError disk.failed."""

    def reading(self) -> AbstractContextManager[DerivedTables]:
        """One snapshot, to read."""

    def writing(self) -> AbstractContextManager[DerivedTables]:
        """The one right to write, in this and any other process; all that the block wrote is kept, or nothing if it raised."""

    def delete(self) -> None:
        """Delete all of it."""

    def close(self) -> None:
        """Let go of it."""
