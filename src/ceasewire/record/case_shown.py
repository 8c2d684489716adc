"""A case as JSON: what `ceasewire cases` lists and `ceasewire case` shows. spec/case.md, "As JSON".

Severity, each party's stance, finding, confidence, remedy and publication are different questions, and have keys of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

from .. import limits
from .bodies import COMMON
from .bodies_incident import NOTIFICATION, NOTIFICATION_FIELD, REPLY
from .bodies_record import REQUEST
from .case import Case, Correction, Duplicate, Ending, Inquiry, Remedy
from .case_asks import answering, asks, end_of
from .case_fold import accepted_dates, asked_date
from .case_record import Record, Said, answered_by, clock_name, historical, precedence, slugs
from .clocks import Clock, Span, fell_due_within
from .encoding import Value
from .fields import Json, show_time
from .kinds import KINDS, kind_name, show_body
from .message import EXERCISE, Body
from .order import RefTuple

SUMMARY_FIELDS: Final = ("types", "occurred_from", "occurred_to", "place", "location", "accused", "severity", "provisions")
_EVIDENCE: Final = COMMON["evidence"].number
_SOURCES: Final = COMMON["sources"].number
_EMBARGO: Final = COMMON["embargo"].number
_PROVISIONS: Final = COMMON["provisions"].number
_FOUND: Final = tuple("finding attribution attributed_to confidence narrative agreed disputed access_refused_by dissent comments".split())
_DAY: Final = 86400  # by so much an incident must lie before the channel's first entry, to be marked
_INQUIRING: Final = frozenset({"under_inquiry", "need_information", "joint_inquiry"})
_ADMITTING: Final = frozenset({"accepted", "partly_accepted"})
_INVESTIGATE: Final = 5  # of words.REQUESTS
_SUMMARY_BODY: Final = frozenset(field.number for name, field in {**COMMON, **NOTIFICATION}.items() if name in SUMMARY_FIELDS)


def summary(record: Record, case: Case) -> dict[str, Json]:
    """What `ceasewire cases` lists of a case: the notification's fields as they are in force."""
    return _Shown(record, case).summary()


def whole(record: Record, case: Case) -> dict[str, Json]:
    """What `ceasewire case` shows."""
    return _Shown(record, case).whole()


class _Shown:
    def __init__(self, record: Record, case: Case) -> None:
        self.record, self.case, self.channel = record, case, record.channel
        self.in_force = case.in_force(case.notification)
        self.clock = None if historical(case.notification.body) else record.clock(case.key)

    @cached_property
    def spans(self) -> Sequence[Span]:
        """When the channel was suspended."""
        return self.record.suspensions(self.case.notification.body[EXERCISE] is True)

    # --- Names ---

    def ref(self, ref: RefTuple | None) -> str | None:
        """`north/12`."""
        return None if ref is None else f"{self.channel.log_name(ref[0])}/{ref[1]}"

    def slug(self, position: int) -> str:
        return self.channel.charter.parties[position].slug

    def by(self, one: Said) -> dict[str, Json]:
        """Which message, whose, when, and whether it was withdrawn."""
        gone = self.case.withdrawn.get(one.ref)
        return {
            "ref": self.ref(one.ref),
            "by": self.slug(one.party),
            "time": show_time(one.time),
            "withdrawn": gone and self.ref(gone.ref),
        }

    def _fields(self, kind: int, body: Mapping[int, Value], numbers: Iterable[int]) -> dict[str, Json]:
        return show_body(kind, {n: body[n] for n in sorted(numbers) if n in body}, self.channel)

    # --- The two forms ---

    def summary(self) -> dict[str, Json]:
        case = self.case
        shown = self._fields(KINDS["notification"], self.in_force, _SUMMARY_BODY)
        due = self.clock.due if self.clock else None
        return {
            "ref": self.ref(case.key),
            "state": case.state,
            "exercise": case.notification.body[EXERCISE],
            "historical": historical(case.notification.body),
            "by": self.slug(case.by),
            "time": show_time(case.notification.time),
            **{name: shown.get(name) for name in SUMMARY_FIELDS},
            "received": self.received(),
            "respond_by": None if due is None else show_time(due),
            "answered": case.answered and show_time(case.answered.time),
            "stances": {
                self.slug(party): {"stance": stance, "ref": self.ref(one.ref), "time": show_time(one.time)}
                for party, (stance, one) in sorted(case.stances.items())
            },
            "finding": self._finding("finding"),
            "merged_into": self.ref(case.merged_into),
            "marks": self.marks(),
        }

    def whole(self) -> dict[str, Json]:
        case = self.case
        return {
            **self.summary(),
            "notification": show_body(KINDS["notification"], self.in_force, self.channel),
            "facts": self.facts(),
            "counter_claims": [self.ref(ref) for relation, ref in case.linked_from if relation == "counter_claim_to"],
            "linked": [{"as": relation, "ref": self.ref(ref)} for relation, ref in case.linked],
            "linked_from": [{"as": relation, "ref": self.ref(ref)} for relation, ref in case.linked_from],
            "duplicates": [self.duplicate(one) for one in case.duplicates.values()],
            "clocks": self.clocks(),
            "requests": self.requests(),
            "findings": [self.found(one, said_as) for one, said_as in case.findings],
            "confidence": self._finding("confidence"),
            "joint_inquiry": [self.inquiry(one) for one in case.inquiries.values()],
            "remedies": [self.remedy(one) for one in case.remedies.values()],
            "publication": self.publication(),
            "closed_by": {self.slug(party): self.ref(one.ref) for party, one in sorted(case.closings.items())},
            "withdrawn": self.withdrawn(),
            "corrections": self.corrections(),
            "original": self.original(),
            "evidence": self.evidence(),
            "notices": [
                {
                    "as": one.relation,
                    "ref": self.ref(one.ref),
                    "by": self.slug(one.by),
                    "activity": one.activity,
                    "question": one.question,
                }
                for one in self.record.matches(case.notification.at, case.notification.body)
            ],
            "messages": [{**self.by(one), "kind": kind_name(one.kind), "void": one.void} for one in case.messages],
        }

    def received(self) -> dict[str, Json] | None:
        """The first proof of receipt: since when it counts, and what the receiver claims."""
        proof, start = self.case.received, self.case.start
        if proof is None or start is None:
            return None
        return {
            "by": self.slug(proof.party),
            "time": show_time(start),
            "claimed": show_time(proof.time),
            "proof": self.ref(proof.place[2:]),
        }

    # --- What was said ---

    def facts(self) -> dict[str, Json]:
        named = {NOTIFICATION_FIELD.show(number, self.channel): views for number, views in self.case.facts.items()}
        return {name: {self.slug(party): view for party, view in sorted(views.items())} for name, views in sorted(named.items())}

    def duplicate(self, one: Duplicate) -> dict[str, Json]:
        """`proposed_by` the first who said so; `confirmed_by` the others; `missing` who must say so before they merge."""
        first, *others = one.said or {-1: (0, 0)}
        return {
            "ref": self.ref(one.other),
            "proposed_by": self.slug(first) if one.said else None,
            "confirmed_by": [self.slug(party) for party in others],
            "missing": slugs(self.channel, one.needed - one.said.keys()),
            "merged": None if one.merged is None else show_time(one.merged),
        }

    def requests(self) -> list[dict[str, Json]]:
        """Each request's questions, by number from 1, each with the replies that answer it by its number."""
        found: dict[RefTuple, tuple[Said, dict[Value, list[str | None]]]] = {}
        for one in self.case.messages:
            if one.kind == KINDS["request"] and one.void is None:
                found[one.ref] = one, {}
            answers = one.body.get(REPLY["answers"].number) if one.kind == KINDS["reply"] and self.case.standing(one) else None
            for ref in answered_by(one.body) & found.keys() if isinstance(answers, list) else ():
                for answer in answers if isinstance(answers, list) else ():
                    found[ref][1].setdefault(answer[1], []).append(self.ref(one.ref))  # type: ignore[index]
        return [self.request(one, answered) for one, answered in found.values()]

    def request(self, one: Said, answered: Mapping[Value, list[str | None]]) -> dict[str, Json]:
        questions = one.body.get(REQUEST["questions"].number)
        listed = enumerate(questions if isinstance(questions, list) else [], 1)
        return {**self.by(one), "questions": [{"number": n, "question": text, "answers": answered.get(n, [])} for n, text in listed]}

    def inquiry(self, one: Inquiry) -> dict[str, Json]:
        shown = show_body(one.notice.kind, self.case.in_force(one.notice), self.channel)
        return {
            **self.by(one.notice),
            "agreed_by": slugs(self.channel, one.agreed),
            "state": "cancelled" if one.cancelled else "agreed" if one.held else "proposed",
            **{name: shown.get(name) for name in ("window_from", "window_to", "area", "location")},
        }

    def found(self, one: Said, said_as: str) -> dict[str, Json]:
        shown = show_body(one.kind, self.case.in_force(one), self.channel)
        return {**self.by(one), "as": said_as, **{name: shown.get(name) for name in _FOUND}}

    def _finding(self, name: str) -> Json:
        found = self.case.finding
        return show_body(found.kind, self.case.in_force(found), self.channel).get(name) if found else None

    def remedy(self, one: Remedy) -> dict[str, Json]:
        return {
            **self.by(one.source),
            "remedy": one.text,
            "due": None if one.due is None else show_time(one.due),
            "reported": self.ref(one.reported),
            "confirmed": self.ref(one.confirmed),
        }

    def publication(self) -> dict[str, Json]:
        """What may be told, when, and who consents to what."""
        own = show_body(KINDS["notification"], self.in_force, self.channel)
        bodies = [self.case.in_force(one) for one in self.case.messages if self.case.standing(one)]
        embargoes = [time for body in bodies if isinstance(time := body.get(_EMBARGO), int)]
        return {
            "press_intention": own.get("press_intention"),
            "press_time": own.get("press_time"),
            "press_from": self._from_receipt("press"),
            "embargo": show_time(max(embargoes)) if embargoes else None,
            "consents": {
                self.slug(party): {"publish": show_body(one.kind, one.body, self.channel).get("publish"), "ref": self.ref(one.ref)}
                for party, one in sorted(self.case.published.items())
            },
        }

    def withdrawn(self) -> dict[str, Json] | None:
        gone = self.case.withdrawn.get(self.case.key)
        if gone is None:
            return None
        return {**self.by(gone), "reason": show_body(gone.kind, gone.body, self.channel).get("reason")}

    def corrections(self) -> list[dict[str, Json]]:
        found = (one for of_one in self.case.corrections.values() for one in of_one)
        return [self.correction(one) for one in sorted(found, key=lambda one: one.message.at.place)]

    def correction(self, one: Correction) -> dict[str, Json]:
        """One correction: what stood in its message, and what it puts there."""
        kind, numbers = one.target.kind, [*one.fields, *one.removed]
        was, now = self._fields(kind, one.target.body, numbers), self._fields(kind, one.fields, one.fields)
        return {
            **self.by(one.message),
            "corrects": self.ref(one.target.ref),
            "fields": {name: {"was": was.get(name), "now": now.get(name)} for name in sorted({*was, *now})},
            "reason": show_body(one.message.kind, one.message.body, self.channel).get("reason"),
        }

    def original(self) -> dict[str, Json]:
        """The notification's fields as they were sent, where a correction in force puts others there; null where there was none."""
        sent, force = self.case.notification.body, self.in_force
        changed = [number for number in {*sent, *force} if force.get(number) != sent.get(number)]
        was, now = (self._fields(KINDS["notification"], body, changed) for body in (sent, force))
        return {name: was.get(name) for name in sorted({*was, *now})}

    def evidence(self) -> list[Json]:
        """What messages that stand name as evidence, the notification's first; each file once."""
        found: dict[Json, Json] = {}
        for one in self.case.messages:
            if self.case.standing(one) and _EVIDENCE in (body := self.case.in_force(one)):
                for item in show_body(one.kind, {_EVIDENCE: body[_EVIDENCE]}, self.channel)["evidence"]:
                    found.setdefault(item["sha256"], {"ref": self.ref(one.ref), "by": self.slug(one.party), **item})
        return list(found.values())

    def marks(self) -> list[str]:
        """What a reader of the notification should know of it, as it is in force."""
        body, at = self.in_force, self.case.notification.time
        named = any(_EVIDENCE in one.body and self.case.standing(one) for one in self.case.messages[1:])
        found = marked(body, at, self.record.began()) | {
            "dated later than its receipt": self.case.received is not None
            and self.case.received.time < at - limits.CLOCK_TOLERANCE_SECONDS,
            "names a provision that the charter does not list": self._unlisted(body.get(_PROVISIONS)),
        }
        found["no evidence named"] &= not named
        return [mark for mark, holds in found.items() if holds]

    def _unlisted(self, named: Value) -> bool:
        listed = {provision for provision, _ in self.record.charter(self.case.notification.at).provisions}
        return bool(listed) and isinstance(named, list) and not listed.issuperset(map(str, named))

    # --- Clocks ---

    def clocks(self) -> list[dict[str, Json]]:
        """The clock of the notification, those of requests and notices that ask, and those that every case has; none if it is
        historical."""
        case = self.case
        if historical(case.notification.body):
            return []
        own = self._asked(case.notification, self.clock, case.answering, case.ended)
        others = [
            self._asked(one, self.record.clock(one.ref), answering(self.record, one), end_of(self.record, one))
            for one in case.messages[1:]
            if one.void is None and asks(one.at, one.body)
        ]
        return [own, *others, *self._of_case()]

    def _asked(self, one: Said, clock: Clock | None, owed: Iterable[int], ended: Ending | None) -> dict[str, Json]:
        name = clock_name(precedence(one.body))
        start, due = (clock.start, clock.due) if clock else (None, None)
        return {
            **self._clock(name, one, (start, due), owed, ended),
            "received": None if clock is None else show_time(clock.ask.received),
            "queued_behind": self.ref(clock.behind) if clock else None,
            "new_dates": [self._new_date(one, at, new) for at, new in clock.ask.dates] if clock else [],
        }

    def _new_date(self, one: Said, at: int, new: int) -> dict[str, Json]:
        """A new date that holds: which reply asked for it, and which message of the asker accepted it."""
        told = [each for each in self.case.messages if each.void is None]
        asking = {each.ref: new for each in told if each.kind == KINDS["reply"] and asked_date(each) == new}
        for each in told:
            if each.party == one.party and each.time == at and accepted_dates(each, asking):
                asked = next(ref for ref in asking if accepted_dates(each, {ref: new}))
                return {"date": show_time(new), "accepted": show_time(at), "asked_in": self.ref(asked), "accepted_in": self.ref(each.ref)}
        return {"date": show_time(new), "accepted": show_time(at), "asked_in": None, "accepted_in": None}

    def _clock(
        self, name: str, one: Said, times: tuple[int | None, int | None], owed: Iterable[int], ended: Ending | None
    ) -> dict[str, Json]:
        start, due = times
        return {
            "clock": name,
            "ref": self.ref(one.ref),
            "asked_by": self.slug(one.party),
            "owed_by": slugs(self.channel, owed),
            "start": None if start is None else show_time(start),
            "due": None if due is None else show_time(due),
            "ended": ended and {"by": ended[1], "time": show_time(ended[0]), "ref": self.ref(ended[2])},
            "fell_due_during_suspension": fell_due_within(due, ended[0] if ended else None, self.spans),
        }

    def _of_case(self) -> list[dict[str, Json]]:
        """Finding, where there is an inquiry; report of discipline, where somebody admits or a finding confirms; press."""
        case, found = self.case, []
        over = [one for one in case.endings if one[1] != "answered"]
        own_parties = case.sides & frozenset(n for n, party in enumerate(self.channel.charter.parties) if party.role == "party")
        if self._inquiring():
            done = [(case.finding.time, "answered", case.finding.ref)] if case.finding else []
            found.append(("finding", own_parties, min([*done, *over], default=None)))
        admitting = frozenset(party for party, (stance, _) in case.stances.items() if stance in _ADMITTING)
        if admitting or self._finding("finding") == "confirmed":
            done = [(case.discipline.time, "answered", case.discipline.ref)] if case.discipline else []
            found.append(("discipline_report", admitting or case.answering, min([*done, *over], default=None)))
        found.append(("press", frozenset(), None))
        charter, start = self.record.charter(case.notification.at), case.start
        return [
            self._clock(name, case.notification, (start, None if start is None else start + charter.clocks[name]), owed, ended)
            for name, owed, ended in found
        ]

    def _inquiring(self) -> bool:
        asked = self.case.notification.body.get(NOTIFICATION["request"].number)
        wanted = asked == _INVESTIGATE or (isinstance(asked, list) and _INVESTIGATE in asked)
        return wanted or bool(self.case.inquiries) or any(stance in _INQUIRING for stance, _ in self.case.stances.values())

    def _from_receipt(self, name: str) -> str | None:
        if self.case.start is None or historical(self.case.notification.body):
            return None
        return show_time(self.case.start + self.record.charter(self.case.notification.at).clocks[name])


def marked(body: Body, at: int, began: int) -> dict[str, bool]:
    """Which marks a notification has by its own text, dated `at`, on a channel whose first entry is of the time `began`. POSIX seconds."""
    started = body.get(NOTIFICATION["occurred_from"].number)
    return {
        "no source given": _SOURCES not in body,
        "no evidence named": _EVIDENCE not in body,
        "figures contradict": _contradict(body.get(NOTIFICATION["casualties"].number)),
        "said to have happened after it was notified": isinstance(started, int) and started > at,
        "happened before this channel began": isinstance(started, int) and started < began - _DAY,
    }


def _contradict(casualties: Value) -> bool:
    """Whether an estimate's low, best and high are not in that order."""
    groups = casualties.values() if isinstance(casualties, dict) else ()
    estimates = [estimate for harms in groups if isinstance(harms, dict) for estimate in harms.values()]
    return any(isinstance(one, list) and not one[0] <= one[1] <= one[2] for one in estimates)  # type: ignore[operator]
