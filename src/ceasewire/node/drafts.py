"""Drafts: messages that wait for officers to release them. They lie in the node's folder, are nobody's word yet, and never cross.

    NODE/drafts/ID.json    {"kind": name, "seed": hex, "body": hex of the body's CBOR, "releases": [hex of an item's CBOR, ...]}

A release signs the hash of the body's fields, so that one of an earlier text, which somebody edited since, no longer fits and is
dropped. Files are 0600; whoever changes or sends one holds `drafts/lock`, so that of two who send at once one does.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from .. import limits
from ..errors import LocalError, PeerError
from ..record import encoding
from ..record.authority import InForce
from ..record.encoding import Value
from ..record.kinds import KINDS, kind_name, show_body
from ..record.message import RELEASES, SEED_BYTES, Body, body_tree, check_body
from ..record.notation import Json
from ..record.officers import show_officer
from ..record.release import Asked
from ..record.release import check as check_releases
from .composing import in_force, read, releases_needed
from .node import Node, Prepared, Sent
from .view import View

_ID: Final = re.compile(r"[0-9a-f]{12}")
_BYTES: Final = 256 * 1024  # a body and its releases, in hexadecimal


def id_of(seed: bytes) -> str:
    """The id of the draft with that seed, which the message that it becomes keeps."""
    return hashlib.sha256(seed).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Draft:
    """A message without its releases, and the releases so far. `body` has field 0 empty."""

    kind: int
    seed: bytes
    body: Body
    releases: tuple[Value, ...] = ()

    @property
    def id(self) -> str:
        """12 hexadecimal digits, of the seed, which nothing changes."""
        return id_of(self.seed)

    def asked(self, view: View) -> Asked:
        """What an officer of this log's party signs."""
        return Asked(view.channel.channel_id, view.own, self.kind, body_tree(self.seed, self.body).rest)

    def text(self) -> str:
        """The file."""
        found = {
            "kind": kind_name(self.kind),
            "seed": self.seed.hex(),
            "body": encoding.encode(self.body).hex(),
            "releases": [encoding.encode(one).hex() for one in self.releases],
        }
        return json.dumps(found, indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a draft stands: how many officers it needs, who has released it, and whether a recovery key has, which is enough."""

    needed: int
    by: tuple[bytes, ...]
    recovered: bool

    @property
    def enough(self) -> bool:
        """Whether it can be sent."""
        return self.recovered or len(self.by) >= self.needed


def make(view: View, kind: str, body: Json, seed: bytes) -> Draft:
    """A draft of a person's JSON; `seed` 16 random bytes. Raises LocalError as composing.read."""
    number, found = read(view, kind, body)
    return Draft(number, seed, found)


def needed(view: View, kind: str, body: Json) -> int:
    """How many officers a message would need. Raises LocalError as composing.read."""
    return releases_needed(in_force(view), *read(view, kind, body))


def fitting(view: View, draft: Draft, now: int) -> tuple[Draft, Standing]:
    """The draft with those releases alone that fit it, by different officers in force, and where it stands then."""
    force = in_force(view)
    kept: list[Value] = []
    by: list[bytes] = []
    recovered = False
    for one in draft.releases:
        count = _counts(view, draft, force, one, now)
        key = one[0] if isinstance(one, list) else None
        if count is None or not isinstance(key, bytes) or key in by:
            continue
        kept.append(one)
        if count:
            by.append(key)
        recovered |= not count
    return replace(draft, releases=tuple(kept)), Standing(releases_needed(force, draft.kind, draft.body), tuple(by), recovered)


def _counts(view: View, draft: Draft, force: InForce, one: Value, now: int) -> int | None:
    """1 for an officer's release that fits, 0 for a recovery key's, None for one that does not fit."""
    try:
        return check_releases(draft.asked(view), [one], force.officers, view.channel.party(view.own).recovery, now)[0]
    except PeerError:
        return None


def describe(view: View, draft: Draft, standing: Standing) -> dict[str, Json]:
    """A draft as JSON: what it says, and who has released it."""
    officers = in_force(view).officers
    return {
        "draft": draft.id,
        "kind": kind_name(draft.kind),
        "body": show_body(draft.kind, draft.body, view.channel),
        "needed": standing.needed,
        "released": len(standing.by),
        "by": [show_officer(officers[key]) for key in standing.by],
    }


class Drafts:
    """The drafts in a node's folder."""

    def __init__(self, node: Path) -> None:
        self.path = node / "drafts"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The right to change or send drafts. Raises LocalError file.unwritable."""
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise LocalError("file.unwritable", f"{self.path}: {error.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def save(self, draft: Draft) -> None:
        """Write the draft, whole or not at all. Raises LocalError file.unwritable; usage where too many wait."""
        names = self.names()
        if draft.id not in names and len(names) >= limits.WAITING_DRAFTS:
            raise LocalError("usage", f"{limits.WAITING_DRAFTS} drafts wait already: release some, or discard them")
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".new-", dir=self.path)  # its mode is 0600
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(draft.text())
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._place(draft.id))
        except OSError as error:
            raise LocalError("file.unwritable", f"{self.path}: {error.strerror}") from None

    def _place(self, name: str) -> Path:
        if not _ID.fullmatch(name):
            raise LocalError("draft.missing", "an id is 12 hexadecimal digits")
        return self.path / f"{name}.json"

    def load(self, name: str) -> Draft:
        """The draft of that id. Raises LocalError draft.missing."""
        try:
            with self._place(name).open("rb") as file:
                return _read(json.loads(file.read(_BYTES)))
        except FileNotFoundError:
            raise LocalError("draft.missing", f"{name}; perhaps it was sent") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, PeerError):
            raise LocalError("draft.missing", f"{name}: its file cannot be read") from None

    def names(self) -> list[str]:
        """The ids of all drafts."""
        try:
            found = [path.stem for path in self.path.iterdir() if path.suffix == ".json"]
        except OSError:
            return []
        return sorted(name for name in found if _ID.fullmatch(name))

    def drop(self, name: str) -> None:
        """Forget a draft. Raises LocalError draft.missing."""
        try:
            self._place(name).unlink()
        except OSError:
            raise LocalError("draft.missing", name) from None

    def add(self, view: View, name: str, sign: Callable[[Draft], Sequence[Value]], now: int) -> tuple[Draft, Standing]:
        """Put releases to a draft, and drop those that do not fit it any more. Raises LocalError draft.missing, release.invalid for a
        new one that is not right, or a second one by the same officer."""
        with self.locked():
            draft, before = fitting(view, self.load(name), now)
            new = sign(draft)
            for one in new:
                if _counts(view, draft, in_force(view), one, now) is None:
                    raise LocalError("release.invalid", "by no officer in force of this party, or already ended")
            draft, standing = fitting(view, replace(draft, releases=(*draft.releases, *new)), now)
            if (standing.by, standing.recovered) == (before.by, before.recovered):
                raise LocalError("release.invalid", "this officer has released it already; it takes another")
            self.save(draft)
        return draft, standing

    def send(self, node: Node, name: str) -> Sent:
        """Send a draft that enough officers have released, and forget it. Raises LocalError draft.missing, release.missing, and as
        Node.send_prepared."""
        with self.locked():
            draft, standing = fitting(node, self.load(name), node.now())
            if not standing.enough:
                raise LocalError("release.missing", f"{len(standing.by)} of {standing.needed}")
            releases: list[Value] = list(draft.releases)
            (sent,) = node.send_prepared([Prepared(draft.kind, {**draft.body, RELEASES: releases}, draft.seed)])
            self.drop(name)
        return sent


def _read(found: Any) -> Draft:
    """A draft of its file. Raises ValueError, KeyError, TypeError, PeerError for a file that is none."""
    body = encoding.mapping(encoding.decode(bytes.fromhex(found["body"])))
    check_body(body)
    if body[RELEASES] != []:
        raise ValueError
    seed = encoding.octets(bytes.fromhex(found["seed"]), SEED_BYTES)
    return Draft(KINDS[found["kind"]], seed, body, tuple(encoding.decode(bytes.fromhex(one)) for one in found["releases"]))
