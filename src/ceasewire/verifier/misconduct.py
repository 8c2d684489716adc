"""The proof of misconduct: its numbered steps. It stops at the first that fails. spec/misconduct.md.

    (1) the file is a misconduct proof, in its one form
    (2) the charter is signed by every party, or the policy can be read
    (3) the channel's fingerprint is the one given, if one was given
    (4) the proof is of this channel, and the accused log is one that the charter or policy names, or whose opening it bears
    (5) every part is signed by a key of that one device, and stands in its log, or by a recovery key of its party
    (6) what the proof claims follows from its parts

A policy names logs' keys alone: kinds that need a receipt key or the charter's quota are refused with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ..errors import PeerError
from ..record import fingerprint
from ..record.channel import Channel
from ..record.charter import open_charter
from ..record.misconduct import Proof, Verdict
from ..record.misconduct_parts import Accused
from ..tlog.policy import Policy
from .report import Report, Step, Trust

WHAT: Final = {
    1: "the file is a misconduct proof, in its one form",
    2: "the charter is signed by every party, or the policy can be read",
    3: "the channel's fingerprint is the one given",
    4: "the proof is of this channel, and against a log that the charter or policy names or whose opening it bears",
    5: "every part is signed by a key of that one device, and stands in its log, or by a recovery key of its party",
    6: "what the proof claims follows from its parts",
}
_KEYS: Final = {"log": ("author",), "receipt": ("receipt",), "log and receipt": ("author", "receipt"), "recovery": ("author",)}
_WHY: Final = (
    "why it happened, and that a person meant it: {whose} signed it all; a machine that was cloned, restored whole or stolen can"
    " have done so"
)
_OF_KIND: Final = {
    "two_faces": "which of the two histories was meant, and where below that size they part",
    "two_leaves": "which of the two histories was meant",
    "rewrite": "which of the two histories was meant, and where below the older size they part",
    "back_dating": "when the message was written in truth",
    "two_values": "which of the two values was meant",
    "reused_release": "that officers did not release both: their releases are not in the proof",
    "two_openings": "where only the number is shared, that it was meant: of two machines that know nothing of each other one pair in 16"
    " million draws one number by chance",
    "flood": "that it broke the charter: an amendment may have raised the quota, and a clock that once was ahead dates many messages alike",
}


class _Stop(Exception):
    """A step failed; the report says which."""


def verify(data: bytes, trust: Trust) -> Report:
    """Verify a proof of misconduct. Never raises: what is wrong is in the report."""
    report = Report(kind="misconduct")
    try:
        _run(data, trust, report)
        report.verdict = "valid"
    except _Stop:
        pass
    return report


@contextmanager
def _step(report: Report, number: int) -> Iterator[None]:
    """Record step `number` as it ends; a PeerError inside it is its failure, or the next step's if each part verified."""
    try:
        yield
    except PeerError as error:
        if error.code == "misconduct.unproved":
            report.steps.append(Step(number, WHAT[number], True))
            number += 1
        report.steps.append(Step(number, WHAT[number], False, error.detail or error.explained.sentence))
        report.code = error.code
        raise _Stop from None
    report.steps.append(Step(number, WHAT[number], True))


def _run(data: bytes, trust: Trust, report: Report) -> None:
    with _step(report, 1):
        proof = Proof.decode(data)
    with _step(report, 2):
        channel = Channel(open_charter(trust.charter, complete=True)) if trust.charter is not None else None
        policy = Policy.parse(trust.policy or b"") if channel is None else None
    if channel is not None:
        charter = channel.charter
        report.about["channel"] = {"name": charter.name, "title": charter.title, "fingerprint": fingerprint.words(channel.channel_id)}
        report.about["exercise"] = charter.exercise
    if trust.fingerprint is not None:
        with _step(report, 3):
            if channel is None or not fingerprint.same(trust.fingerprint, channel.channel_id):
                raise PeerError("proof.fingerprint")
    with _step(report, 4):
        accused: Accused = proof.accused(channel) if channel is not None else proof.accused_by(policy.logs if policy else ())
    with _step(report, 5):
        verdict = proof.judge(accused)
    report.steps.append(Step(6, WHAT[6], True))
    _tell(report, verdict, channel)


def _tell(report: Report, verdict: Verdict, channel: Channel | None) -> None:
    """Fill the report of a proof that holds."""
    report.fields = {
        "sentence": f"{verdict.sentence}.",
        "misconduct": verdict.kind,
        "convicts": verdict.convicts,
        "log": verdict.log_name,
        "party": verdict.party,
        **verdict.facts,
    }
    if verdict.from_index is not None:
        report.fields["does_not_stand_from"] = verdict.from_index
    who, whose = verdict.log_name, f"the keys of {verdict.log_name}"
    if verdict.keys == "recovery":
        who, whose = verdict.party, f"a recovery key of {verdict.party}"
    report.vouched = [{"by": who, "as": role, "time": None} for role in _KEYS[verdict.keys]]
    report.not_proved = [
        "that these keys are the named parties': compare the fingerprint with the agreement's annex or the guarantor",
        _WHY.format(whose=whose),
    ]
    if verdict.kind in _OF_KIND:
        report.not_proved.append(_OF_KIND[verdict.kind])
    if channel is None:
        report.not_proved.append("whether the channel is an exercise: a policy does not say")
