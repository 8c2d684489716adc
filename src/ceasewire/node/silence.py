"""Silence proofs, made from what a node holds: that a party sent no message of a kind in a period. spec/silence.md.

What must come together lies scattered: the entries by which a guarantor and the receiver say which logs the party had, and for each of
these logs cosignatures of before and after. The makers below look for them, and say what is lacking and what to do where they find none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from .. import limits
from ..errors import LocalError
from ..record.kinds import kind_name
from ..record.message import Entry, entry_of
from ..record.notation import show_time
from ..record.opening import position_of
from ..record.order import seen_of
from ..record.silence import CHUNK_ENTRIES, Claim, Listing, Silence, Stretch, packed
from ..record.values import Cosignature, Row
from ..store.interface import KeptCheckpoint
from ..tlog import merkle
from ..tlog.checkpoint import SignedCheckpoint
from ..tlog.merkle import Frontier
from ..tlog.note import COSIGNATURE_ED25519
from ..verifier.silence import guarantors
from .view import View

_TRIED: Final = 64  # entries at or after the end of the period that are tried as a list, of each log
_BESIDES: Final = 48  # bytes of an encoded entry besides its `seen`, at most


def prove(view: View, kind: int, party: int, since: int, until: int) -> bytes:
    """A proof that a party (a position in the charter) sent no message of the kind from `since` on and before `until`, POSIX seconds.

    Raises LocalError usage; silence.broken, which names the message, if there is one; silence.list, silence.begins, silence.ends,
    silence.logs, which say what is lacking and what to do.
    """
    if since >= until:
        raise LocalError("usage", "--from is before --to")
    failed: list[LocalError] = []
    for by, holder in _voices(view, party):
        try:
            return _Maker(view, Claim(kind, party, since, until, by, holder)).make()
        except LocalError as error:
            failed.append(error)
    # That one was sent is said before what else is lacking. What is only dated in the period does not count if it came later: whoever
    # writes one with an old date takes nobody's silence away.
    failed.sort(key=lambda error: error.code != "silence.broken")
    if failed and failed[0].code != "silence.broken" and (row := next(_dated(view, kind, party, since, until), None)):
        raise LocalError("silence.broken", _said(view, row))
    raise failed[0] if failed else LocalError("usage", "no other party is here who could have received it")


def dated(view: View, kind: int, party: int, since: int, until: int) -> Iterator[str]:
    """References of the messages of the kind that the party dated within the period, whenever they came."""
    return (view.name(row.log, row.index) for row in _dated(view, kind, party, since, until))


def _dated(view: View, kind: int, party: int, since: int, until: int) -> Iterator[Row]:
    for row in view.store.scan(kinds=[kind], since=since):
        if row.time < until and row.log in view.channel.logs and view.channel.party_of(row.log) == party:
            yield row


def _said(view: View, row: Row) -> str:
    return f"{view.name(row.log, row.index)}, a {kind_name(row.kind)}, is dated {show_time(row.time)}"


def _voices(view: View, party: int) -> Iterator[tuple[int, int]]:
    """Who may vouch, and which device received: guarantors first, then witnesses, and the receiver alone where there is neither."""
    channel = view.channel
    others = [log for log in channel.live_logs() if channel.party_of(log) != party]
    holders = sorted((log for log in others if channel.party(log).role == "party"), key=lambda log: (log != view.own, log))
    named = [log for log in others if channel.party_of(log) in guarantors(channel, party)]
    strong = [*named, *(-1 - n for n in range(len(channel.witnesses)))]
    for holder in holders:
        for by in strong or [holder]:
            yield by, holder


@dataclass(frozen=True, slots=True)
class _Log:
    """One of the party's logs, as it is to be shown: from which entry to which, and under which cosignatures."""

    log: int
    start: int
    size: int
    lines: Sequence[Cosignature]


class _Maker:
    """One proof being made, for one witness and one receiver."""

    def __init__(self, view: View, claim: Claim) -> None:
        self.view = view
        self.claim = claim
        self.channel = view.channel
        self._cosigned: dict[int, list[Cosignature]] = {}

    def make(self) -> bytes:
        listings, chosen = self._choose()
        for one in chosen:
            self._refuse_if_sent(one)
        logs = {one.log for one in listings} | {one.log for one in chosen} | {line.by for one in chosen for line in one.lines}
        files = self.view.store.openings()
        stretches = [self._stretch(one) for one in chosen]
        listings = sorted(listings, key=lambda one: one.log)
        used = sorted(log for log in {*logs, self.claim.by, self.claim.holder} if log in files)
        data = Silence(self.channel.channel_id, self.claim, tuple(listings), tuple(stretches), tuple(files[log] for log in used)).encode()
        if len(data) > limits.SILENCE_BYTES:
            raise LocalError("usage", f"the proof would have {len(data)} bytes; prove shorter periods, one after the other")
        return data

    def name(self, by: int) -> str:
        return self.channel.cosigner_name(by)

    # --- Which logs, and how much of each ---

    def _choose(self) -> tuple[list[Listing], list[_Log]]:
        """The first lists by which every log's end is vouched for, and the logs that they name."""
        failed: LocalError | None = None
        for rows in self._lists():
            seen = [seen_of(one.seen) for one in rows]
            logs = sorted({log for each in seen for log in each if position_of(log) == self.claim.party})
            ends = {one.log: each for one, each in zip(rows, seen, strict=True)}
            try:
                chosen = [self._log(log, ends) for log in logs]
            except LocalError as error:
                failed = failed or error
                continue
            return [self._listing(one) for one in rows], chosen
        raise failed or self._lacks_list(self.claim.holder)

    def _lists(self) -> Iterator[list[Row]]:
        """Pairs of an entry of the guarantor's and one of the receiver's that may serve as lists; the receiver's alone where there is no
        guarantor."""
        mine = self._candidates(self.claim.holder)
        if not mine:
            raise self._lacks_list(self.claim.holder)
        if self.claim.by == self.claim.holder or not guarantors(self.channel, self.claim.party):
            yield from ([one] for one in mine)
            return
        named = guarantors(self.channel, self.claim.party)
        logs = [self.claim.by] if self.claim.by >= 0 else [log for log in self.channel.logs if self.channel.party_of(log) in named]
        theirs = [one for log in logs for one in self._candidates(log)]
        if not theirs:
            raise self._lacks_list(logs[0])
        # The earliest of each first; then later ones, since by those more was seen and cosigned.
        for far in range(max(len(mine), len(theirs))):
            yield [theirs[min(far, len(theirs) - 1)], mine[min(far, len(mine) - 1)]]
        for one in theirs:
            yield [one, mine[-1]]

    def _candidates(self, log: int) -> list[Row]:
        """Entries of a log dated at or after the end that stand in a checkpoint which the witness cosigned."""
        found = islice(self.view.store.scan(log=log, since=self.claim.until), _TRIED)
        return [one for one in found if self._over(one) is not None]

    def _over(self, one: Row) -> tuple[KeptCheckpoint, list[Cosignature]] | None:
        """The smallest checkpoint over an entry that the witness cosigned, or of its own party's logs any; and that cosignature."""
        by, store = self.claim.by, self.view.store
        if by >= 0 and self.channel.party_of(by) == self.channel.party_of(one.log):
            kept = store.next_checkpoint(one.log, one.index + 1)
            return (kept, []) if kept else None
        line = next((c for c in self._voiced(one.log, by) if c.size > one.index), None)
        kept = store.checkpoint(one.log, line.size) if line else None
        return (kept, [line]) if kept and line else None

    def _lacks_list(self, log: int) -> LocalError:
        until = show_time(self.claim.until)
        what = f"{self.name(log)} has no entry dated {until} or later here"
        by = self.claim.by
        if by != log and next(iter(self.view.store.scan(log=log, since=self.claim.until)), None) is not None:
            what = f"{self.name(by)} has not cosigned what {self.name(log)} wrote at or after {until}"
        return LocalError("silence.list", what)

    def _voiced(self, log: int, by: int) -> list[Cosignature]:
        """What one cosigner said of a log that is held here, in order of size, then time."""
        if log not in self._cosigned:
            self._cosigned[log] = self.view.store.cosigned_since(log, 0)
        return [c for c in self._cosigned[log] if c.by == by and (by < 0 or c.kind == COSIGNATURE_ED25519)]

    def _log(self, log: int, lists: Mapping[int, Mapping[int, int]]) -> _Log:
        """How one log is to be shown. Raises LocalError silence.logs, silence.ends."""
        if log not in self.channel.logs:
            raise LocalError("silence.logs", f"a log of {self.channel.slug(self.claim.party)} whose opening is not here")
        voices = dict.fromkeys((self.claim.by, self.claim.holder))
        ends = [line for by in voices for line in self._end(log, by, lists.get(by, {}).get(log, 0) if by in lists else None)]
        begin = self._begin(log)
        lines = [*([begin] if begin else []), *ends]
        size = max([one.size for one in lines] + [each.get(log, 0) for each in lists.values()])
        state = self.view.store.states().get(log)
        if state is None or state.size < size:
            raise LocalError(
                "silence.ends", f"{size} entries of {self.name(log)} were seen elsewhere, {state.size if state else 0} are here"
            )
        return _Log(log, begin.size if begin else 0, size, lines)

    def _begin(self, log: int) -> Cosignature | None:
        """The largest that the witness, or another device of its party, cosigned before the beginning."""
        party = self.channel.party_of(self.claim.by) if self.claim.by >= 0 else None
        devices = [self.claim.by] if party is None else self.channel.logs_of(party)
        found = [c for by in devices for c in self._voiced(log, by) if c.time < self.claim.since]
        return max(found, key=lambda c: (c.size, -c.time), default=None)

    def _end(self, log: int, by: int, seen: int | None) -> list[Cosignature]:
        """What shows how much a device had at or after the end: that much it cosigned then; or its entry, which has `seen` it, was written
        then (None: it lists nothing). Empty where its entry says that it had nothing."""
        if seen == 0:
            return []
        voiced = self._voiced(log, by)
        later = next((c for c in voiced if c.time >= self.claim.until), None)
        same = next((c for c in voiced if c.size == seen), None)
        found = min((c for c in (later, same) if c), key=lambda c: c.size, default=None)
        if found is None:
            state, until = self.view.store.states().get(log), show_time(self.claim.until)
            why = ", and the log showed two histories" if state and state.frozen else ""
            raise LocalError("silence.ends", f"no cosignature of {self.name(log)} by {self.name(by)} of {until} or later is here{why}")
        return [found]

    # --- What is shown of them ---

    def _refuse_if_sent(self, one: _Log) -> None:
        """Raises LocalError silence.broken, which names the message, where one of the kind is to be shown; silence.begins, silence.ends
        where it is dated before or after the period, and nothing says that it was there before, or not there then."""
        claim = self.claim
        for row in self._rows(one):
            if row.kind != claim.kind:
                continue
            what = f"{self.view.name(row.log, row.index)}, a {kind_name(row.kind)}, is dated {show_time(row.time)}"
            if row.time < claim.since:
                by, since = self.name(claim.by), show_time(claim.since)
                raise LocalError("silence.begins", f"{what}, and no cosignature by {by} from before {since} that covers it is here")
            if row.time >= claim.until:
                raise LocalError(
                    "silence.ends", f"{what}, and came before anybody vouched for {show_time(claim.until)}; choose an earlier --to"
                )
            raise LocalError("silence.broken", what)

    def _rows(self, one: _Log) -> Iterator[Row]:
        for at in range(one.start, one.size, CHUNK_ENTRIES):
            yield from self.view.store.rows(one.log, at, min(one.size, at + CHUNK_ENTRIES))

    def _entries(self, one: _Log) -> Iterator[Entry]:
        size = 0
        for row in self._rows(one):
            size += len(row.seen) + _BESIDES
            if size > limits.SILENCE_ENTRY_BYTES:
                raise LocalError("usage", f"the entries of {self.name(one.log)} are too long; prove shorter periods, one after the other")
            yield entry_of(row)

    def _stretch(self, one: _Log) -> Stretch:
        sizes = sorted({one.size, *(line.size for line in one.lines)})
        notes = [self._note(one.log, size, [line for line in one.lines if line.size == size]) for size in sizes]
        return Stretch(one.log, self._frontier(one.log, one.start), tuple(notes), tuple(packed(self._entries(one))))

    def _frontier(self, log: int, size: int) -> Frontier:
        read = self.view.node_reader(log)
        levels = [level for level in reversed(range(size.bit_length())) if size >> level & 1]
        return Frontier(size, tuple([read(level, (size >> level) - 1) for level in levels]))

    def _note(self, log: int, size: int, lines: Sequence[Cosignature]) -> bytes:
        kept = self.view.store.checkpoint(log, size)
        if kept is None:
            raise LocalError("store.damaged", f"no checkpoint of {size} entries of {self.name(log)}")
        return self._signed(kept, lines)

    def _signed(self, kept: KeptCheckpoint, lines: Sequence[Cosignature]) -> bytes:
        """The checkpoint under its log's Ed25519 line and the cosignatures that are needed, each once."""
        checkpoint = self.view.checkpoint(kept)
        own = SignedCheckpoint.parse(checkpoint.text().encode() + b"\n" + kept.lines).lines
        author = [line for line in own if line.is_by(self.channel.logs[kept.log].log[0])]
        found = [line for one in dict.fromkeys(lines) if (line := self.view.line(one))]
        return SignedCheckpoint(checkpoint, (*author, *found)).encode()

    def _listing(self, row: Row) -> Listing:
        found = self._over(row)
        if found is None:
            raise LocalError("store.damaged", f"no checkpoint covers {self.view.name(row.log, row.index)}")
        kept, lines = found
        path = merkle.inclusion_path(self.view.node_reader(row.log), row.index, kept.size)
        return Listing(row.log, row.index, entry_of(row), tuple(path), self._signed(kept, lines))
