"""What a guarantor's node attests of others' devices: what they would not receipt, and what they would not serve. spec/withholding.md.

Two parties alone cannot force a receipt out of an unwilling one. A guarantor that held the message, offered it and went on talking with the
device can say so: in field 19 of its line checks, as facts of machines, from its store alone. It never says it of a device that was away,
slow, or cut off from one side, nor of one that told why it waits. What tells those apart is which sealing key the device used: a bundle
sealed to a key of ours shows that the device had read a bundle of ours that was written when that key was there already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .. import limits
from ..exchange.bundle import Told
from ..record import encoding
from ..record.channel import Channel
from ..record.fields import Json, show_time
from ..record.kinds import KINDS
from ..record.message import Body, message_of
from ..store.interface import Change, FreshKey, Peer, Store
from ..tlog.note import COSIGNATURE_ED25519
from .composing import in_force

if TYPE_CHECKING:
    from .node import Node
    from .view import View

FIELD: Final = 19  # of a line check
MOST: Final = 64  # of one line check
RECEIPT, ENTRIES = 1, 2
WORDS: Final = {RECEIPT: "receipt", ENTRIES: "entries"}
_SAID: Final = "withheld"  # meta of a guarantor: cbor([[by, what, log, size], ...]), what it attested and has not seen settled
_LINE_CHECK: Final = KINDS["line_check"]
_DAY: Final = 86400
_MOST_WAIT: Final = 6 * _DAY  # our sealing keys live for seven days after a newer one was used
_AHEAD: Final = 200  # messages that fit one bundle, however long they are
_SHOWN_SECONDS: Final = 30 * _DAY
_REASONS: Final = ("hold.", "log.")
_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Claim:
    """`by` withholds the receipt for, or the entries of, `log` up to `size`, since `since`; it `spoke` last then. POSIX seconds."""

    by: int
    what: int
    log: int
    size: int
    since: int
    spoke: int

    def value(self) -> encoding.Value:
        """As it stands in a line check."""
        return {1: self.by, 2: self.what, 3: self.log, 4: self.size, 5: self.since, 6: self.spoke}


def write(node: Node, body: Body) -> dict[str, bytes]:
    """Put into the body of a line check what is to be attested now. Returns what to keep in meta. Only a guarantor's node attests; of what
    it attested already it says nothing again until it is more."""
    if node.channel.party(node.own).role != "guarantor":
        return {}
    before = _read(node.store.meta(_SAID))
    found = {(one.by, one.what, one.log): one for one in claims(node)}
    fresh = [one for key, one in sorted(found.items()) if one.size > before.get(key, 0)][:MOST]
    if fresh:
        body[FIELD] = [one.value() for one in fresh]
    said = {(one.by, one.what, one.log): one.size for one in fresh}
    after = {key: said.get(key, before.get(key, 0)) for key in found}
    kept = {key: size for key, size in after.items() if size}
    return {} if kept == before else {_SAID: encoding.encode([[*key, size] for key, size in sorted(kept.items())])}


def _read(kept: bytes | None) -> dict[tuple[int, int, int], int]:
    items: list[list[int]] = encoding.decode(kept, _BYTES) if kept else []  # type: ignore[assignment]
    return {(by, what, log): size for by, what, log, size in items}


def claims(node: Node) -> Iterator[Claim]:
    """What can be said of each device of a party, by what the store holds."""
    wait = min(in_force(node).charter.clocks["line_check"], _MOST_WAIT)
    frozen = {log for log, state in node.store.states().items() if state.frozen}
    for number, peer in sorted(node.store.peers().items()):
        if number not in node.channel.logs or node.channel.party(number).role != "party":
            continue
        if node.channel.successors_of(number) or number in frozen:
            continue
        keys = _keys(node.store, number, wait)
        if keys is not None:
            yield from _receipts(node, peer, keys[0].made, frozen)
            yield from _entries(node, peer, keys[0].made)


def _keys(store: Store, peer: int, wait: int) -> tuple[FreshKey, FreshKey] | None:
    """Of our sealing keys that a device has used: the newest, and before it the newest that was made so many seconds earlier. The device
    has read a bundle of ours from after the making of the first, has answered, and has read another from after the making of the second."""
    used = store.meta(f"used/{peer}")
    known = store.fresh_keys(peer)
    newest = next((key for key in known if key.key_id == used), None)
    older = [key for key in known if newest and key.made < newest.made and newest.made - key.made >= wait]
    return (older[-1], newest) if newest and older else None


def _receipts(node: Node, peer: Peer, offered: int, frozen: set[int]) -> Iterator[Claim]:
    """The logs of others that we held so far when we began to offer them, and of which the device has neither cosigned that much nor says
    that it has it. Ours goes first and others by number, as bundles are filled: what lies behind much else may be on its way."""
    channel, party = node.channel, node.channel.party_of(peer.number)
    excused = reasons(node.store, peer.number) | frozen
    ahead = 0
    sizes = {log: state.size for log, state in node.store.states().items() if log in channel.logs and channel.party_of(log) != party}
    for log in sorted(sizes, key=lambda one: (one != node.own, one)):
        has = max(peer.heads.get(log, 0), node.store.covered(log).get(peer.number, 0))
        if ahead > _AHEAD:
            return
        if log not in excused and has < sizes[log] and not _is_crowded(channel, log):
            held = _held(node, log, has, offered)
            if held > has:
                yield Claim(peer.number, RECEIPT, log, held, offered, peer.spoke)
        ahead += max(0, sizes[log] - has)


def _is_crowded(channel: Channel, log: int) -> bool:
    """Whether a later log is one of as many as its party may have: then another device may have let in others of them."""
    later = sum(one in channel.openings for one in channel.logs_of(channel.party_of(log)))
    return log in channel.openings and later >= limits.LATER_LOGS_PER_PARTY


def _held(node: Node, log: int, above: int, at: int) -> int:
    """How many entries of a log we held and had cosigned before a time, if that is more than `above`; of our own, had written."""
    if log == node.own:
        later = next(node.store.scan(log=log, since=at), None)
        return later.index if later else node.store_size(log)
    ours = (c for c in node.store.cosigned_since(log, above) if c.by == node.own and c.kind == COSIGNATURE_ED25519)
    return max((c.size for c in ours if c.time < at), default=0)


def _entries(node: Node, peer: Peer, asked: int) -> Iterator[Claim]:
    """That a device does not serve what its own key signed a checkpoint over. What waits here, or was refused here, was served; and if even
    one entry of it came since, it may be slow."""
    log, store = peer.number, node.store
    beyond = _beyond_kept(store.meta(_beyond(log)))
    if beyond is None or beyond.since > asked or node.store_size(log) > beyond.held:
        return
    if any(run.log == log for run in store.shelved(data=False)):
        return
    if any(refused.log == log and refused.time >= beyond.since for refused in store.refused(data=False)):
        return
    yield Claim(log, ENTRIES, log, beyond.size, beyond.since, peer.spoke)


# --- What is noted when bundles are taken ---


@dataclass(frozen=True, slots=True)
class _Beyond:
    """A checkpoint of `size` entries came at `since`, POSIX seconds, when `held` of them were here."""

    size: int
    since: int
    held: int


def note_beyond(store: Store, change: Change, log: int, size: int, *, held: int, now: int) -> None:
    """A checkpoint that a log's own key signed reaches further than what is held of it: remember the first after the last entry that came,
    since whoever serves entry by entry withholds nothing."""
    known = _beyond_kept(change.meta.get(_beyond(log)) or store.meta(_beyond(log)))
    if known is None or known.held < held:
        change.meta[_beyond(log)] = encoding.encode([size, now, held])


def _beyond(log: int) -> str:
    return f"beyond/{log}"


def _beyond_kept(kept: bytes | None) -> _Beyond | None:
    """What is kept; None for what an older version kept, which did not say how much was here."""
    values = encoding.array(encoding.decode(kept)) if kept else []
    return _Beyond(*map(encoding.uint, values)) if len(values) == 3 else None


def note_reasons(store: Store, change: Change, channel: Channel, sender: int, told: Iterable[Told]) -> None:
    """Remember of which other logs a device tells that it cannot take them now."""
    logs = sorted({one.log for one in told if one.code.startswith(_REASONS) and one.log in channel.logs})
    if logs != sorted(reasons(store, sender)):
        change.meta[f"told/{sender}"] = encoding.encode(list(logs))


def told_to(node: Node, peer: int) -> list[Told]:
    """What a guarantor is to know of the logs of others: that runs of them wait here, and why, or that one showed two histories. Without it
    the guarantor would have to say that we withhold our receipt."""
    if node.channel.party(peer).role != "guarantor" or node.channel.party(node.own).role == "guarantor":
        return []
    channel, between = node.channel, {node.channel.party_of(peer), node.channel.party_of(node.own)}
    found = {(run.log, run.code) for run in node.store.shelved(data=False)}
    found |= {(state.number, "log.frozen") for state in node.store.states().values() if state.frozen}
    return [Told(code, log, "") for log, code in sorted(found) if log in channel.logs and channel.party_of(log) not in between]


def reasons(store: Store, peer: int) -> set[int]:
    """The logs of which a device told, in its newest bundle, that it cannot take them now."""
    kept = store.meta(f"told/{peer}")
    return {encoding.uint(log) for log in encoding.array(encoding.decode(kept))} if kept else set()


# --- What others read ---


def standing_claims(view: View, now: int) -> list[dict[str, Json]]:
    """What guarantors attested in the last 30 days that is not settled here: `by`, `what`, `log`, `size`, `since`, `spoke`, and `ref` of
    the newest line check that says it. `now` in POSIX seconds."""
    found: dict[tuple[int, int, int], tuple[str, Claim]] = {}
    guarantors = [log for log in view.channel.logs if view.channel.party(log).role == "guarantor"]
    for log in guarantors:
        for row in view.store.scan(kinds=[_LINE_CHECK], log=log, since=max(0, now - _SHOWN_SECONDS)):
            for one in said_in(message_of(row).body) if row.void is None else ():
                found[one.by, one.what, one.log] = (view.name(row.log, row.index), one)
    return [
        {
            "by": view.channel.log_name(one.by),
            "what": WORDS[one.what],
            "log": view.channel.log_name(one.log),
            "size": one.size,
            "since": show_time(one.since),
            "spoke": show_time(one.spoke),
            "ref": ref,
        }
        for ref, one in found.values()
        if not _settled(view, one)
    ]


def said_in(body: Body) -> Iterator[Claim]:
    """The claims of a line check whose schema was checked."""
    items = body.get(FIELD, [])
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            yield Claim(*(encoding.uint(item[number]) for number in range(1, 7)))


def _settled(view: View, one: Claim) -> bool:
    """Whether what was withheld has come since, as far as this node knows."""
    if one.what == RECEIPT:
        return view.store.covered(one.log).get(one.by, 0) >= one.size
    state = view.store.states().get(one.log)
    return state is not None and state.size >= one.size
