"""Proofs of messages, made from what a node holds. spec/proof.md."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Final

from ..errors import LocalError
from ..record.authority import Authority
from ..record.kinds import COMMON, KINDS, UNDERSTOOD
from ..record.message import Body, Disclosure, disclose, entry_of, message_of
from ..record.release import KEYS, STANCE
from ..record.values import Row
from ..store.interface import KeptCheckpoint
from ..tlog import merkle
from ..tlog.checkpoint import SignedCheckpoint
from ..tlog.proof import Proof
from ..verifier import Extra, Support
from .view import Ref, View

_REPLY: Final = KINDS["reply"]


def prove(view: View, ref: Ref, reveal: Sequence[str] | None) -> bytes:
    """A C2SP tlog-proof of a message; `reveal` names the fields to show (None: all). Raises LocalError ref.missing, field.unknown.

    It bears what the verifier needs besides the charter: the `keys` and `amendment` messages below the message, the openings of later
    logs, and where it matters the entries that show how much of a replaced log counts.
    """
    one = view.row(ref)
    message = message_of(one)
    shown = set(message.body) if reveal is None else {_field(one.kind, name, message.body) for name in reveal}
    authority = view.reviews.now(view.channel)
    if one.kind == KEYS:  # what else it says decides who must have released it
        shown = set(message.body)
    if one.kind == _REPLY and authority.at(one.log, one.index, message.seen).asked:
        shown.add(STANCE)  # which says how many it takes
    kept = best_checkpoint(view, ref)
    extra = Extra(
        entry_of(one),
        disclose(one.seed, message.body, shown),
        tuple(_support(view, row, whole=whole) for row, whole in _below(view, authority, one)),
        tuple(file for _, file in sorted(view.store.openings().items())),
    )
    return Proof(one.index, _path(view, one, kept), view.note(kept), extra.encode()).encode()


def _path(view: View, one: Row, kept: KeptCheckpoint) -> tuple[bytes, ...]:
    return tuple(merkle.inclusion_path(view.node_reader(one.log), one.index, kept.size))


def _below(view: View, authority: Authority, one: Row) -> list[tuple[Row, bool]]:
    """The rows that say of officers or terms what governs a row, those that govern these, and so on, in order of (log, index). What says an
    address or a telephone number alone, or assents to what is not in force, decides nothing, and stays out of a file that a stranger will
    read: or another party could write so much of it that no proof is small enough for the verifier.

    Each is whole (True), or one of which only what it has seen counts: see `verifier.Support`.
    """
    found: dict[Ref, tuple[Row, bool]] = {}
    shown: set[Ref] = set()
    due = [one]
    while due:
        row = due.pop()
        seen = message_of(row).seen
        places = [place for place in authority.deciding(row.log, row.index, seen) if place not in found]
        rows = view.store.at(places)
        found |= {(one.log, one.index): (one, True) for one in rows}
        due += rows
        sights = authority.sights(row.log, row.index, seen)
        shown |= {(sight.log, index) for sight in sights for index in (sight.index - 1, sight.index) if index >= 0}
    found |= {(one.log, one.index): (one, False) for one in view.store.at(sorted(shown - found.keys()))}
    return [found[place] for place in sorted(found)]


def _support(view: View, one: Row, *, whole: bool) -> Support:
    kept = view.store.next_checkpoint(one.log, one.index + 1)
    if kept is None:
        raise LocalError("store.damaged", f"no checkpoint covers {view.name(one.log, one.index)}")
    message = message_of(one)
    shown: Disclosure = disclose(one.seed, message.body, set(message.body) if whole else set())
    bare = SignedCheckpoint.parse(view.checkpoint(kept).text().encode() + b"\n" + kept.lines)
    return Support(one.log, one.index, entry_of(one), shown, _path(view, one, kept), bare.encode())


def _field(kind: int, name: str, body: Body) -> int:
    fields = UNDERSTOOD[kind].all_fields if kind in UNDERSTOOD else dict(COMMON)
    if name not in fields or fields[name].number not in body:
        there = [known for known, field in fields.items() if field.number in body]
        close = difflib.get_close_matches(name, there, 1)
        raise LocalError("field.unknown", f"{name}; it has {', '.join(there)}" + (f"; perhaps {close[0]}" if close else ""))
    return fields[name].number


def best_checkpoint(view: View, ref: Ref) -> KeptCheckpoint:
    """Of the checkpoints over the message those that as many witnesses cosigned as the charter's quorum asks for, or all if there is none
    such; of them the one that most different cosigners vouch for, then the smallest."""
    log, index = ref
    sizes = {cosignature.size for cosignature in view.store.first_cosignatures(log, index)}
    enough = {size for size in sizes if meets_quorum(view, log, size)} or set(_first_meeting(view, log, index))
    voices = {size: len({c.by for c in view.store.cosignatures(log, size)}) for size in enough or sizes}
    best = max(sorted(voices), key=voices.__getitem__, default=None)
    kept = view.store.checkpoint(log, best) if best else view.store.next_checkpoint(log, index + 1)
    if kept is None:
        raise LocalError("store.damaged", f"no checkpoint covers {view.name(log, index)}")
    return kept


def meets_quorum(view: View, log: int, size: int) -> bool:
    """Whether as many witnesses as the charter asks for cosigned the log at that size."""
    quorum = view.channel.charter.quorum
    return not quorum or len({one.by for one in view.store.cosignatures(log, size) if one.by < 0 and view.line(one)}) >= quorum


def _first_meeting(view: View, log: int, index: int) -> Iterator[int]:
    """The smallest size above the index at which the quorum is met, if there is one: witnesses that were away left gaps."""
    while sizes := [one.size for one in view.store.first_cosignatures(log, index) if one.by < 0]:
        index = min(sizes)
        if meets_quorum(view, log, index):
            yield index
            return
