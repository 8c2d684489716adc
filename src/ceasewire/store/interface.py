"""What a node asks of a store. A store neither verifies nor signs: it keeps values, all of a change or none of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Final, Protocol

from ..record.values import Cosignature, LogState, Row
from .derived_interface import Derived

INDEXED: Final = 256  # by their `rest` a log's messages are in an index, but for its newest, fewer than these
USED: Final = "used/"  # meta names that begin so: the newest sealing key of ours that a peer used
_TOLD_AGAIN: Final = ("checkpoints", "cosignatures", "drop_cosignatures", "peers", "meta")


@dataclass(frozen=True, slots=True)
class TileHash:
    """The hash of a full subtree of 256**level leaves, level >= 1 (C2SP tlog-tiles)."""

    log: int
    level: int
    index: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class KeptCheckpoint:
    """A signed checkpoint: `lines` is the signature lines of its log's own keys, as in the note."""

    log: int
    size: int
    root: bytes
    lines: bytes


@dataclass(frozen=True, slots=True)
class Peer:
    """What is known of another log's device. Times in POSIX seconds; 0 or None: never, nothing.

    `counter_in` is the highest bundle counter taken from it; `sealing_id`, `sealing_key` the newest sealing key it gave us (None: its
    standing key); `wants` log number -> size from its newest bundle; `heads` log number -> size of what it says it holds; `told` the
    newest code it told us about our bundles or log; `spoke` when a bundle of it was last taken.
    """

    number: int
    counter_in: int = 0
    sealing_id: bytes | None = None
    sealing_key: bytes | None = None
    wants: Mapping[int, int] = field(default_factory=dict)
    heads: Mapping[int, int] = field(default_factory=dict)
    told: str | None = None
    spoke: int = 0


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A sealing key of ours that was given to one peer. `sealed` is its private seed under the pen's key; `retired` is when the peer
    first used a newer one (None: still the newest it used, or not used yet)."""

    key_id: bytes
    peer: int
    public: bytes
    sealed: bytes
    made: int
    retired: int | None = None


@dataclass(frozen=True, slots=True)
class Shelved:
    """A run of messages that waits: `data` is the run as it came (spec/bundle.md), `code` why, `since` when, POSIX seconds."""

    log: int
    start: int
    count: int
    code: str
    since: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Bytes that broke a rule, kept as evidence. `number` is given by the store."""

    time: int
    log: int | None
    code: str
    detail: str
    data: bytes
    number: int | None = None


@dataclass(frozen=True, slots=True)
class KeptProof:
    """A misconduct proof (spec/misconduct.md): `log` the number of the log that it is against, `kind` the number of its kind, `from_index`
    the lowest index from which on the log's entries are two (None: it names none), `time` when it was made or came, POSIX seconds."""

    log: int
    kind: int
    from_index: int | None
    time: int
    data: bytes


@dataclass(slots=True)
class Change:
    """All that one transaction writes. A store commits the whole of it, durably, or nothing.

    `signed` raises the store's counter by one: something signed leaves after this commit (PROTOCOL section 6). Rows, tiles, checkpoints,
    cosignatures and openings (log number -> opening file) are written once; writing one again with the same key is an error of the
    caller for rows, and without effect for the others. States, peers, fresh keys, shelved runs and `meta` replace what was there; so does
    a proof, of its log and kind. A cosignature is dropped after the
    others were written, and only if a later one of its cosigner, over the same size, is kept.
    """

    rows: list[Row] = field(default_factory=list)
    states: list[LogState] = field(default_factory=list)
    tiles: list[TileHash] = field(default_factory=list)
    checkpoints: list[KeptCheckpoint] = field(default_factory=list)
    cosignatures: list[Cosignature] = field(default_factory=list)
    drop_cosignatures: list[Cosignature] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    fresh_keys: list[FreshKey] = field(default_factory=list)
    drop_fresh_keys: list[bytes] = field(default_factory=list)
    shelve: list[Shelved] = field(default_factory=list)
    unshelve: list[tuple[int, int]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    proofs: list[KeptProof] = field(default_factory=list)
    openings: dict[int, bytes] = field(default_factory=dict)
    meta: dict[str, bytes] = field(default_factory=dict)
    signed: bool = False

    @property
    def lasting(self) -> bool:
        """Whether something rests on it, or leaves after it, that a power cut must not take away. What others said of themselves and what
        they signed of what is here already (receipts, above all) they say again: docs/decisions/0020."""
        others = any(getattr(self, one.name) for one in fields(self) if one.name not in _TOLD_AGAIN)
        return others or not all(name.startswith(USED) for name in self.meta)


class Store(Protocol):
    """One channel's store. Every method may raise LocalError store.damaged or disk.failed; reads see the last commit."""

    def commit(self, change: Change) -> int:
        """Write all of the change in one transaction, durable if it is `lasting`; the store's counter after it. Raises LocalError
        disk.failed and changes nothing (after a failed fsync the store refuses every later commit, since what the page cache then says
        cannot be trusted)."""

    def settle(self) -> None:
        """Make durable whatever was committed. Any thread may call it. Raises LocalError disk.failed, after which every commit does."""

    def make_room(self) -> None:
        """Have the disk readier for many small changes, which are committed sooner then: called again and again, as `settle` is. Any thread
        may call it. Raises as `settle`."""

    @property
    def counter(self) -> int:
        """How many changes with `signed` were committed."""

    def meta(self, name: str) -> bytes | None:
        """The value last written under the name."""

    def states(self) -> dict[int, LogState]:
        """Log number -> state, of every log ever written."""

    def openings(self) -> dict[int, bytes]:
        """Log number -> opening file, of every later log, by number."""

    def rows(self, log: int, start: int, stop: int, max_bytes: int | None = None) -> list[Row]:
        """Rows start..stop-1 in order, fewer if the log ends, or when their bodies together pass max_bytes (at least one row)."""

    def row(self, log: int, index: int) -> Row | None:
        """One row."""

    def at(self, refs: Sequence[tuple[int, int]]) -> list[Row]:
        """The rows at these places (log, index), in the order asked for; those that are not there are left out."""

    def seen_steps(self, log: int, start: int) -> Iterator[tuple[int, bytes]]:
        """Index and `seen` of each row from `start` on whose `seen` is not that of the row before it in the log."""

    def first_seen(self, log: int, of: int) -> tuple[int, bytes] | None:
        """Index and `seen` of a log's first row that has seen something of the log `of`. Quick however long the log is."""

    def scan(self, *, kinds: Collection[int] | None = None, log: int | None = None, since: int | None = None) -> Iterator[Row]:
        """All rows in order of (time, log, index), filtered; `since` in POSIX seconds, inclusive. Memory does not grow with the log."""

    def governing(self, *, void: bool = False) -> list[Row]:
        """The rows of the kinds in record.authority.GOVERNING that are not void, in order of (log, index); with `void` all.
        Quick however long logs are."""

    def hashes(self, log: int, level: int, start: int, count: int) -> list[bytes]:
        """Leaf hashes (level 0) or tile hashes (level >= 1), in order: tiles.HashSource for one log."""

    def rests(self, log: int, rests: Collection[bytes], below: int | None = None) -> dict[bytes, int]:
        """Of the given `rest` hashes, those in the log, with the lowest index that bears each. `below`: in its first so many messages
        alone, a multiple of INDEXED; asked by the one process that writes, it costs no query unless there is such a message."""

    def checkpoint(self, log: int, size: int) -> KeptCheckpoint | None:
        """The checkpoint of exactly that size."""

    def newest_checkpoint(self, log: int, at_most: int | None = None) -> KeptCheckpoint | None:
        """The largest checkpoint, or the largest of a size <= at_most."""

    def next_checkpoint(self, log: int, at_least: int) -> KeptCheckpoint | None:
        """The smallest checkpoint of a size >= at_least."""

    def cosignatures(self, log: int, size: int) -> list[Cosignature]:
        """All cosignatures over the checkpoint of that size."""

    def covered(self, log: int) -> dict[int, int]:
        """Cosigner -> largest size of the log that it cosigned."""

    def first_cosignatures(self, log: int, index: int) -> list[Cosignature]:
        """Of each cosigner, the cosignature of the earliest time (then smallest size) over a size > index."""

    def last_cosignature(self, log: int, by: int, below: int) -> Cosignature | None:
        """A cosigner's Ed25519 cosignature over the largest checkpoint of a size < below, the latest of these; None if it gave none."""

    def cosigned_since(self, log: int, after_size: int) -> list[Cosignature]:
        """Cosignatures over checkpoints of a size > after_size, in order of size."""

    def peers(self) -> dict[int, Peer]:
        """Log number -> peer."""

    def fresh_keys(self, peer: int | None = None) -> list[FreshKey]:
        """Our fresh sealing keys, oldest first; of one peer or of all."""

    def fresh_key(self, key_id: bytes) -> FreshKey | None:
        """One of them."""

    def shelved(self, *, data: bool = True) -> list[Shelved]:
        """Waiting runs in order of (log, start). Without `data` the runs themselves stay on the disk, and theirs is empty."""

    def refused(self, limit: int = 100, *, data: bool = True) -> Sequence[Refused]:
        """The newest refused bytes, newest first. Without `data` the bytes themselves stay on the disk, and theirs are empty."""

    def proofs(self) -> list[KeptProof]:
        """The misconduct proofs that are kept, in order of (log, kind): one of each at most."""

    def derived(self) -> Derived:
        """What is computed from this store and kept beside it."""

    def close(self) -> None:
        """Let go of the database. A writing store truncates its write-ahead log first."""
