"""Trust policies: C2SP tlog-policy. Which logs are known, and which witnesses must have cosigned.

A policy is a file of octets. Names are opaque octet strings; they are kept as `str` with one character an octet
(latin-1), so that they compare as octets and no Unicode table decides anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Final

from ceasewire.errors import PeerError
from ceasewire.tlog.note import COSIGNATURE_ED25519, ED25519, MLDSA44, VerifierKey

NONE: Final = "none"

_FORBIDDEN: Final = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_BLANKS: Final = re.compile("[ \t]+")
_DIGITS: Final = re.compile("[0-9]+")
_LOG_KINDS: Final = (ED25519, MLDSA44)
_WITNESS_KINDS: Final = (COSIGNATURE_ED25519, MLDSA44)


@dataclass(frozen=True, slots=True)
class Group:
    """Has witnessed a checkpoint if at least `threshold` of its members have; a member is a witness or a group."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy. `quorum` is a witness, a group or "none"; a group names only what stands before it."""

    logs: tuple[VerifierKey, ...]
    witnesses: dict[str, VerifierKey]
    groups: dict[str, Group]
    quorum: str

    @staticmethod
    def parse(data: bytes) -> Policy:
        """Read a policy file.

        Raises PeerError `policy.malformed`; `key.weak` or `key.length` for a key that is not safe. The detail names the
        line.
        """
        found = _FORBIDDEN.search(data)
        if found:
            raise PeerError("policy.malformed", f"octet {data[found.start()]} at {found.start()} is not allowed")
        *lines, rest = data.decode("latin-1").split("\n")
        if rest:
            raise PeerError("policy.malformed", "the last line does not end in a newline")
        reader = _Reader()
        for number, line in enumerate(lines, 1):
            try:
                reader.line(line)
            except ValueError as error:
                raise PeerError("policy.malformed", f"line {number}: {error}") from None
            except PeerError as error:  # a key's: how it is written is this file's fault, that it is weak is its own
                code = "policy.malformed" if error.code == "vkey.malformed" else error.code
                raise PeerError(code, f"line {number}: {error.explained.sentence}") from None
        if reader.quorum is None:
            raise PeerError("policy.malformed", "there is no quorum line")
        return Policy(tuple(reader.logs), reader.witnesses, reader.groups, reader.quorum)

    def satisfied(self, witness_names: Container[str]) -> bool:
        """Whether cosignatures by these witnesses, by their names in this policy, make the quorum."""
        met = {name for name in self.witnesses if name in witness_names}
        # Groups stand behind their members, so one pass decides them all, however deep they are nested.
        for name, group in self.groups.items():
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(name)
        return self.quorum == NONE or self.quorum in met

    def log_for(self, origin: str) -> list[VerifierKey]:
        """The keys of the log with this origin; empty if the policy does not know it."""
        return [key for key in self.logs if key.name == origin]


@dataclass(slots=True)
class _Reader:
    """What the lines so far have defined. Its methods raise ValueError, or PeerError for a key."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str | None = None
    _keys: set[tuple[str, bytes]] = field(default_factory=set)
    _members: set[str] = field(default_factory=set)

    def line(self, line: str) -> None:
        words = _BLANKS.split(line.strip(" \t"))
        if words[0] == "" or words[0].startswith("#"):
            return
        handlers: dict[str, Callable[[list[str]], None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._quorum,
        }
        if words[0] not in handlers:
            raise ValueError("neither log, witness, group, quorum nor a comment")
        handlers[words[0]](words[1:])

    def _log(self, words: list[str]) -> None:
        if len(words) not in (1, 2):
            raise ValueError("not log <vkey> [<url>]")
        self.logs.append(self._key("log", words[0], _LOG_KINDS))

    def _witness(self, words: list[str]) -> None:
        if len(words) not in (2, 3):
            raise ValueError("not witness <name> <vkey> [<url>]")
        self._check_new(words[0])
        self.witnesses[words[0]] = self._key("witness", words[1], _WITNESS_KINDS)

    def _group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise ValueError("not group <name> all|any|<k> <name>...")
        name, threshold, *members = words
        self._check_new(name)
        for member in members:
            self._check_defined(member)
            if member in self._members:
                raise ValueError("a name is a member twice")
            self._members.add(member)
        self.groups[name] = Group(_threshold(threshold, len(members)), tuple(members))

    def _quorum(self, words: list[str]) -> None:
        if len(words) != 1 or self.quorum is not None:
            raise ValueError("not the one quorum <name>")
        if words[0] != NONE:
            self._check_defined(words[0])
        self.quorum = words[0]

    def _key(self, use: str, word: str, kinds: tuple[int, ...]) -> VerifierKey:
        try:
            text = word.encode("latin-1").decode("utf-8")  # a verifier key, unlike the file, is UTF-8
        except UnicodeDecodeError:
            raise ValueError("a key is not UTF-8") from None
        key = VerifierKey.parse(text)
        if key.kind not in kinds:
            raise ValueError(f"a {use} cannot have a key of this type")
        # The same octets are the same key whatever its name, key id or signature type.
        if (use, key.key) in self._keys:
            raise ValueError(f"a {use} with this key is there already")
        self._keys.add((use, key.key))
        return key

    def _check_new(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise ValueError("the name is taken")

    def _check_defined(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise ValueError("a name is not defined above")


def _threshold(word: str, members: int) -> int:
    """How many of `members` the word asks for. Raises ValueError unless that is 1 to `members`."""
    if word in ("all", "any"):
        return members if word == "all" else 1
    if not _DIGITS.fullmatch(word):
        raise ValueError("a threshold is neither all, any nor a decimal")
    number = int(word)  # raises ValueError beyond 4,300 digits
    if not 1 <= number <= members:
        raise ValueError("a threshold is not between 1 and the number of members")
    return number
