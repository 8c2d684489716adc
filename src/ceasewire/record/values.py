"""What a log is made of once it has been checked: the values that pass between record, exchange, store and node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..tlog.merkle import Frontier


@dataclass(frozen=True, slots=True)
class Row:
    """One admitted message as it is kept.

    `seen` and `body` are canonical CBOR maps; `body_root`, `rest` and `leaf` are 32-byte hashes (spec/entry.md); `leaf` is the
    RFC 9162 leaf hash of the entry; `void` is the code of the rule it breaks, the same on every node, or None.
    """

    log: int
    index: int
    kind: int
    time: int
    seen: bytes
    body_root: bytes
    rest: bytes
    leaf: bytes
    seed: bytes
    body: bytes
    void: str | None


@dataclass(frozen=True, slots=True)
class LogState:
    """Where a log stands here: all that is needed to append the next entry or to admit it.

    `time` is the last entry's, in POSIX seconds (0 in an empty log); `seen` the last entry's map of log number to size; `frozen`
    the code for which nothing more is admitted, or None.
    """

    number: int
    frontier: Frontier
    time: int
    seen: Mapping[int, int]
    frozen: str | None = None

    @property
    def size(self) -> int:
        """How many entries the log has here."""
        return self.frontier.size


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A cosignature over the checkpoint of `size` of log `log`, whose root is the one kept for that size.

    `by` is the log number of the party's device whose receipt key signed, or -1 - i for the charter's witness number i. `kind` is
    the C2SP signature type (4: Ed25519, 6: ML-DSA-44), `time` the cosigner's, in POSIX seconds.
    """

    log: int
    size: int
    by: int
    kind: int
    time: int
    signature: bytes
