"""The proof of one message: its numbered steps. It stops at the first that fails.

    (1) the file is a C2SP tlog-proof, in its one form
    (2) the charter is signed by every party, or the policy can be read
    (3) the channel's fingerprint is the one given, if one was given
    (4) the checkpoint is of a log of this channel (a later one by the opening that the proof bears), or of the policy
    (5) the log's own key signed the checkpoint
    (6) the other signature lines verify; no key signed twice; with a charter, none is by a stranger
    (7) as many witnesses cosigned as are required
    (8) the entry and the disclosed fields are canonical and belong together
    (9) the proof shows whether this was an exercise
    (10) the entry stands in the log at its index
    (11) the messages about officers and amendments that the proof bears stand in their logs and hold
    (12) the charter in force lets the sender send this kind
    (13) as many officers as the kind needs released it
    (14) what is shown has the fields of its kind, and refers to what its sender had seen

A policy knows neither parties nor officers: with a policy steps 11 to 13 are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from ..errors import PeerError
from ..record import encoding, fingerprint
from ..record.authority import AMENDMENT, Authority, InForce, check_amendment
from ..record.channel import Channel, LogNames
from ..record.charter import open_charter
from ..record.kinds import COMMON, UNDERSTOOD, check_schema, check_types, kind_name, references, show_body
from ..record.log import kind_allowed, refer_back, refers_rightly, released
from ..record.message import EXERCISE, RELEASES, Body, Disclosure, Entry
from ..record.notation import Names, Wrong, show_time
from ..record.officers import show_officer
from ..record.opening import check_first
from ..record.release import KEYS, OFFICERS
from ..tlog import checkpoint as checkpoints
from ..tlog import merkle
from ..tlog.note import MLDSA44, SignatureLine, VerifierKey
from ..tlog.policy import Policy
from ..tlog.proof import Proof
from .extra import Extra, authority_of, read_openings, row_of
from .report import WHAT, Report, Step, Trust

# A file with none of these is not a damaged proof but something else.
_MARKS: Final = (b"c2sp.org/tlog-proof@v1", b"\nindex ", b"\nextra ", "\n\u2014 ".encode())


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
            self.read_openings(proof.extra)
            keys = self.log_keys(signed.checkpoint.origin)
        with self.step(5):
            others = self.check_author(signed, keys)
        with self.step(6):
            check_once(signed.lines)
            witnesses = self.check_others(signed.checkpoint, others)
        with self.step(7):
            self.check_quorum(witnesses)
        with self.step(8):
            extra = Extra.decode(proof.extra)
        with self.step(9):
            exercise = extra.disclosure.fields.get(EXERCISE)
            if type(exercise) is not bool:
                raise PeerError("proof.exercise_hidden")
        self.report.about["exercise"] = exercise  # said also of a proof that fails later
        with self.step(10):
            leaf = merkle.leaf_hash(extra.entry.encode())
            merkle.verify_inclusion(leaf, proof.index, signed.checkpoint.size, signed.checkpoint.root, proof.path)
        force = self.check_authority(extra, proof.index)
        with self.step(14):
            self.check_fields(extra.entry, extra.disclosure)
            self.check_references(extra.entry, extra.disclosure.fields, proof.index)
            self.check_place(extra.entry, extra.disclosure, force)
            self.check_first(extra.entry, extra.disclosure, proof.index)
        self.tell(proof, extra, exercise, force)

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

    def read_openings(self, extra: bytes | None) -> None:
        if self.channel is not None:
            found = read_openings(extra, self.channel.channel_id, self.channel.charter.parties)
            self.channel = self.channel.with_openings(found)

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

    def check_authority(self, extra: Extra, index: int) -> InForce | None:
        """What governs the entry, and that it lets this message be said; None with a policy, which knows neither."""
        if self.channel is None or self.log is None:
            return None
        entry, shown = extra.entry, extra.disclosure.fields
        with self.step(11):
            authority: Authority = authority_of(self.channel, extra.supports)
            force = authority.at(self.log.number, index, entry.seen)
        with self.step(12):
            if not kind_allowed(self.channel, self.log.number, entry.kind, force.charter):
                raise PeerError("kind.not_allowed", kind_name(entry.kind))
            if self.channel.charter.exercise and shown[EXERCISE] is not True:
                raise PeerError("exercise.mismatch")
        with self.step(13):
            self.check_releases(self.channel, self.log.number, index, extra, force)
        return force

    @staticmethod
    def check_releases(channel: Channel, log: int, index: int, extra: Extra, force: InForce) -> None:
        """As on receipt. Where what is hidden decides how many are needed, the larger number is."""
        shown = extra.disclosure.fields
        partly = extra.entry.kind == KEYS and extra.disclosure.hidden > 0  # then what is hidden may be of officers
        if RELEASES not in shown:  # of a party without officers too: what stands there may make the message void
            raise PeerError("release.missing", "the proof hides its releases")
        known = shown | {OFFICERS: []} if partly else shown
        code = released(channel, force, row_of(log, index, extra.entry, extra.disclosure), known)
        if code:
            raise PeerError(code)

    def check_fields(self, entry: Entry, disclosure: Disclosure) -> None:
        """Of a kind that is understood, each field that is shown is of its type; with every field shown, the whole schema."""
        if self.channel is not None and entry.kind in UNDERSTOOD:
            with of_schema():
                (check_types if disclosure.hidden else check_schema)(entry.kind, disclosure.fields, self.channel)

    def check_place(self, entry: Entry, disclosure: Disclosure, force: InForce | None) -> None:
        """What is right or wrong by whose message it is and where it stands."""
        if self.channel is None or self.log is None or force is None or entry.kind not in UNDERSTOOD:
            return
        if not refers_rightly(self.channel.party_of(self.log.number), entry.kind, disclosure.fields):
            raise PeerError("ref.party")
        if entry.kind == AMENDMENT and not disclosure.hidden:
            code = check_amendment(disclosure.fields, self.channel.channel_id, force)
            if code:
                raise PeerError(code)

    def check_first(self, entry: Entry, disclosure: Disclosure, index: int) -> None:
        """What every receiver refuses: an entry that has seen its own log, and a later log that does not begin with its opening."""
        if self.channel is None or self.log is None:
            return
        if self.log.number in entry.seen:
            raise PeerError("log.seen", "of its own log")
        opening = self.channel.openings.get(self.log.number)
        if opening and index == 0 and (entry.kind != KEYS or not disclosure.hidden):
            check_first(opening, entry.kind, KEYS, disclosure.fields, self.channel.charter.parties)

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

    def tell(self, proof: Proof, extra: Extra, exercise: bool, force: InForce | None) -> None:
        """Fill the report of a proof that holds."""
        names: Names = self.channel or _Strangers()
        entry, disclosure = extra.entry, extra.disclosure
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
        if force is not None and force.asked:
            items = encoding.array(disclosure.fields[RELEASES])
            by = [encoding.octets(encoding.array(item)[0]) for item in items]
            self.report.about["released_by"] = [show_officer(force.officers[key]) for key in by if key in force.officers]
        if force is not None and self.channel is not None and force.base != self.channel.channel_id:
            self.report.about["amended"] = force.base.hex()
        self.report.not_proved = self.not_proved(disclosure.hidden, author)

    def not_proved(self, hidden: int, author: str) -> list[str]:
        last = max(self.times, default=None)
        until = f" {show_time(last)}" if last is not None else ""
        found = [
            "that these keys are the named parties': compare the fingerprint with the agreement's annex or the guarantor",
            "that what the message says happened",
            f"anything after the checkpoint{until}: a correction or withdrawal may follow",
        ]
        if self.channel is not None:
            found.append("that nothing was left out which says who may speak: an amendment, a revoked officer, a log that was replaced")
            found.append("that the same body did not stand in this log before, which would make it void")
        else:
            found.append("that officers released it, and that its sender might say it: a policy knows neither")
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
