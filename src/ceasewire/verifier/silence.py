"""The proof that a party sent no message of a kind: its numbered steps, and why each is there. spec/silence.md says why that is enough.

    (1) the file is a silence proof, in its one form
    (2) the charter is signed by every party
    (3) the channel's fingerprint is the one given, if one was given
    (4) it is of this channel and names a party and a kind; every later log in it was opened by its party
    (5) who is said to vouch for it may
    (6) a guarantor, and the device that received, say which logs the party had, at or after the end of the period
    (7) each of these logs is shown, and no other
    (8) their own keys signed the checkpoints of these logs, and every other line verifies
    (9) where a log is not shown from its first entry, the witness had cosigned what is not shown when the period began
    (10) each log goes as far as witness and receiver had it at or after the end of the period
    (11) the entries lead from there to every checkpoint
    (12) none of them is of the kind

It stops at the first that fails. Memory does not grow with the number of entries beyond the file itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ..errors import PeerError
from ..record import fingerprint
from ..record.channel import Channel
from ..record.charter import open_charter
from ..record.kinds import KINDS, kind_name
from ..record.log import kind_allowed
from ..record.notation import show_time
from ..record.opening import open_opening, position_of
from ..record.silence import Claim, Listing, Silence, Stretch, is_silence, unpacked
from ..tlog import checkpoint as checkpoints
from ..tlog import merkle
from ..tlog.checkpoint import SignedCheckpoint
from ..tlog.merkle import Frontier
from ..tlog.note import COSIGNATURE_ED25519
from .report import Report, Step, Trust

WHAT: Final = {
    1: "the file is a silence proof, in its one form",
    2: "the charter is signed by every party",
    3: "the channel's fingerprint is the one given",
    4: "it is of this channel and names a party and a kind, and every later log in it was opened by its party",
    5: "who is said to vouch for it may",
    6: "a guarantor if there is one, and the receiver, say which logs the party had at or after the end of the period",
    7: "each of these logs is shown, and no other",
    8: "the logs' own keys signed their checkpoints, and every other signature verifies",
    9: "each log is shown from its first entry, or from where it stood before the period",
    10: "each log is shown as far as the witness and the receiver had it at or after the end of the period",
    11: "the entries lead to every checkpoint",
    12: "none of them is of the kind",
}


class _Stop(Exception):
    """A step failed; the report says which."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A verified cosignature: who (log number, or -1 - i), over how many entries, when (POSIX seconds)."""

    by: int
    size: int
    time: int


@dataclass(slots=True)
class Shown:
    """One log as it is shown: where its checkpoints lead, who cosigned them, and what its entries turned out to be."""

    stretch: Stretch
    roots: dict[int, bytes]
    voices: list[Voice]
    begun: int | None = None  # when the witness had cosigned all that is not shown; None: all is shown
    ended: int = 0  # the last time at which the witness is known to have had no more than is shown
    received: int = 0  # the same of the receiver
    entries: int = 0
    last: int = 0  # the time that the last entry bears
    other_device: bool = False  # the beginning is by another device of the witness's than the end
    sent: int | None = field(default=None)  # the first index at which an entry of the kind stands

    @property
    def size(self) -> int:
        """How many entries the log is shown to have."""
        return max(self.roots)


def verify(data: bytes, trust: Trust) -> Report:
    """Verify a silence proof. Never raises: what is wrong is in the report."""
    report = Report(kind="silence")
    if not is_silence(data):
        report.verdict, report.code = "unreadable", "silence.malformed"
        return report
    try:
        _Check(data, trust, report).run()
        report.verdict = "valid"
    except _Stop:
        pass
    return report


class _Check:
    """One verification; `channel` is there after step 2, with the file's later logs after step 4."""

    channel: Channel

    def __init__(self, data: bytes, trust: Trust, report: Report) -> None:
        self.data = data
        self.trust = trust
        self.report = report

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Record step `number` as it ends; a PeerError inside it is its failure."""
        try:
            yield
        except PeerError as error:
            self.report.steps.append(Step(number, WHAT[number], False, error.detail))
            self.report.code = error.code
            raise _Stop from None
        self.report.steps.append(Step(number, WHAT[number], True))

    def run(self) -> None:
        with self.step(1):
            proof = Silence.decode(self.data)
        with self.step(2):
            self.read_charter()
        if self.trust.fingerprint is not None:
            with self.step(3):
                if not fingerprint.same(self.trust.fingerprint, self.channel.channel_id):
                    raise PeerError("proof.fingerprint")
        claim = proof.claim
        with self.step(4):
            self.read_openings(proof)
        with self.step(5):
            self.check_voices(claim)
        with self.step(6):
            listings = self.check_lists(claim, proof.listings)
        with self.step(7):
            self.check_logs(claim, proof)
        with self.step(8):
            shown = [self.check_signatures(stretch) for stretch in proof.stretches]
        with self.step(9):
            for one in shown:
                self.check_beginning(claim, one)
        with self.step(10):
            for one in shown:
                self.check_end(claim, one, listings)
        with self.step(11):
            for one in shown:
                self.fold(one, claim.kind)
        with self.step(12):
            for one in shown:
                if one.sent is not None:
                    raise PeerError("silence.broken", f"{self.channel.log_name(one.stretch.log)}/{one.sent}, a {kind_name(claim.kind)}")
        self.tell(claim, listings, shown)

    # --- 2 to 5: what it is about ---

    def read_charter(self) -> None:
        if self.trust.charter is None:
            raise PeerError("silence.charter")
        self.channel = Channel(open_charter(self.trust.charter, complete=True))
        charter = self.channel.charter
        words = fingerprint.words(self.channel.channel_id)
        self.report.about["channel"] = {"name": charter.name, "title": charter.title, "fingerprint": words}
        self.report.about["exercise"] = charter.exercise

    def read_openings(self, proof: Silence) -> None:
        channel, claim = self.channel, proof.claim
        if proof.channel_id != channel.channel_id:
            raise PeerError("silence.channel")
        if claim.party >= len(channel.charter.parties) or claim.kind not in KINDS.values():
            raise PeerError("silence.malformed", "no party of this channel, or a kind that is not known")
        found = [open_opening(one, channel.channel_id, channel.charter.parties) for one in proof.openings]
        numbers = [one.number for one in found]
        if numbers != sorted(set(numbers)):
            raise PeerError("silence.malformed", "its openings are not in order")
        self.channel = channel.with_openings(found)

    def check_voices(self, claim: Claim) -> None:
        """The receiver is a device of another party; the witness a guarantor's or the charter's, and the receiver's own word only where
        there is neither."""
        channel = self.channel
        if claim.holder not in channel.logs or channel.party_of(claim.holder) == claim.party:
            raise PeerError("silence.witness", "the receiver is no device of another party")
        if channel.party(claim.holder).role != "party":
            raise PeerError("silence.witness", "the receiver is no party to the agreement")
        if claim.by == claim.holder:
            if channel.witnesses or guarantors(channel, claim.party):
                raise PeerError("silence.witness", "the receiver's own word, where the charter names a guarantor or a witness")
        elif claim.by < 0:
            if -1 - claim.by >= len(channel.witnesses):
                raise PeerError("silence.witness", "the charter has no such witness")
        elif claim.by not in channel.logs or channel.party_of(claim.by) not in guarantors(channel, claim.party):
            raise PeerError("silence.witness", "it is neither a guarantor's nor a witness of the charter")

    # --- 6 and 7: which logs ---

    def check_lists(self, claim: Claim, listings: Sequence[Listing]) -> list[Listing]:
        """One entry of the receiver's log; one of the guarantor's that is the witness, or else of any guarantor's if there is one."""
        channel = self.channel
        for one in listings:
            if one.log not in channel.logs or channel.party_of(one.log) == claim.party:
                raise PeerError("silence.list", "by no other party of this channel")
            if one.entry.time < claim.until:
                raise PeerError("silence.list", f"{channel.log_name(one.log)}/{one.index} is dated {show_time(one.entry.time)}")
            self.check_listing(claim, one)
        logs = {one.log for one in listings}
        needed = {claim.holder} | ({claim.by} if claim.by >= 0 else set())
        if not needed <= logs:
            raise PeerError("silence.list", f"none by {self.names(needed - logs)}")
        by_guarantor = {channel.party_of(log) for log in logs} & guarantors(channel, claim.party)
        if guarantors(channel, claim.party) and not by_guarantor:
            raise PeerError("silence.list", "none by a guarantor")
        return list(listings)

    def check_listing(self, claim: Claim, one: Listing) -> None:
        """It stands in its log, and the witness has seen that: it is no entry that was made for this file alone."""
        signed, voices = self.read_note(one.log, one.note)
        heard = {voice.by for voice in voices}
        same = claim.by >= 0 and self.channel.party_of(claim.by) == self.channel.party_of(one.log)
        if not same and claim.by not in heard:
            raise PeerError("silence.list", f"{self.names({claim.by})} has not cosigned that of {self.channel.log_name(one.log)}")
        found = signed.checkpoint
        merkle.verify_inclusion(merkle.leaf_hash(one.entry.encode()), one.index, found.size, found.root, one.path)

    def check_logs(self, claim: Claim, proof: Silence) -> None:
        """The party's logs in the lists are those that are shown, and so are those whose openings ride along."""
        listed = {log for one in proof.listings for log in one.entry.seen if position_of(log) == claim.party}
        shown = {one.log for one in proof.stretches}
        opened = {log for log in self.channel.openings if self.channel.party_of(log) == claim.party}
        if listed != shown:
            raise PeerError("silence.logs", f"{self.names(listed ^ shown)}")
        if opened - listed or listed - self.channel.logs.keys():
            raise PeerError("silence.logs", "an opening too many or too few")

    # --- 8 to 12: what they hold ---

    def read_note(self, log: int, note: bytes) -> tuple[SignedCheckpoint, list[Voice]]:
        """A checkpoint of the log, signed by its own Ed25519 key; all lines are by known keys and verify.

        Raises PeerError note.malformed, checkpoint.*, sig.*.
        """
        names = self.channel.logs[log]
        signed = SignedCheckpoint.parse(note)
        if signed.checkpoint.origin != names.origin:
            raise PeerError("checkpoint.origin", f"instead of {names.slug}")
        if len(set(signed.lines)) != len(signed.lines):
            raise PeerError("note.malformed", "a signature twice")
        voices, own = [], False
        for line in signed.lines:
            author = next((key for key in names.log if line.is_by(key)), None)
            found = self.channel.cosigner(line.name, line.key_id)
            if author is not None:
                checkpoints.verify(signed.checkpoint, line, author)
                own |= author == names.log[0]
            elif found is not None:
                time = checkpoints.verify(signed.checkpoint, line, found[1])
                if found[0] < 0 or found[1].kind == COSIGNATURE_ED25519:
                    voices.append(Voice(found[0], signed.checkpoint.size, time))
            else:
                raise PeerError("sig.unknown", line.name)
        if not own:
            raise PeerError("sig.missing", "by the log's own key")
        return signed, voices

    def check_signatures(self, stretch: Stretch) -> Shown:
        roots: dict[int, bytes] = {}
        voices: list[Voice] = []
        for note in stretch.notes:
            signed, some = self.read_note(stretch.log, note)
            if signed.checkpoint.size <= max(roots, default=0):
                raise PeerError("silence.malformed", "checkpoints that are not in order of size")
            roots[signed.checkpoint.size] = signed.checkpoint.root
            voices += some
        return Shown(stretch, roots, voices)

    def check_beginning(self, claim: Claim, one: Shown) -> None:
        """What is not shown was cosigned by the witness, or by another device of the same guarantor's, before the period."""
        size = one.stretch.start.size
        if size == 0:
            return
        if size not in one.roots:
            raise PeerError("silence.begins", f"{self.names({one.stretch.log})}: no checkpoint of {size} entries")
        found = [voice for voice in one.voices if voice.time < claim.since and voice.size == size and self.same_party(voice.by, claim.by)]
        if not found:
            raise PeerError("silence.begins", f"{self.names({one.stretch.log})}, from entry {size} on")
        best = min(found, key=lambda voice: (voice.time, voice.by != claim.by))
        one.begun, one.other_device = best.time, best.by != claim.by

    def check_end(self, claim: Claim, one: Shown, listings: Sequence[Listing]) -> None:
        """No less is shown than witness and receiver had at or after the end, and than whoever lists the logs had seen."""
        log = one.stretch.log
        for listing in listings:
            if listing.entry.seen.get(log, 0) > one.size:
                raise PeerError("silence.ends", f"{self.names({listing.log})} had seen more of {self.names({log})} than is shown")
        times = {by: self.last_heard(claim, one, by, listings) for by in {claim.by, claim.holder}}
        for by, time in times.items():
            if time is None:
                raise PeerError("silence.ends", f"{self.names({log})}, by {self.names({by})}")
        one.ended, one.received = times[claim.by] or 0, times[claim.holder] or 0

    @staticmethod
    def last_heard(claim: Claim, one: Shown, by: int, listings: Sequence[Listing]) -> int | None:
        """The last time, not before the end of the period, at which a device is known to have had no more of a log than is shown: it
        cosigned that much then, or wrote an entry then that has seen just what it cosigned. None if there is none."""
        times = [voice.time for voice in one.voices if voice.by == by and voice.time >= claim.until]
        cosigned = {voice.size for voice in one.voices if voice.by == by} | {0}
        times += [each.entry.time for each in listings if each.log == by and each.entry.seen.get(one.stretch.log, 0) in cosigned]
        return max(times, default=None)

    @staticmethod
    def fold(one: Shown, kind: int) -> None:
        """Every checkpoint's root follows from the frontier and the entries. Raises PeerError enc.*, silence.entries."""
        at, due = one.stretch.start, sorted(one.roots)

        def check(size: int, frontier: Frontier) -> None:
            if frontier.root() != one.roots[size]:
                raise PeerError("silence.entries", f"at size {size}")

        if due[0] == at.size:
            check(due.pop(0), at)
        for chunk in unpacked(one.stretch.chunks):
            if one.sent is None and kind in chunk.kinds:
                one.sent = at.size + chunk.kinds.index(kind)
            leaves = chunk.leaves
            while due and due[0] <= at.size + len(leaves):
                count = due[0] - at.size
                at, leaves = at.extend(leaves[:count]), leaves[count:]
                check(due.pop(0), at)
            at = at.extend(leaves)
            one.last = chunk.time
            one.entries += len(chunk.leaves)
        if due or at.size != one.size:
            raise PeerError("silence.entries", f"{at.size} entries for a size of {one.size}")

    # --- What was found ---

    def same_party(self, by: int, other: int) -> bool:
        """Whether two cosigners speak for one: the same witness, or devices of the same party."""
        return by == other or (by >= 0 and other >= 0 and self.channel.party_of(by) == self.channel.party_of(other))

    def names(self, logs: set[int]) -> str:
        return ", ".join(self.channel.cosigner_name(log) for log in sorted(logs))

    def tell(self, claim: Claim, listings: Sequence[Listing], shown: Sequence[Shown]) -> None:
        """Fill the report of a proof that holds."""
        channel, slug = self.channel, self.channel.slug(claim.party) or ""
        begun = [one.begun for one in shown if one.begun is not None]
        end = min([one.ended for one in shown] + [one.entry.time for one in listings])
        start = max(begun, default=None)
        witness, receiver = channel.cosigner_name(claim.by), channel.cosigner_name(claim.holder)
        when = f"between {show_time(start)} and {show_time(end)}" if start is not None else f"until {show_time(end)}"
        entries = sum(one.entries for one in shown)
        kind = kind_name(claim.kind)
        self.report.about["silence"] = {
            "kind": kind,
            "by": slug,
            "from": show_time(claim.since),
            "to": show_time(claim.until),
            "witness": witness,
            "receiver": receiver,
            "weaker": not guarantors(channel, claim.party),
            "after": None if start is None else show_time(start),
            "until": show_time(end),
            "logs": [{"log": self.names({one.stretch.log}), "from": one.stretch.start.size, "to": one.size} for one in shown],
            "entries": entries,
            "sentence": f"{kind} by {slug}, first seen by {witness} {when}: none"
            + ("" if shown else f"; nothing of {slug} was known at all"),
        }
        role = "witness" if claim.by < 0 else "receipt"
        if start is not None:
            self.vouch(witness, role, start)
        self.vouch(witness, role, min((one.ended for one in shown), default=end))
        if claim.by != claim.holder:
            self.vouch(receiver, "receipt", min((one.received for one in shown), default=end))
        for one in listings:
            self.vouch(f"{channel.log_name(one.log)}/{one.index}", "author", one.entry.time)
        self.report.not_proved = self.not_proved(claim, listings, shown, end)

    def vouch(self, by: str, role: str, time: int) -> None:
        self.report.vouched.append({"by": by, "as": role, "time": show_time(time)})

    def not_proved(self, claim: Claim, listings: Sequence[Listing], shown: Sequence[Shown], end: int) -> list[str]:
        channel, slug = self.channel, self.channel.slug(claim.party) or ""
        kind, witness, receiver = kind_name(claim.kind), channel.cosigner_name(claim.by), channel.cosigner_name(claim.holder)
        found = [] if shown else [f"that {slug} was on the channel by then: no entry of any log of its was known"]
        found += [
            "that these keys are the named parties': compare the fingerprint with the agreement's annex or the guarantor",
            f"that {slug} said nothing by other ways: by telephone, by letter, face to face",
            f"what {slug}'s other messages say: their kinds are shown, and nothing of their content",
            f"that {slug} had not written one which had not reached {' or '.join(dict.fromkeys((witness, receiver)))} "
            f"by {show_time(end)}, or waited there for its sender's clock or quota",
            f"that {slug} has no further log of which {'neither ' if len(listings) > 1 else 'not even '}"
            f"{' nor '.join(self.names({one.log}) for one in listings)} had heard by then",
            f"that {slug} showed nobody another history of these logs: the two together would convict it",
            f"that the clock of {witness} was right, and that its device had not been replaced or stolen by then",
        ]
        if claim.by == claim.holder:
            found.append(f"anything that does not rest on {receiver}'s own word: no guarantor and no witness vouches for it")
        else:
            found.append(f"that {witness} and {receiver} did not agree to hide one")
            found.append(f"that no other device of {receiver}'s party had received one: a receipt by it would say so")
        if claim.by < 0 and not guarantors(channel, claim.party):
            found.append(
                f"that {receiver} kept nothing from {witness}, which knows only what it is shown: "
                f"the receipt that {slug} would have then convicts it"
            )
        if not guarantors(channel, claim.party):
            found.append(f"that {slug} has no other logs than {receiver} says: the channel has no guarantor who could say it")
        if not shown or any(one.last < claim.until for one in shown):
            found.append("that none comes later which its sender dated within the period")
        if any(one.other_device for one in shown):
            found.append(f"what an earlier device of {witness}'s party had seen and never passed on")
        if shown and not kind_allowed(channel, shown[0].stretch.log, claim.kind):
            found.append(f"that {slug} may send a {kind} at all: the charter as it was signed does not let it")
        return found


def guarantors(channel: Channel, besides: int) -> set[int]:
    """The positions of the guarantors, but for one party who cannot vouch for itself."""
    return {n for n, party in enumerate(channel.charter.parties) if party.role == "guarantor" and n != besides}
