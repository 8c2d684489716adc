"""The offline verifier: a proof file, a charter or a policy, and nothing else. spec/proof.md has the same numbered steps.

    (1) the file is a C2SP tlog-proof, in its one form
    (2) the charter is signed by every party, or the policy can be read
    (3) the channel's fingerprint is the one given, if one was given
    (4) the checkpoint is of a log of this channel, or of the policy
    (5) the log's own key signed the checkpoint
    (6) the other signature lines verify; no key signed twice; with a charter, none is by a stranger
    (7) as many witnesses cosigned as are required
    (8) the entry and the disclosed fields are canonical and belong together
    (9) the proof shows whether this was an exercise
    (10) the entry stands in the log at its index
    (11) the sender may send this kind, what is shown has the fields of its kind, and refers to what its sender had seen

It stops at the first step that fails. It imports no storage and no network: a court can be handed this file, `record/` and `tlog/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from .errors import PeerError
from .record import encoding, fingerprint
from .record.channel import Channel, LogNames
from .record.charter import open_charter
from .record.fields import Json, Names, Wrong, show_time
from .record.kinds import COMMON, UNDERSTOOD, check_schema, check_types, kind_name, references, show_body
from .record.log import kind_allowed, refer_back
from .record.message import EXERCISE, RELEASES, Body, Disclosure, Entry
from .tlog import checkpoint as checkpoints
from .tlog import merkle
from .tlog.note import MLDSA44, SignatureLine, VerifierKey
from .tlog.policy import Policy
from .tlog.proof import Proof

WHAT: Final = {
    1: "the file is a C2SP tlog-proof, in its one form",
    2: "the charter is signed by every party, or the policy can be read",
    3: "the channel's fingerprint is the one given",
    4: "the checkpoint is of a log that the charter or policy names",
    5: "the log's own key signed the checkpoint",
    6: "every other signature that counts is by a known key and verifies",
    7: "as many witnesses cosigned as are required",
    8: "the entry and the disclosed fields are canonical and belong together",
    9: "the proof shows whether this was an exercise",
    10: "the entry stands in the log at its index",
    11: "the sender may send this kind, and what is shown has the fields of its kind and refers to what was seen",
}
# A file with none of these is not a damaged proof but something else.
_MARKS: Final = (b"c2sp.org/tlog-proof@v1", b"\nindex ", b"\nextra ", "\n\u2014 ".encode())

Verdict = Literal["valid", "invalid", "unreadable"]


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step, in words, and whether it held; `detail` says what broke."""

    step: int
    what: str
    ok: bool
    detail: str = ""


@dataclass(slots=True)
class Report:
    """What the verifier found. `vouched` says who stands for what at which time; `not_proved` what no proof can say."""

    verdict: Verdict = "invalid"
    kind: str = "message"
    steps: list[Step] = field(default_factory=list)
    fields: dict[str, Json] = field(default_factory=dict)
    vouched: list[dict[str, Json]] = field(default_factory=list)
    not_proved: list[str] = field(default_factory=list)
    code: str | None = None
    about: dict[str, Json] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        """The JSON of `ceasewire verify` (INTERFACE)."""
        steps = [{"step": s.step, "what": s.what, "ok": s.ok, **({"detail": s.detail} if s.detail else {})} for s in self.steps]
        return {
            "verdict": self.verdict,
            "kind": self.kind,
            "steps": steps,
            "fields": self.fields,
            "vouched": self.vouched,
            "not_proved": self.not_proved,
            "code": self.code,
            **self.about,
        }


@dataclass(frozen=True, slots=True)
class Trust:
    """What the reader trusts: a charter file or a policy file, whole, and the fingerprint they were told by other means."""

    charter: bytes | None = None
    policy: bytes | None = None
    fingerprint: str | None = None


class _Stop(Exception):
    """A step failed; the report says which."""


class _Strangers(Names):
    """Names where there is no charter: everything keeps its number."""

    def number(self, slug: str) -> int | None:
        return None

    def log_name(self, number: int) -> str | None:
        return None

    def position(self, slug: str) -> int | None:
        return None

    def slug(self, position: int) -> str | None:
        return None

    def cosigner_name(self, by: int) -> str:
        return str(by)


def verify(data: bytes, trust: Trust) -> Report:
    """Verify a proof of a message. Never raises: what is wrong is in the report."""
    report = Report()
    if not any(mark in data for mark in _MARKS):
        report.verdict, report.code = "unreadable", "proof.malformed"
        return report
    try:
        _Message(data, trust, report).run()
        report.verdict = "valid"
    except _Stop:
        pass
    return report


class _Message:
    """One verification of a message's proof; each step is a method that carries its number."""

    def __init__(self, data: bytes, trust: Trust, report: Report) -> None:
        self.data = data
        self.trust = trust
        self.report = report
        self.channel: Channel | None = None
        self.policy: Policy | None = None
        self.log: LogNames | None = None
        self.receipts: set[str] = set()
        self.times: list[int] = []

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Record step `number` as it ends; a PeerError inside it is its failure."""
        try:
            yield
        except PeerError as error:
            detail = error.detail or error.explained.sentence
            self.report.steps.append(Step(number, WHAT[number], False, detail))
            self.report.code = error.code
            raise _Stop from None
        self.report.steps.append(Step(number, WHAT[number], True))

    def run(self) -> None:
        with self.step(1):
            proof = Proof.parse(self.data)
        with self.step(2):
            self.read_trust()
        if self.trust.fingerprint is not None:
            with self.step(3):
                self.check_fingerprint(self.trust.fingerprint)
        signed = proof.signed
        with self.step(4):
            keys = self.log_keys(signed.checkpoint.origin)
        with self.step(5):
            others = self.check_author(signed, keys)
        with self.step(6):
            check_once(signed.lines)
            witnesses = self.check_others(signed.checkpoint, others)
        with self.step(7):
            self.check_quorum(witnesses)
        with self.step(8):
            entry, disclosure = read_extra(proof.extra)
        with self.step(9):
            exercise = disclosure.fields.get(EXERCISE)
            if type(exercise) is not bool:
                raise PeerError("proof.exercise_hidden")
        with self.step(10):
            merkle.verify_inclusion(
                merkle.leaf_hash(entry.encode()), proof.index, signed.checkpoint.size, signed.checkpoint.root, proof.path
            )
        with self.step(11):
            self.check_meaning(entry, disclosure)
            self.check_references(entry, disclosure.fields, proof.index)
        self.tell(proof, entry, disclosure, exercise)

    def read_trust(self) -> None:
        if self.trust.charter is not None:
            self.channel = Channel(open_charter(self.trust.charter, complete=True))
            words = fingerprint.words(self.channel.channel_id)
            charter = self.channel.charter
            self.report.about["channel"] = {"name": charter.name, "title": charter.title, "fingerprint": words}
        else:
            self.policy = Policy.parse(self.trust.policy or b"")

    def check_fingerprint(self, given: str) -> None:
        if self.channel is None or not fingerprint.same(given, self.channel.channel_id):
            raise PeerError("proof.fingerprint")

    def log_keys(self, origin: str) -> tuple[VerifierKey, ...]:
        if self.channel is not None:
            self.log = self.channel.by_origin(origin)
            if self.log is None:
                raise PeerError("checkpoint.origin")
            return self.log.log
        keys = tuple(self.policy.log_for(origin)) if self.policy else ()
        if not keys:
            raise PeerError("checkpoint.origin")
        return keys

    def check_author(self, signed: checkpoints.SignedCheckpoint, keys: tuple[VerifierKey, ...]) -> list[SignatureLine]:
        """Every line by the log's keys verifies, and its first kind of key is among them; the lines of others are returned."""
        others, kinds = [], set()
        for line in signed.lines:
            key = next((key for key in keys if (key.name, key.key_id) == (line.name, line.key_id)), None)
            if key is None:
                others.append(line)
            else:
                checkpoints.verify(signed.checkpoint, line, key)
                kinds.add(key.kind)
        if not kinds or (self.channel is not None and kinds == {MLDSA44}):
            raise PeerError("sig.missing", "by the log's own key")
        return others

    def check_others(self, checkpoint: checkpoints.Checkpoint, lines: list[SignatureLine]) -> set[str]:
        """Receipts and witnesses, each with its time; the names of the witnesses that count are returned."""
        counted: set[str] = set()
        for line in lines:
            if self.channel is not None:
                self.check_named(checkpoint, line, counted)
            else:
                self.check_policy_line(checkpoint, line, counted)
        return counted

    def check_named(self, checkpoint: checkpoints.Checkpoint, line: SignatureLine, counted: set[str]) -> None:
        found = self.channel.cosigner(line.name, line.key_id) if self.channel else None
        if found is None or self.channel is None:
            raise PeerError("sig.unknown", line.name)
        by, key = found
        time = checkpoints.verify(checkpoint, line, key)
        name = self.channel.cosigner_name(by)
        self.vouch(name, "receipt" if by >= 0 else "witness", time)
        (self.receipts if by >= 0 else counted).add(name)

    def check_policy_line(self, checkpoint: checkpoints.Checkpoint, line: SignatureLine, counted: set[str]) -> None:
        for name, key in self.policy.witnesses.items() if self.policy else ():
            if (key.name, key.key_id) == (line.name, line.key_id):
                self.vouch(key.name, "witness", checkpoints.verify(checkpoint, line, key))
                counted.add(name)

    def vouch(self, by: str, role: str, time: int) -> None:
        self.times.append(time)
        self.report.vouched.append({"by": by, "as": role, "time": show_time(time)})

    def check_quorum(self, witnesses: set[str]) -> None:
        if self.channel is not None:
            enough = len(witnesses) >= self.channel.charter.quorum
        else:
            enough = self.policy is not None and self.policy.satisfied(witnesses)
        if not enough:
            raise PeerError("policy.quorum")

    def check_meaning(self, entry: Entry, disclosure: Disclosure) -> None:
        """What the receiver checked and can be checked from what is shown; with every field shown, the whole schema."""
        if self.channel is None or self.log is None:
            return
        if not kind_allowed(self.channel, self.log.number, entry.kind):
            raise PeerError("kind.not_allowed", kind_name(entry.kind))
        shown = disclosure.fields
        if self.channel.charter.exercise and shown[EXERCISE] is not True:
            raise PeerError("exercise.mismatch")
        if shown.get(RELEASES, []) != []:
            raise PeerError("release.unknown")
        if entry.kind in UNDERSTOOD:
            with of_schema():
                (check_types if disclosure.hidden else check_schema)(entry.kind, shown, self.channel)

    def check_references(self, entry: Entry, shown: Body, index: int) -> None:
        """What is shown refers to messages below it in its own log, or to what it has seen of another."""
        if entry.kind not in UNDERSTOOD:
            return
        with of_schema():
            for field in (COMMON["re"], COMMON["links"]):
                if field.number in shown:
                    field.type.check(shown[field.number], self.channel or _Strangers())
        found = references(shown)
        # A policy gives logs no numbers. An entry never says what it has seen of its own log: one unseen log may be its own.
        own = {self.log.number} if self.log else {log for log, _ in found if log not in entry.seen}
        if len(own) > 1 or not refer_back(found, own, index, entry.seen):
            raise PeerError("ref.unknown")

    def tell(self, proof: Proof, entry: Entry, disclosure: Disclosure, exercise: bool) -> None:
        """Fill the report of a proof that holds."""
        names: Names = self.channel or _Strangers()
        origin = proof.signed.checkpoint.origin
        author = self.log.slug if self.log else origin
        self.report.fields = show_body(entry.kind, disclosure.fields, names)
        self.report.vouched.insert(0, {"by": author, "as": "author", "time": show_time(entry.time)})
        self.report.about |= {
            "ref": f"{author}/{proof.index}",
            "message": kind_name(entry.kind),
            "time": show_time(entry.time),
            "exercise": exercise,
            "hidden": disclosure.hidden,
        }
        self.report.not_proved = self.not_proved(disclosure.hidden, author)

    def not_proved(self, hidden: int, author: str) -> list[str]:
        last = max(self.times, default=None)
        until = f" {show_time(last)}" if last is not None else ""
        found = [
            "that these keys are the named parties': compare the fingerprint with the agreement's annex or the guarantor",
            "that what the message says happened",
            f"anything after the checkpoint{until}: a correction or withdrawal may follow",
        ]
        if hidden:
            found.append(f"what the {hidden} hidden field{'s say' if hidden > 1 else ' says'}")
        if not self.receipts - {author}:
            found.append("that anyone received it, and that a field was not disclosed with another value elsewhere: it bears no receipt")
        return found


@contextmanager
def of_schema() -> Iterator[None]:
    """What is Wrong inside is PeerError body.schema."""
    try:
        yield
    except Wrong as wrong:
        raise PeerError("body.schema", str(wrong)) from None


def check_once(lines: Sequence[SignatureLine]) -> None:
    """A key that signed twice would vouch twice. Raises PeerError note.malformed, as on receipt."""
    if len({(line.name, line.key_id) for line in lines}) != len(lines):
        raise PeerError("note.malformed", "two signatures by one key")


def read_extra(extra: bytes | None) -> tuple[Entry, Disclosure]:
    """The entry and the disclosed fields of a proof's `extra`: cbor({1: entry, 2: parts}). Raises PeerError enc.*, entry.body_root."""
    fields: dict[int, Any] = encoding.mapping(encoding.decode(extra or b"", 2 * 1024**2, 12), required=2)
    entry = Entry.decode(encoding.octets(fields[1]))
    disclosure = Disclosure.from_value(fields[2])
    if disclosure.root() != entry.body_root:
        raise PeerError("entry.body_root")
    return entry, disclosure


def write_extra(entry: Entry, disclosure: Disclosure) -> bytes:
    """The `extra` of a proof."""
    return encoding.encode({1: entry.encode(), 2: disclosure.value()}, 12)
