"""The ten kinds of misconduct: for each, what its parts must be and what follows from them. spec/misconduct.md says of each why no honest
device can ever have signed such parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ..errors import PeerError
from ..tlog.merkle import EMPTY_ROOT, consistency_roots, node_hash
from . import encoding
from .encoding import Value
from .message import Disclosure, Entry
from .misconduct_parts import Accused, PlacedEntry, log_name
from .notation import Json, show_time
from .opening import Opening, conflict

_DAY: Final = 86400
_HASH: Final = 32


@dataclass(frozen=True, slots=True)
class Finding:
    """What follows from a proof's parts; see misconduct.Verdict."""

    sentence: str
    facts: Mapping[str, Json]
    from_index: int | None = None
    keys: str = "log"


def judge(accused: Accused, kind: int, parts: list[Value]) -> Finding:
    """What the parts of a proof of kind 1 to 10 show. Raises PeerError as misconduct.open_misconduct."""
    return _CHECKS[kind](accused, parts)


def _unless(holds: bool, why: str) -> None:
    if not holds:
        raise PeerError("misconduct.unproved", why)


def _parts(parts: list[Value], *lengths: int) -> None:
    if len(parts) not in lengths:
        raise PeerError("misconduct.malformed", "its kind has another number of parts")


def _histories(accused: Accused) -> str:
    return f"{accused.party}'s log {accused.name} showed two histories"


# --- 1 to 3: two histories of one log ---


def _two_faces(accused: Accused, parts: list[Value]) -> Finding:
    _parts(parts, 2)
    one, other = accused.signed(parts[0]), accused.signed(parts[1])
    _unless(one.size == other.size > 0 and one.root != other.root, "two checkpoints of one size with two roots")
    return Finding(
        f"{_histories(accused)}: its key signed two different contents for its first {one.size} entries",
        {"size": one.size, "roots": [one.root.hex(), other.root.hex()]},
        one.size - 1,
    )


def _two_leaves(accused: Accused, parts: list[Value]) -> Finding:
    _parts(parts, 2)
    one, other = accused.placed(parts[0]), accused.placed(parts[1])
    _unless(one.index == other.index and one.leaf != other.leaf, "two different entries at one index")
    return Finding(
        f"{_histories(accused)}: its key signed two different entries at index {one.index}",
        {"index": one.index, "times": [_time_of(one), _time_of(other)]},
        one.index,
    )


def _time_of(one: PlacedEntry) -> str | None:
    """The time of an entry, or None for a leaf that is no entry: whoever shows two histories may sign anything."""
    try:
        return show_time(one.entry().time)
    except PeerError:
        return None


def _rewrite(accused: Accused, parts: list[Value]) -> Finding:
    _parts(parts, 3)
    older, newer = accused.signed(parts[0]), accused.signed(parts[1])
    nodes = [encoding.octets(one, _HASH) for one in encoding.array(parts[2])]
    _unless(older.size < newer.size, "an older checkpoint and a larger, newer one")
    if older.size:
        old, new = consistency_roots(older.size, newer.size, nodes)
        _unless(new == newer.root, "the path does not lead to the newer root")
    else:
        old = EMPTY_ROOT
        _unless(not nodes, "an empty log needs no path")
    _unless(old != older.root, "the newer log begins as the older one")
    if older.size:
        said = f"its {newer.size} entries do not begin with the {older.size} that its key had signed"
    else:
        said = "its key signed a beginning of no entries that is not the empty log's"
    return Finding(
        f"{accused.party}'s log {accused.name} rewrote its history: {said}",
        {"older_size": older.size, "newer_size": newer.size},
        max(0, older.size - 1),
    )


# --- 4 and 5: what an entry says of time and of others ---


def _two_entries(accused: Accused, parts: list[Value]) -> tuple[tuple[int, Entry], tuple[int, Entry]]:
    """Two entries of the accused log, each with its index, the second at the later one."""
    one, other = accused.placed(parts[0]), accused.placed(parts[1])
    _unless(one.index < other.index, "an entry and a later one")
    return (one.index, one.entry()), (other.index, other.entry())


def _back_dating(accused: Accused, parts: list[Value]) -> Finding:
    _parts(parts, 2, 3)
    if len(parts) == 3:
        return _before_seen(accused, parts)
    (first, earlier), (second, later) = _two_entries(accused, parts)
    _unless(later.time < earlier.time, "a later entry with an earlier time")
    return Finding(
        f"{accused.party}'s log {accused.name} back-dated: its entry {second} bears an earlier time than its entry {first} before it",
        {"index": second, "time": show_time(later.time), "before_index": first, "before_time": show_time(earlier.time)},
    )


def _before_seen(accused: Accused, parts: list[Value]) -> Finding:
    entry, log = accused.placed(parts[0]), _other_log(accused, parts[1])
    receipted = PlacedEntry.from_value(parts[2])
    checkpoint, _ = accused.receipted(receipted.note, log)
    receipted.check(checkpoint)
    dated, seen = entry.entry(), receipted.entry()
    _unless(receipted.index < dated.seen.get(log, 0), "an entry that it says it has seen")
    _unless(dated.time < seen.time, "an earlier time than that of what it has seen")
    name = log_name(accused.device[1], log)
    return Finding(
        f"{accused.party}'s log {accused.name} back-dated: its entry {entry.index} bears an earlier time than"
        f" {name}/{receipted.index}, which it says it had seen",
        {"index": entry.index, "time": show_time(dated.time), "seen": f"{name}/{receipted.index}", "seen_time": show_time(seen.time)},
        keys="log and receipt",
    )


def _other_log(accused: Accused, value: Value) -> int:
    log = encoding.uint(value, 2**32)
    if log == accused.number:
        raise PeerError("misconduct.malformed", "a log other than the accused")
    return log


def _false_seen(accused: Accused, parts: list[Value]) -> Finding:
    _parts(parts, 2, 3)
    if len(parts) == 3:
        return _unseen(accused, parts)
    (first, earlier), (second, later) = _two_entries(accused, parts)
    shrunk = sorted(log for log, size in earlier.seen.items() if later.seen.get(log, 0) < size)
    _unless(bool(shrunk), "a later entry that has seen less")
    log = shrunk[0]
    name = _name_of(accused, log)
    before, after = earlier.seen[log], later.seen.get(log, 0)
    return Finding(
        f"{accused.party}'s log {accused.name} disowned what it had seen: its entry {first} has seen {before} entries of {name}, its later"
        f" entry {second} only {after}",
        {"index": second, "seen": after, "before_index": first, "before_seen": before, "of": name},
    )


def _name_of(accused: Accused, log: int) -> str:
    """The name of a log that an entry says it has seen; its bare number where that is no log's, or nothing but a policy is known."""
    try:
        return log_name(accused.device[1], log)
    except PeerError:
        return f"log number {log}"


def _unseen(accused: Accused, parts: list[Value]) -> Finding:
    log = _other_log(accused, parts[0])
    checkpoint, time = accused.receipted(parts[1], log)
    placed = accused.placed(parts[2])
    entry = placed.entry()
    seen = entry.seen.get(log, 0)
    _unless(entry.time > time, "an entry that is later than the receipt")
    _unless(seen < checkpoint.size, "an entry that has seen less than was receipted")
    name = log_name(accused.device[1], log)
    return Finding(
        f"{accused.party}'s device {accused.name} disowned what it had received: it receipted {checkpoint.size} entries of {name}, and its"
        f" later entry {placed.index} has seen only {seen}",
        {
            "index": placed.index,
            "time": show_time(entry.time),
            "seen": seen,
            "of": name,
            "receipted": checkpoint.size,
            "receipt_time": show_time(time),
        },
        keys="log and receipt",
    )


# --- 6: receipts ---


def _shrinking_receipt(accused: Accused, parts: list[Value]) -> Finding:
    _parts(parts, 3)
    log = _other_log(accused, parts[0])
    one, at = accused.receipted(parts[1], log)
    other, later = accused.receipted(parts[2], log)
    name = log_name(accused.device[1], log)
    facts = {"of": name, "sizes": [one.size, other.size], "times": [show_time(at), show_time(later)]}
    if one.size == other.size:
        _unless(one.root != other.root, "two roots of one size")
        said = f"gave receipts for two different contents of the first {one.size} entries of {name}"
    else:
        _unless(one.size > other.size and at < later, "a receipt for more, given earlier")
        said = f"took back a receipt: it receipted {one.size} entries of {name}, and later only {other.size}"
    return Finding(f"{accused.party}'s device {accused.name} {said}", facts, keys="receipt")


# --- 7 and 8: bodies ---


def _two_values(accused: Accused, parts: list[Value]) -> Finding:
    _parts(parts, 3)
    placed = accused.placed(parts[0])
    one, other = Disclosure.from_value(parts[1]), Disclosure.from_value(parts[2])
    root = placed.entry().body_root
    if one.root() != root or other.root() != root:
        raise PeerError("entry.body_root", "of a disclosure in the proof")
    shown = one.fields.keys() & other.fields.keys()
    differ = sorted(field for field in shown if _encoded(one, field) != _encoded(other, field))
    _unless(bool(differ), "a field with two values")
    return Finding(
        f"{accused.party}'s log {accused.name} wrote a message that says two things: its entry {placed.index} opens to two values of field"
        f" {differ[0]}",
        {"index": placed.index, "time": show_time(placed.entry().time), "field": differ[0]},
    )


def _encoded(disclosure: Disclosure, field: int) -> bytes:
    return encoding.encode_checked(disclosure.fields[field])  # True is not 1


def _reused_release(accused: Accused, parts: list[Value]) -> Finding:
    _parts(parts, 5)
    (first, earlier), (second, later) = _two_entries(accused, parts[:2])
    one, other, rest = (encoding.octets(part, _HASH) for part in parts[2:])
    for entry, leaf in ((earlier, one), (later, other)):
        if node_hash(leaf, rest) != entry.body_root:
            raise PeerError("entry.body_root", "of an entry in the proof")
    return Finding(
        f"{accused.party}'s log {accused.name} used one body twice: what was released for its entry {first} stands again in its entry"
        f" {second}",
        {"index": second, "time": show_time(later.time), "before_index": first, "before_time": show_time(earlier.time)},
    )


# --- 9: a finding ---


def _flood(accused: Accused, parts: list[Value]) -> Finding:
    _parts(parts, 2)
    _, channel = accused.device
    (first, one), (last, other) = _two_entries(accused, parts)
    count, quota = last - first + 1, channel.charter.quotas["messages_per_log_and_day"]
    _unless(one.time // _DAY == other.time // _DAY, "two entries of one day")
    _unless(count > quota, "more messages than the charter's quota")
    day = show_time(one.time)[:10]
    return Finding(
        f"{accused.party}'s log {accused.name} flooded: {count} messages dated {day}, where the charter allows {quota} a day",
        {"index": first, "last_index": last, "count": count, "quota": quota, "day": day},
    )


# --- 10: two openings ---


def _two_openings(accused: Accused, parts: list[Value]) -> Finding:
    _parts(parts, 1)
    one, other = accused.opened(parts[0])
    _unless(one.position == other.position, "two openings of one party")
    _unless(conflict(one, other), "two openings that cannot both be")
    if one.number == other.number:
        said, shared = "was opened twice: a recovery key of its party signed two different openings of that name", "number"
    else:
        said, shared = f"shares a signing key with {other.log_name(accused.party)}: a recovery key of its party signed both openings", "key"
    facts: dict[str, Json] = {"shared": shared, "other_log": other.log_name(accused.party), "openings": [_digest(one), _digest(other)]}
    return Finding(f"{accused.party}'s log {accused.name} {said}", facts, 0, keys="recovery")


def _digest(opening: Opening) -> str:
    return hashlib.sha256(opening.encode()).hexdigest()


_CHECKS: Final[Mapping[int, Callable[[Accused, list[Value]], Finding]]] = {
    1: _two_faces,
    2: _two_leaves,
    3: _rewrite,
    4: _back_dating,
    5: _false_seen,
    6: _shrinking_receipt,
    7: _two_values,
    8: _reused_release,
    9: _flood,
    10: _two_openings,
}
