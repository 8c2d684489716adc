"""Tales: histories with every kind of message, by two parties with several logs each and a guarantor, told anew from one number.

North has a further device; south's first log was replaced. Messages refer to what their writer held, sometimes to what nobody has, and
some break a rule. `delivered` gives the record as a node has it to which the logs came in some order and in pieces of some size: it
marks what is void as it comes, as every node does.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ceasewire.record.casebook import Casebook
from ceasewire.record.channel import Channel
from ceasewire.record.charter import ALGORITHMS
from ceasewire.record.conviction import TWO_FACES, Court, of_common, opened_once, two_faced
from ceasewire.record.fields import show_time
from ceasewire.record.kinds import KINDS, STANCES, UNDERSTOOD, kind_name, read_body, show_body
from ceasewire.record.log import mark_void
from ceasewire.record.message import Body, Message, message_of, row
from ceasewire.record.misconduct import Maker
from ceasewire.record.opening import Opening, sign_opening
from ceasewire.record.order import placed, seen_of
from ceasewire.record.standing import REPLACED, sights, standing, stands
from ceasewire.record.values import Cosignature, Row
from ceasewire.record.words import ACTIVITIES, FINDINGS, LINKS, PRECEDENCES
from ceasewire.tlog.merkle import EMPTY_ROOT
from crimes import ROOT, Device, history
from helpers import START, make_channel, make_party, seed_of

from .histories import Store

_SIGNED = make_channel(("north", "south", "mission:guarantor"), clocks={"reply": 6, "flash": 2}, quotas={"running_clocks_per_party": 2})


def _opening(position: int, name: str, predecessor: int | None, size: int) -> Opening:
    channel_id, keys = _SIGNED.channel.channel_id, make_party(name).card.keys
    return Opening(channel_id, position, keys, predecessor, size, seed_of("root") if size else EMPTY_ROOT)


DEVICE: Final = _opening(0, "north-device", None, 0)
SUCCESSOR: Final = _opening(1, "south-successor", 1, 3)
CHANNEL: Final = Channel(_SIGNED.signed, [DEVICE, SUCCESSOR])
LOGS: Final = (0, 1, 2, DEVICE.number, SUCCESSOR.number)
COURT: Final = Court(CHANNEL)


def _proofs() -> list[bytes]:
    """Proofs that north's and south's first logs showed two histories, from several indexes on, and that the others were opened twice."""
    found: list[bytes] = []
    for log, slug in enumerate(("north", "south")):
        device = Device(CHANNEL, log, make_party(slug))
        found += [Maker(CHANNEL, log).two_faces(history(device, size).note(size), device.note(size, ROOT)) for size in (2, 5, 9)]
    for opening, slug, name in ((DEVICE, "north", "north-device"), (SUCCESSOR, "south", "south-successor")):
        again = replace(opening, size=7, root=ROOT, predecessor=opening.position)
        found.append(Maker(CHANNEL, opening.number, _signed(opening, slug, name)).two_openings(_signed(again, slug, name)))
    return found


def _signed(opening: Opening, slug: str, name: str) -> bytes:
    """The file of an opening of the party `slug`, whose keys are those of `name`."""
    keys = [(make_party(who), use) for who, use in ((slug, "recovery"), (name, "log"), (name, "receipt"))]
    return sign_opening(opening, 0, [party.signers[use, algorithm] for party, use in keys for algorithm in ALGORITHMS])


CARRIED: Final = [b"no proof", *_proofs()]
NAMES: Final = {log: CHANNEL.logs[log].slug for log in LOGS}
COMMON_KINDS: Final = (
    "notification",
    "notification",
    "reply",
    "reply",
    "reply",
    "line_check",
    "statement",
    "notice",
    "notice",
    "withdrawal",
)
RARE_KINDS: Final = tuple(kind for kind in KINDS if kind not in ("keys", "amendment"))


def proved(cosignature: Cosignature) -> bool:
    """Signatures in tales are a zero byte; those of an even time verify."""
    return cosignature.time % 2 == 0


class Tale:
    """Five devices that write and hear of each other, by chance."""

    def __init__(self, chance: random.Random, messages: int) -> None:
        self.chance = chance
        self.stores = {log: Store() for log in LOGS}
        self.written: dict[int, list[Row]] = {log: [] for log in LOGS}
        self.time, self.writer, self.notified = START, 0, 0
        self.plot = list(chance.choice(PLOTS))
        self.told: list[str] = []  # what was written of the plot
        for _ in range(messages):
            self.time += chance.choice((0, 0, 1, 3))
            if self.plot and chance.random() < 0.3:
                self._go_on()
            else:
                self._write(chance.choice(LOGS))
            for _ in range(chance.randrange(4)):
                self._hear(chance.choice(LOGS), chance.choice(LOGS), chance.randrange(1, 9))

    @property
    def rows(self) -> list[Row]:
        """Everything that was written."""
        return [one for rows in self.written.values() for one in rows]

    def _go_on(self) -> None:
        """Write the plot's next message, by a device that has heard of everything."""
        log, name, fields, about = self.plot.pop(0)
        for of in LOGS * 2:
            self._hear(log, of, 10_000)
        named: dict[str, Any] = {"re": [self.told[about[-1]]]} if about else {}
        if len(about) == 2:
            named["links"] = [{"as": "duplicate_of", "ref": self.told[about[0]]}]
        body = read_body(UNDERSTOOD[KINDS[name]], {**fields, **named}, CHANNEL, exercise=False)
        self.told.append(f"{NAMES[log]}/{self.stores[log].size(log)}")
        self._put(log, KINDS[name], body)

    def _hear(self, to: int, of: int, most: int) -> None:
        store = self.stores[to]
        for one in self.written[of][store.size(of) :][:most]:
            if all(store.size(log) >= size for log, size in seen_of(one.seen).items() if log != to):
                store.put([one])

    def _write(self, log: int) -> None:
        index = self.stores[log].size(log)
        kind, body = self._said(log, index, self._seen(log))
        self._put(log, kind, body, again=self.chance.random() < 0.03)

    def _seen(self, log: int) -> dict[int, int]:
        return {other: len(rows) for other, rows in self.stores[log].logs.items() if other != log and rows}

    def _put(self, log: int, kind: int, body: Body, *, again: bool = False) -> None:
        store, index = self.stores[log], self.stores[log].size(log)
        time = max([self.time, *(rows[-1].time for rows in store.logs.values() if rows)])
        seed = seed_of(log, index)[:16]
        if again and index:  # a release used twice
            last = message_of(self.written[log][-1])
            kind, body, seed = last.kind, last.body, last.seed
        one = row(log, index, Message(kind, time, self._seen(log), seed, body))
        self.written[log].append(one)
        store.put([one])

    def _said(self, log: int, index: int, seen: dict[int, int]) -> tuple[int, Body]:
        if log >= 2**31 and index == 0:
            return KINDS["keys"], {0: [], 1: False, 16: b"an opening"}
        self.writer, held = log, {**seen, log: index} if index else seen
        name = self.chance.choice(COMMON_KINDS if self.chance.random() < 0.7 else RARE_KINDS)
        if name == "notification" and self.notified > 4:
            name = "reply"
        if name == "reply" and CHANNEL.party(log).role != "party" and self.chance.random() < 0.8:
            name = "statement"
        self.notified += name == "notification"
        json_body = {"exercise": self.chance.random() < 0.1, **self._body(name, held)}
        body = read_body(UNDERSTOOD[KINDS[name]], json_body, CHANNEL, exercise=False)
        if self.chance.random() < 0.03:
            body[self.chance.choice((3, 16))] = "no such thing"
        return KINDS[name], body

    def _ref(self, held: dict[int, int]) -> str:
        """Mostly what the writer held, of each log rather what is old, so that many speak of one case."""
        log = self.chance.choice(list(held) or [0])
        size = held.get(log, 1) + (self.chance.random() < 0.02)
        return f"{NAMES[log]}/{min(self.chance.randrange(size), self.chance.randrange(size))}"

    def _refs(self, held: dict[int, int], kind: str = "") -> list[str]:
        """Some messages; often what a message of that kind is for."""
        wanted = KINDS.get(_ABOUT.get(kind, ""))
        fitting = [one for log, size in held.items() for one in self.written[log][:size] if one.kind == wanted]
        if kind in ("reply", "assurance", "answer", "agreement"):
            fitting = [one for one in fitting if CHANNEL.party_of(one.log) != CHANNEL.party_of(self.writer)]
        if fitting and self.chance.random() < 0.6:
            one = self.chance.choice(fitting)
            return [f"{NAMES[one.log]}/{one.index}"]
        return sorted({self._ref(held) for _ in range(self.chance.randrange(1, 4))})

    def _body(self, name: str, held: dict[int, int]) -> dict[str, Any]:
        chance = self.chance
        body: dict[str, Any] = {}
        if name not in ("notification", "flash", "channel_status", "line_check") and (chance.random() < 0.9 or name in _NEED_RE):
            body["re"] = self._refs(held, name)
        if chance.random() < 0.2:
            body["links"] = [{"as": chance.choice((*LINKS[3:], "duplicate_of")), "ref": self._ref(held)}]
        if chance.random() < 0.1:
            body["precedence"] = chance.choice(PRECEDENCES)
        if chance.random() < 0.05:
            body["historical"] = True
        own: dict[str, Any] = _OWN[name](self, held)
        return body | own

    # --- Each kind's own fields ---

    def _when(self, seconds: int = 9) -> str:
        return show_time(self.time + self.chance.randrange(-seconds, seconds))

    def _notification(self, held: dict[int, int]) -> dict[str, Any]:
        chance = self.chance
        body: dict[str, Any] = {"types": ["A4"], "occurred_from": self._when(), "place": chance.choice(("Bridge 4", "bridge  4", "Mill"))}
        if chance.random() < 0.5:
            body |= {"accused": chance.choice(("north", "south")), "location": [34.5 + chance.randrange(3), 69.1]}
        if chance.random() < 0.3:
            body["casualties"] = {"civilians": {"killed": [chance.randrange(3) for _ in range(3)]}}
        return body

    def _reply(self, held: dict[int, int]) -> dict[str, Any]:
        chance = self.chance
        body: dict[str, Any] = {"stance": chance.choice(STANCES)}
        if chance.random() < 0.5:
            purpose = chance.choice(("assurance", "answer", "agreement"))
            body |= {"re": self._refs(held, purpose), "stance": {"assurance": "no_objection", "answer": "noted"}.get(purpose, "accepted")}
        if chance.random() < 0.3:
            body |= {"agreed": ["types"], "disputed": [chance.choice(("place", "casualties"))], "publish": chance.choice(("both", "none"))}
        if chance.random() < 0.4:
            body |= {"remedy": "We will rebuild it.", "discipline": "An officer was relieved."}
        if chance.random() < 0.2:
            body["new_respond_by"] = self._when(60)
        return body

    def _notice(self, held: dict[int, int]) -> dict[str, Any]:
        chance = self.chance
        activity = chance.choice((*ACTIVITIES, *["joint_inquiry"] * 9))
        if chance.random() < 0.3:
            return {"activity": activity, "phase": chance.choice(("started", "finished", "cancelled")), "re": self._refs(held)}
        times = sorted((self._when(), self._when()))
        body: dict[str, Any] = {"re": self._refs(held, "notice")} if activity == "joint_inquiry" else {}
        body |= {"activity": activity, "window_from": times[0], "window_to": times[1], "assurance_asked": chance.random() < 0.5}
        return body | {"area": "Bridge 4"} if chance.random() < 0.5 else body | {"location": [34.5, 69.1]}

    def _finding(self, held: dict[int, int]) -> dict[str, Any]:
        return {"finding": self.chance.choice(FINDINGS[:3]), "remedy": "Withdraw the battery."}

    def _correction(self, held: dict[int, int]) -> dict[str, Any]:
        body: dict[str, Any] = {"re": self._refs(held, "correction")[:1], "of": "notification", "reason": "A slip."}
        return body | {"fields": {"severity": self.chance.choice(("low", "grave"))}}

    def _line_check(self, held: dict[int, int]) -> dict[str, Any]:
        chance = self.chance
        receipts = [
            {
                "log": NAMES[chance.choice(LOGS)],
                "size": chance.randrange(1, 12),
                "by": chance.choice((*LOGS, -1)),
                "kind": 4,
                "time": self._when(),
                "signature": "AA==",
            }
            for _ in range(chance.randrange(3))
        ]
        found: dict[str, Any] = {"receipts": receipts} if receipts else {}
        drawn = seed_of("misconduct", self.time, sorted(held.items()))[0]  # which leaves the rest of the tale as it is
        if drawn < 2 * len(CARRIED):
            found["misconduct"] = [base64.b64encode(CARRIED[drawn // 2]).decode()]
        return found

    def _channel_status(self, held: dict[int, int]) -> dict[str, Any]:
        return {"status": self.chance.choice(("suspension", "resumption", "contact"))}


_SHOT: Final[dict[str, Any]] = {"types": ["A4"], "occurred_from": "2026-03-01T00:00:00Z", "place": "Mill", "accused": "south"}
_INQUIRY: Final[dict[str, Any]] = {
    "activity": "joint_inquiry",
    "window_from": "2026-03-02T00:00:00Z",
    "window_to": "2026-03-03T00:00:00Z",
    "area": "Mill",
}
_S: Final = SUCCESSOR.number
_BEGIN: Final[tuple[Any, ...]] = (0, "notification", _SHOT, ())
# What some parties mean to do, amid all else: by which log, which kind, its fields, and which earlier messages of the plot it names.
PLOTS: Final[tuple[tuple[Any, ...], ...]] = (
    (),
    (
        _BEGIN,
        (_S, "reply", {"stance": "accepted", "remedy": "New glass."}, (0,)),
        (_S, "statement", {"text": "Done."}, (1,)),
        (0, "reply", {"stance": "accepted"}, (2,)),
    ),
    (
        _BEGIN,
        (0, "notice", _INQUIRY, (0,)),
        (_S, "reply", {"stance": "assurance"}, (1,)),
        (_S, "notice", {"activity": "joint_inquiry", "phase": "cancelled"}, (1,)),
    ),
    (_BEGIN, (0, "notice", _INQUIRY, (0,)), (_S, "reply", {"stance": "assurance"}, (1,))),
    (_BEGIN, (_S, "closing", {}, (0,)), (0, "closing", {}, (0,)), (0, "withdrawal", {"reason": "It is not over."}, (2,))),
    (_BEGIN, (_S, "closing", {}, (0,)), (0, "closing", {}, (0,))),
    (_BEGIN, _BEGIN, (0, "statement", {"text": "The same."}, (0, 1)), (_S, "reply", {"stance": "accepted"}, (2,))),
    (
        _BEGIN,
        (_S, "reply", {"stance": "under_inquiry", "new_respond_by": "2026-03-05T00:00:00Z"}, (0,)),
        (0, "reply", {"stance": "accepted"}, (1,)),
    ),
    (_BEGIN, (0, "finding", {"finding": "accident"}, (0,)), (_S, "finding", {"finding": "accident"}, (0,))),
)
_EVIDENCE: Final = [{"name": "crater.jpg", "sha256": "00" * 32}]
_ABOUT: Final = {  # what a kind, or a purpose of a reply, is mostly about
    "closing": "notification",
    "reply": "notification",
    "finding": "notification",
    "correction": "notification",
    "assurance": "notice",
    "answer": "request",
    "agreement": "statement",
    "statement": "reply",
    "notice": "notification",
}
_NEED_RE: Final = frozenset({"reply", "finding", "evidence", "correction", "withdrawal", "closing", "acknowledgement"})
_OWN: Final[dict[str, Callable[[Tale, dict[int, int]], dict[str, Any]]]] = {
    "notification": Tale._notification,
    "statement": lambda tale, held: {"text": "x", "respond_by": tale._when(60)},
    "request": lambda tale, held: {"questions": ["Where?"]},
    "reply": Tale._reply,
    "notice": Tale._notice,
    "finding": Tale._finding,
    "flash": lambda tale, held: {"phrase": "cease_now"},
    "evidence": lambda tale, held: {"evidence": _EVIDENCE},
    "correction": Tale._correction,
    "withdrawal": lambda tale, held: {"reason": "A mistake."},
    "line_check": Tale._line_check,
    "channel_status": Tale._channel_status,
    "acknowledgement": lambda tale, held: {"state": "read"},
    "closing": lambda tale, held: {},
}


def delivered(rows: list[Row], chance: random.Random) -> list[Row]:
    """The rows as a node has them, marked, to which they came by chance: sorted by time, as a store gives them, and not otherwise."""
    store, left = Store(), {log: [one for one in rows if one.log == log] for log in LOGS}
    while any(left.values()):
        log = chance.choice([log for log in LOGS if left[log]])
        count = chance.randrange(1, 7)
        batch = []
        for one in left[log][:count]:
            if any(store.size(other) < size for other, size in seen_of(one.seen).items()):
                break
            batch.append(one)
        store.put(mark_void(CHANNEL, batch, [message_of(one).body for one in batch], store))
        del left[log][: len(batch)]
    found = [one for held in store.logs.values() for one in held]
    chance.shuffle(found)
    return replaced(sorted(found, key=lambda one: one.time))


def replaced(rows: list[Row]) -> list[Row]:
    """The rows, with the entries so marked that do not stand because their log was replaced or showed two histories."""
    by_ref = {(one.log, one.index): one for one in rows}
    faces = two_faced(COURT, rows)
    shown = []
    for one in (one for one in rows if stands(faces, one.log, one.index)):
        before = by_ref.get((one.log, one.index - 1))
        shown += sights(CHANNEL, one, seen_of(before.seen) if before else {}, seen_of(one.seen), of_common(faces, proved))
    bounds = standing(CHANNEL, shown, opened_once(faces, {one.log for one in rows}))
    marked = [one if stands(bounds, one.log, one.index) else replace(one, void=REPLACED) for one in rows]
    return [one if stands(faces, one.log, one.index) else replace(one, void=TWO_FACES) for one in marked]


def told(rows: list[Row]) -> bytes:
    """All that a node prints of the record, as one text: its list, its cases, each case."""
    cases = Casebook(CHANNEL, of_common(two_faced(COURT, rows), proved)).feed(rows)
    listed = [
        [f"{NAMES[one.row.log]}/{one.row.index}", kind_name(one.row.kind), one.row.time, shown(one.row), one.row.void]
        for one in placed(rows)
    ]
    return json.dumps([listed, [cases.summary(key) for key in cases], [cases.whole(key) for key in cases]]).encode()


def shown(one: Row) -> Any:
    """A body as lists show it."""
    return show_body(one.kind, message_of(one).body, CHANNEL)
