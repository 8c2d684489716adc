"""The fold of one case: every message that belongs, in record order, and what each does to it. spec/case.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from .bodies import COMMON
from .bodies_incident import FINDING, REPLY
from .bodies_record import CORRECTION
from .case import ANSWERS, Case, Correction, Duplicate, Inquiry, Remedy
from .case_record import (
    CASE_LINKS,
    DELAYS,
    Record,
    Said,
    accused,
    activity,
    answered_by,
    first_proof,
    links_of,
    phase,
    re_of,
    said,
    start_of,
    taken_back,
    word,
)
from .kinds import KINDS, references
from .message import EXERCISE
from .order import RefTuple
from .words import FINDINGS, STANCES

_AGREEING: Final = frozenset({"no_objection", "assurance"})  # stances that agree to a joint inquiry
_SAME: Final = frozenset({"accepted", "no_objection"})  # stances that agree that two cases are one
_CONFIRMING: Final = frozenset({"confirmed", "settled_bilaterally"})  # findings of a guarantor that a remedy was carried out
_ASIDE: Final = frozenset({KINDS["request"], KINDS["notice"]})  # a reply to these alone is no reply to the case
_REPORTING: Final = frozenset({KINDS["statement"], KINDS["evidence"]})  # what says that a remedy was carried out
# What no correction replaces: what clocks, alarms and cases hang on.
_KEPT: Final = frozenset({0, 1, *(COMMON[name].number for name in ("precedence", "re", "links", "respond_by", "historical"))})


def fold(record: Record, key: RefTuple) -> Case:
    """The case that begins with the notification `key`. Raises KeyError if no case does."""
    first = record.placed(key)
    if first is None or first.row.kind != KINDS["notification"] or first.row.void is not None:
        raise KeyError(key)
    own = said(first, record.channel)
    answering = accused(record.channel, first, own.body)
    case = Case(own, answering, answering | {own.party}, messages=[own])
    case.received = first_proof(record.receipts(key), answering)
    case.start = start_of(first, case.received) if case.received else None
    members = [said(one, record.channel) for one in record.members(key)]
    return _Fold(record, case).run(members)


@dataclass(slots=True)
class _Fold:
    """One fold under way. What clocks hang on counts although it was withdrawn later: a clock that has ended stays so."""

    record: Record
    case: Case
    known: dict[RefTuple, Said] = field(default_factory=dict)
    asked: dict[RefTuple, int] = field(default_factory=dict)  # replies that ask for a new date
    reports: dict[RefTuple, list[Remedy]] = field(default_factory=dict)  # messages that say a remedy was carried out
    proposals: dict[RefTuple, list[RefTuple]] = field(default_factory=dict)  # messages that say another case is the same
    agreed: int = 0  # inquiries that are agreed and not cancelled
    ever_closed: set[int] = field(default_factory=set)
    own_findings: dict[int, object] = field(default_factory=dict)

    def run(self, members: list[Said]) -> Case:
        case = self.case
        for one in members:  # other cases' notifications are there for their links alone
            if one.kind != KINDS["notification"]:
                case.messages.append(one)
        self._withdrawals()
        self.known[case.key] = case.notification
        self._links_of_own()
        for one in members:
            self._receive(one)
            if one.kind == KINDS["notification"]:
                self._joined(one)
                continue
            if one.void is None:
                self._said(one)
            self.known[one.ref] = one
        self._receive(None)
        return case

    def _withdrawals(self) -> None:
        """Which messages were withdrawn, by withdrawals that were not: from the newest down, since each names what lies below it."""
        held = {one.ref: one for one in self.case.messages}
        for one in reversed(self.case.messages):
            if one.kind != KINDS["withdrawal"] or not self.case.standing(one):
                continue
            for ref in re_of(one.body):
                if ref in held and held[ref].party == one.party:
                    self.case.withdrawn[ref] = one

    def _receive(self, one: Said | None) -> None:
        proof = self.case.received
        if proof and self.case.state == "notified" and (one is None or proof.place <= one.at.place):
            self.case.move("received")

    def _said(self, one: Said) -> None:
        self._clocks(one)
        if one.kind == KINDS["correction"]:
            self._correct(one)
        if self.case.standing(one):
            self._same(one)
            if one.kind in _REPORTING:
                self._report(one)
            act = _ACTS.get(one.kind)
            if act:
                act(self, one)

    # --- Clocks ---

    def _clocks(self, one: Said) -> None:
        case = self.case
        if one.kind == KINDS["reply"]:
            self._answer(one)
        elif one.kind == KINDS["withdrawal"] and one.party == case.by and case.key in re_of(one.body):
            case.endings.append((one.time, "withdrawn", one.ref))
        elif one.kind == KINDS["closing"] and one.party in case.sides and not case.sides <= self.ever_closed:
            self.ever_closed.add(one.party)
            if case.sides <= self.ever_closed:
                case.endings.append((one.time, "closed", one.ref))
        if self.asked and one.party == case.by:
            case.dates += accepted_dates(one, self.asked)

    def _answer(self, one: Said) -> None:
        if not self._answers(one):
            return
        date = asked_date(one)
        if date is not None:
            self.asked[one.ref] = date
        elif self.case.answered is None:
            self.case.answered = one
            self.case.endings.append((one.time, "answered", one.ref))

    def _answers(self, one: Said) -> bool:
        """Whether a reply is an answering party's to the case: to anything of it but its requests and notices, which have answers of
        their own."""
        if one.party not in self.case.answering or word(STANCES, one.body.get(_STANCE)) not in ANSWERS:
            return False
        return any(self.known[ref].kind not in _ASIDE for ref in references(one.body) if ref in self.known)

    # --- What each kind does ---

    def _reply(self, one: Said) -> None:
        case, stance, to = self.case, word(STANCES, one.body.get(_STANCE)), answered_by(one.body)
        for inquiry in (case.inquiries[ref] for ref in to if ref in case.inquiries):
            if stance in _AGREEING:
                self._agree(inquiry, one.party)
            elif stance == "objection":
                inquiry.agreed.discard(one.party)
        if one.party == case.by and stance == "accepted":
            self._confirm(to, one)
        if one.party in case.sides and _PUBLISH in one.body:
            case.published[one.party] = one
        if self._answers(one):
            self._take_stance(one, stance)

    def _take_stance(self, one: Said, stance: str) -> None:
        case = self.case
        case.stances[one.party] = (stance, one)
        for view, number in (("agreed", _AGREED), ("disputed", _DISPUTED)):
            fields = one.body.get(number)
            for name in fields if isinstance(fields, list) else ():
                case.facts.setdefault(name, {})[one.party] = view  # type: ignore[arg-type]
        if _DISCIPLINE in one.body and case.discipline is None:
            case.discipline = one
        self._remedy(one, REPLY["remedy"].number, REPLY["remedy_by"].number)
        case.move(ANSWERS[stance])

    def _remedy(self, one: Said, text: int, due: int) -> None:
        if text in one.body:
            by = one.body.get(due)
            self.case.remedies[one.ref] = Remedy(one, str(one.body[text]), by if isinstance(by, int) else None)

    def _report(self, one: Said) -> None:
        for ref in references(one.body) if one.party in self.case.answering else ():
            remedy = self.case.remedies.get(ref)
            if remedy and remedy.reported is None:
                remedy.reported = one.ref
                self.reports.setdefault(one.ref, []).append(remedy)

    def _confirm(self, named: Iterable[RefTuple], one: Said) -> None:
        """Agreement to reports that remedies were carried out."""
        for remedy in (remedy for ref in named for remedy in self.reports.get(ref, ())):
            remedy.confirmed = remedy.confirmed or one.ref
            self.case.move("remedied")

    def _notice(self, one: Said) -> None:
        case, named = self.case, set(references(one.body))
        if activity(one.body) != "joint_inquiry" or not (one.party in case.sides or self._role(one) == "guarantor"):
            return
        earlier = [inquiry for ref in sorted(named) if (inquiry := case.inquiries.get(ref)) and not inquiry.cancelled]
        if phase(one.body) == "cancelled":
            for inquiry in earlier:
                self._cancel(inquiry)
        elif phase(one.body) == "planned":
            others = [inquiry for inquiry in earlier if inquiry.notice.party != one.party]
            for inquiry in others:
                self._agree(inquiry, one.party)
            if not others:
                case.inquiries[one.ref] = Inquiry(one)

    def _agree(self, inquiry: Inquiry, party: int) -> None:
        inquiry.agreed.add(party)
        needed = self.case.sides - {inquiry.notice.party}
        if needed <= inquiry.agreed and not inquiry.cancelled and not inquiry.held:
            inquiry.held = True
            self.agreed += 1
            self.case.move("joint_inquiry")

    def _cancel(self, inquiry: Inquiry) -> None:
        inquiry.cancelled = True
        self.agreed -= inquiry.held
        if inquiry.held and not self.agreed:
            self.case.move("inquiry_cancelled")

    def _finding(self, one: Said) -> None:
        case, guarantor = self.case, self._role(one) == "guarantor"
        code = word(FINDINGS, one.body.get(FINDING["finding"].number))
        if guarantor and any(ref in self.reports for ref in references(one.body)):
            case.findings.append((one, "remedy"))
            if code in _CONFIRMING:
                self._confirm(references(one.body), one)
            return
        said_as = "guarantor" if guarantor else "joint" if self._is_joint(one) else "party"
        case.findings.append((one, said_as))
        if said_as != "party":
            case.finding = one
            case.move("found")
        if guarantor or one.party in case.sides:
            self._remedy(one, FINDING["remedy"].number, FINDING["remedy_by"].number)

    def _is_joint(self, one: Said) -> bool:
        """Whether every side has now found the same, in its newest finding."""
        if one.party not in self.case.sides:
            return False
        to = one.body.get(FINDING["attributed_to"].number)
        attributed = sorted(map(str, to)) if isinstance(to, list) else []
        self.own_findings[one.party] = [one.body.get(FINDING["finding"].number), one.body.get(FINDING["attribution"].number), attributed]
        views = [self.own_findings.get(side) for side in self.case.sides]
        return all(view == views[0] for view in views)

    def _closing(self, one: Said) -> None:
        if one.party in self.case.sides:
            self.case.closings.setdefault(one.party, one)
            if self.case.sides <= self.case.closings.keys():
                self.case.move("closed")

    def _withdrawal(self, one: Said) -> None:
        if self.case.withdrawn.get(self.case.key) is one:
            self.case.move("withdrawn")

    def _correct(self, one: Said) -> None:
        """A correction by the party that sent what it corrects."""
        target = next((self.known[ref] for ref in re_of(one.body) if ref in self.known), None)
        if target is None or target.party != one.party or one.body.get(_OF) != target.kind or target.void is not None:
            return
        fields, removed = one.body.get(_FIELDS), one.body.get(_REMOVED)
        found = {n: value for n, value in fields.items() if n not in _KEPT} if isinstance(fields, dict) else {}
        gone = tuple(n for n in removed if isinstance(n, int) and n not in _KEPT) if isinstance(removed, list) else ()
        self.case.corrections.setdefault(target.ref, []).append(Correction(one, target, found, gone))

    def _role(self, one: Said) -> str:
        return self.record.channel.charter.parties[one.party].role

    # --- Other cases ---

    def _links_of_own(self) -> None:
        own = self.case.notification
        for relation, ref in links_of(own.body):
            if relation in CASE_LINKS and self._other(ref):
                self.case.linked.append((relation, ref))
                if relation == "duplicate_of" and self.case.standing(own):
                    self._say_same(ref, own)

    def _joined(self, one: Said) -> None:
        """Another case's notification, which links to this case."""
        for relation, ref in links_of(one.body):
            if ref == self.case.key and relation in CASE_LINKS:
                self.case.linked_from.append((relation, one.ref))
                if relation == "duplicate_of" and not taken_back(self.record, one.at):
                    self._say_same(one.ref, one)

    def _same(self, one: Said) -> None:
        """A message that names two cases, one by a link `duplicate_of`; or a reply that agrees to one."""
        named, key = re_of(one.body), self.case.key
        others: list[RefTuple] = []
        for ref in (ref for relation, ref in links_of(one.body) if relation == "duplicate_of"):
            others += named if ref == key else [ref] if key in named else []
        for other in dict.fromkeys(others):
            if self._other(other):
                self._say_same(other, one)
        if one.kind == KINDS["reply"] and word(STANCES, one.body.get(_STANCE)) in _SAME:
            for ref in answered_by(one.body):
                for other in self.proposals.get(ref, ()):
                    self._say_same(other, one)

    def _say_same(self, ref: RefTuple, one: Said) -> None:
        other = self.record.placed(ref)
        if other is None:
            return
        if ref not in self.case.duplicates:
            channel = self.record.channel
            sides = accused(channel, other, other.body()) | {channel.party_of(ref[0])}
            self.case.duplicates[ref] = Duplicate(ref, other.place < self.case.notification.at.place, self.case.sides | sides)
        found = self.case.duplicates[ref]
        if one.kind not in (KINDS["notification"], KINDS["reply"]):
            self.proposals.setdefault(one.ref, []).append(ref)
        if one.party in found.needed:
            found.said.setdefault(one.party, one.ref)
        if found.merged is None and found.needed <= found.said.keys():
            found.merged = one.time
            if found.before:
                self.case.endings.append((one.time, "merged", one.ref))

    def _other(self, ref: RefTuple) -> bool:
        """Whether a reference is another case's notification that may join this one."""
        other = self.record.placed(ref)
        if other is None or ref == self.case.key or other.row.kind != KINDS["notification"] or other.row.void is not None:
            return False
        return other.body()[EXERCISE] == self.case.notification.body[EXERCISE]


def asked_date(one: Said) -> int | None:
    """The new date for which a reply asks: it is not the answer then. Only a stance that puts the answer off asks for one."""
    date = one.body.get(REPLY["new_respond_by"].number)
    return date if isinstance(date, int) and word(STANCES, one.body.get(_STANCE)) in DELAYS else None


def accepted_dates(one: Said, asked: Mapping[RefTuple, int]) -> list[tuple[int, int]]:
    """The new dates that a message of the asker's accepts, with its time: by a reply `accepted` to the reply that asked, or by any message
    that names that reply and bears its date as `respond_by`."""
    accepts = one.kind == KINDS["reply"] and word(STANCES, one.body.get(_STANCE)) == "accepted"
    named = answered_by(one.body)
    return [(one.time, asked[ref]) for ref in sorted(named) if ref in asked and (accepts or one.body.get(_RESPOND_BY) == asked[ref])]


_RESPOND_BY: Final = COMMON["respond_by"].number
_STANCE: Final = REPLY["stance"].number
_AGREED: Final = REPLY["agreed"].number
_DISPUTED: Final = REPLY["disputed"].number
_DISCIPLINE: Final = REPLY["discipline"].number
_PUBLISH: Final = REPLY["publish"].number
_OF: Final = CORRECTION["of"].number
_FIELDS: Final = CORRECTION["fields"].number
_REMOVED: Final = CORRECTION["removed"].number

_ACTS: Final[Mapping[int, Callable[[_Fold, Said], None]]] = {
    KINDS["reply"]: _Fold._reply,
    KINDS["notice"]: _Fold._notice,
    KINDS["finding"]: _Fold._finding,
    KINDS["closing"]: _Fold._closing,
    KINDS["withdrawal"]: _Fold._withdrawal,
}
