"""Proofs of messages, made from what a node holds. spec/proof.md."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Final

from ..errors import LocalError
from ..record.authority import Authority
from ..record.kinds import COMMON, KINDS, UNDERSTOOD
from ..record.message import RELEASES, Body, Disclosure, disclose, entry_of, message_of
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

    It bears what the verifier needs besides the charter: the `keys` and `amendment` messages below the message, and the openings of
    later logs.
    """
    one = view.row(ref)
    message = message_of(one)
    shown = set(message.body) if reveal is None else {_field(one.kind, name, message.body) for name in reveal}
    governing = view.store.governing()
    authority = Authority(view.channel, governing)
    if one.kind == KEYS:  # what else it says decides who must have released it
        shown = set(message.body)
    if authority.at(one.log, one.index, message.seen).asked:  # a hidden release releases nothing, and the stance says how many it takes
        shown |= {RELEASES} | ({STANCE} if one.kind == _REPLY else set())
    kept = best_checkpoint(view, ref)
    extra = Extra(
        entry_of(one),
        disclose(one.seed, message.body, shown),
        tuple(_support(view, row) for row in _below(authority, governing, one)),
        tuple(file for _, file in sorted(view.store.openings().items())),
    )
    return Proof(one.index, _path(view, one, kept), view.note(kept), extra.encode()).encode()


def _path(view: View, one: Row, kept: KeptCheckpoint) -> tuple[bytes, ...]:
    return tuple(merkle.inclusion_path(view.node_reader(one.log), one.index, kept.size))


def _below(authority: Authority, governing: Iterable[Row], one: Row) -> list[Row]:
    """The rows that say of officers or terms what governs a row, those that govern these, and so on, in order of (log, index). What says an
    address or a telephone number alone, or assents to what is not in force, decides nothing, and stays out of a file that a stranger will
    read: or another party could write so much of it that no proof is small enough for the verifier."""
    rows = {(row.log, row.index): row for row in governing}
    found: dict[Ref, Row] = {}
    due = [one]
    while due:
        row = due.pop()
        for place in authority.deciding(row.log, row.index, message_of(row).seen):
            if place not in found:
                found[place] = rows[place]
                due.append(rows[place])
    return [found[place] for place in sorted(found)]


def _support(view: View, one: Row) -> Support:
    kept = view.store.next_checkpoint(one.log, one.index + 1)
    if kept is None:
        raise LocalError("store.damaged", f"no checkpoint covers {view.name(one.log, one.index)}")
    message = message_of(one)
    whole: Disclosure = disclose(one.seed, message.body, set(message.body))
    bare = SignedCheckpoint.parse(view.checkpoint(kept).text().encode() + b"\n" + kept.lines)
    return Support(one.log, one.index, entry_of(one), whole, _path(view, one, kept), bare.encode())


def _field(kind: int, name: str, body: Body) -> int:
    fields = UNDERSTOOD[kind].all_fields if kind in UNDERSTOOD else dict(COMMON)
    if name not in fields or fields[name].number not in body:
        there = [known for known, field in fields.items() if field.number in body]
        close = difflib.get_close_matches(name, there, 1)
        raise LocalError("field.unknown", f"{name}; it has {', '.join(there)}" + (f"; perhaps {close[0]}" if close else ""))
    return fields[name].number


def best_checkpoint(view: View, ref: Ref) -> KeptCheckpoint:
    """The checkpoint over the message that most different cosigners vouch for, the smallest of those; else the smallest there is."""
    log, index = ref
    sizes = {cosignature.size for cosignature in view.store.first_cosignatures(log, index)}
    best: tuple[int, int] | None = None
    for size in sorted(sizes):
        voices = len({c.by for c in view.store.cosignatures(log, size)})
        if best is None or voices > best[0]:
            best = (voices, size)
    kept = view.store.checkpoint(log, best[1]) if best else view.store.next_checkpoint(log, index + 1)
    if kept is None:
        raise LocalError("store.damaged", f"no checkpoint covers {view.name(log, index)}")
    return kept
