"""Proofs of messages, made from what a node holds. spec/proof.md."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ..errors import LocalError
from ..record.kinds import COMMON, UNDERSTOOD
from ..record.message import Body, disclose, entry_of, message_of
from ..store.interface import KeptCheckpoint
from ..tlog import merkle
from ..tlog.proof import Proof
from ..verifier import write_extra
from .view import Ref, View


def prove(view: View, ref: Ref, reveal: Sequence[str] | None) -> bytes:
    """A C2SP tlog-proof of a message; `reveal` names the fields to show (None: all). Raises LocalError ref.missing, field.unknown."""
    one = view.row(ref)
    message = message_of(one)
    shown = set(message.body) if reveal is None else {_field(one.kind, name, message.body) for name in reveal}
    kept = best_checkpoint(view, ref)
    path = merkle.inclusion_path(view.node_reader(one.log), one.index, kept.size)
    extra = write_extra(entry_of(one), disclose(one.seed, message.body, shown))
    return Proof(one.index, tuple(path), view.note(kept), extra).encode()


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
