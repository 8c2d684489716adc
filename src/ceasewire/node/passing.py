"""Misconduct proofs between nodes: each bundle says which its sender keeps, and bears those that its reader then lacks. spec/bundle.md.

A peer that never says that it has a proof is offered it some times, and then once an hour: whoever claims to lack them all is not sent them
all with every bundle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Final

from .. import limits
from ..exchange.bundle import Told
from ..record import encoding
from ..record.misconduct import KINDS
from ..store.interface import KeptProof
from .convicting import HISTORIES

if TYPE_CHECKING:
    from .node import Node

HOLDS: Final = "proofs"  # what the sender says of the proofs against one log that it keeps
_KNOWN: Final = "proofs"  # meta, and the peer's number: cbor([[log, kind, index + 1 or 0], ...])
_TIMES: Final = 16  # a file may be as many bundles long
_AGAIN_SECONDS: Final = 3600

Held = dict[tuple[int, int], int | None]  # (log, kind) -> lowest index


def told(proofs: Sequence[KeptProof]) -> list[Told]:
    """Which proofs are kept here: `kind`, or `kind@index`, with spaces between, of each log."""
    by_log: dict[int, list[str]] = {}
    for one in proofs:
        by_log.setdefault(one.log, []).append(str(one.kind) if one.from_index is None else f"{one.kind}@{one.from_index}")
    return [Told(HOLDS, log, " ".join(kinds)) for log, kinds in by_log.items()]


def heard(node: Node, peer: int, said: Sequence[Told]) -> dict[str, bytes]:
    """What to keep in meta of what a peer says that it keeps; of proofs that we do not keep ourselves, nothing."""
    ours = {one.log for one in node.store.proofs()}
    found: Held = {}
    for one in said:
        if one.code == HOLDS and one.log in ours:
            found |= {(one.log, kind): index for kind, index in _read(one.detail).items()}
    name, kept = _name(peer), _encode(found)
    return {} if kept == (node.store.meta(name) or _encode({})) else {name: kept}


def _read(detail: str) -> dict[int, int | None]:
    found: dict[int, int | None] = {}
    for word in detail.split(" "):
        kind, _, index = word.partition("@")
        if kind.isdecimal() and int(kind[:2]) in KINDS and (not index or (index.isdecimal() and len(index) < 19)):
            found[int(kind[:2])] = int(index) if index else None
    return found


def _name(peer: int) -> str:
    return f"{_KNOWN}/{peer}"


def _encode(found: Held) -> bytes:
    return encoding.encode([[log, kind, 0 if index is None else index + 1] for (log, kind), index in sorted(found.items())])


def _decode(kept: bytes | None) -> Held:
    items: list[list[int]] = encoding.decode(kept, limits.CHARTER_BYTES) if kept else []  # type: ignore[assignment]
    return {(log, kind): index - 1 if index else None for log, kind, index in items}


class Passing:
    """What one process has offered to whom."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._offered: dict[tuple[int, bytes], tuple[int, int]] = {}  # (peer, hash of a proof) -> how often, and when last

    def proofs(self, peer: int) -> list[bytes]:
        """The proofs that should ride in a bundle to a peer. They count as offered."""
        kept = self._node.store.proofs()
        if not kept:
            return []
        has = _decode(self._node.store.meta(_name(peer)))
        lacks = sorted((one for one in kept if _is_better(one, has)), key=lambda one: one.kind not in HISTORIES)
        offers = (one.data for one in lacks if self._may_offer(peer, one.data))
        return list(islice(offers, limits.MISCONDUCT_PER_BUNDLE))  # what does not fit does not count as offered

    def _may_offer(self, peer: int, data: bytes) -> bool:
        key, now = (peer, sha256(data).digest()), self._node.now()
        times, last = self._offered.get(key, (0, now))
        if times >= _TIMES and abs(now - last) < _AGAIN_SECONDS:
            return False
        self._offered[key] = (times + 1, now)
        return True


def _is_better(one: KeptProof, has: Mapping[tuple[int, int], int | None]) -> bool:
    if (one.log, one.kind) not in has:
        return True
    known = has[one.log, one.kind]
    return one.from_index is not None and one.from_index < (inf if known is None else known)
