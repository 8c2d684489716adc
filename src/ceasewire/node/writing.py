"""What a person who writes needs of the node: which kinds may be sent, what a message will say, by when it must be answered; and drafts
that are edited or thrown away.

A text that somebody has looked at is a `Written`: its seed is drawn before it is shown, so that the same text cannot be sent twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final

from .. import limits
from ..errors import LocalError
from ..record import encoding
from ..record.authority import InForce
from ..record.bodies_action import INQUIRY, NOTICE, planned
from ..record.case_record import ASKING, precedence, seconds_of
from ..record.corrections import in_force as corrected_in_force
from ..record.fields import Json
from ..record.kinds import COMMON, KIND_NAMES, KINDS, kind_name, references, show_body
from ..record.log import kind_allowed, refers_rightly
from ..record.message import EXERCISE, Body, message_of
from ..record.order import in_order
from ..record.release import Asked
from .composing import in_force, read, releases_needed
from .drafts import Draft, Drafts, Standing, fitting, id_of
from .node import Node, Prepared, Sent
from .view import View

BY_PEOPLE: Final = tuple(kind for kind in KINDS if kind not in ("line_check", "keys", "amendment"))
"""Kinds that a form is for: a line check is a machine's, and who speaks and what the charter says are changed elsewhere."""
RELEASES_BYTES: Final = 8 * 1024  # of a body that officers' signatures may take: a passkey's has up to some hundred bytes
_NEWEST: Final = 500  # messages of ours among which a draft that is gone is looked for
_HISTORICAL: Final = COMMON["historical"].number
_NOTICE: Final = KINDS["notice"]
_CORRECTION: Final = KINDS["correction"]


def offered(view: View) -> list[str]:
    """The kinds that our party may send by the charter in force, of those a form is for. A finding is a guarantor's here."""
    charter = in_force(view).charter
    role = view.channel.party(view.own).role
    found = [kind for kind in BY_PEOPLE if kind_allowed(view.channel, view.own, KINDS[kind], charter)]
    return [kind for kind in found if kind != "finding" or role == "guarantor"]


@dataclass(frozen=True, slots=True)
class Written:
    """A message as it will be signed: its kind, seed and body, field 0 empty; `json` what a person wrote, `needed` how many officers must
    release it, `seconds` within which it asks for an answer, from receipt (None: it asks for none)."""

    kind: int
    seed: bytes
    body: Body
    json: Json
    needed: int
    seconds: int | None

    @property
    def name(self) -> str:
        """The kind's name."""
        return KIND_NAMES[self.kind]

    @property
    def hash(self) -> str:
        """64 hexadecimal digits, of everything that the body says."""
        return hashlib.sha256(encoding.encode([self.kind, self.body])).hexdigest()

    def draft(self) -> Draft:
        """As it waits for officers."""
        return Draft(self.kind, self.seed, self.body)


def write(view: View, kind: str, json: Json, seed: bytes) -> Written:
    """The message that a person's JSON becomes. Raises LocalError as composing.read, kind.not_allowed, exercise.mismatch, body.schema,
    ref.party, ref.missing."""
    number, body = read(view, kind, json)
    force = in_force(view)
    if not kind_allowed(view.channel, view.own, number, force.charter):
        raise LocalError("kind.not_allowed", kind)
    if view.channel.charter.exercise and body[EXERCISE] is not True:
        raise LocalError("exercise.mismatch")
    if (size := len(encoding.encode(body))) + RELEASES_BYTES > limits.BODY_BYTES:
        raise LocalError("body.schema", f"{kind}: {size} bytes in all, and there is room for {limits.BODY_BYTES - RELEASES_BYTES}")
    for ref in references(body):
        view.row(ref)
    if not refers_rightly(view.channel.party_of(view.own), number, body):
        raise LocalError("ref.party")
    return Written(number, seed, body, json, releases_needed(force, number, body), _seconds(force, number, body))


def of_draft(view: View, draft: Draft) -> Written:
    """A draft as it will be signed."""
    force, kind, body = in_force(view), draft.kind, draft.body
    return Written(kind, draft.seed, body, shown(view, kind, body), releases_needed(force, kind, body), _seconds(force, kind, body))


def _seconds(force: InForce, kind: int, body: Body) -> int | None:
    return seconds_of(force.charter, precedence(body)) if _asks(kind, body) else None


def _asks(kind: int, body: Body) -> bool:
    """Whether a message asks for an answer. spec/case.md, "Clocks"."""
    if kind not in ASKING or body.get(_HISTORICAL) is True:
        return False
    asked = body.get(NOTICE["assurance_asked"].number) is True or body.get(NOTICE["activity"].number) == INQUIRY
    return kind != _NOTICE or (planned(body) and asked)


def shown(view: View, kind: int, body: Body) -> dict[str, Json]:
    """A body as JSON, as every other node will show it."""
    return show_body(kind, body, view.channel)


def as_it_stands(view: View, name: str) -> tuple[str, dict[str, Json]]:
    """The kind of a message, and its body as JSON with the corrections in force. Raises LocalError ref.malformed, ref.missing."""
    ref = view.ref(name)
    one = view.row(ref)
    party = view.channel.party_of(ref[0])
    earlier = (row for row in view.store.scan(kinds={_CORRECTION}) if row.void is None and view.channel.party_of(row.log) == party)
    bodies = (message_of(row).body for row in in_order(earlier))
    body = corrected_in_force(one.kind, message_of(one).body, (one for one in bodies if references(one)[:1] == [ref]))
    return kind_name(one.kind), shown(view, one.kind, body)


def send(node: Node, one: Written) -> Sent:
    """Send a message that needs no officer. Raises LocalError as Node.send_prepared; release.reused if it was sent already."""
    (sent,) = node.send_prepared([Prepared(one.kind, one.body, one.seed)])
    return sent


# --- Drafts ---


def put(drafts: Drafts, view: View, one: Written) -> Draft:
    """Put a message before the officers; one that is there already stays as it is. Raises LocalError release.reused if it was sent."""
    draft = one.draft()
    rest = draft.asked(view).rest
    with drafts.locked():
        if draft.id not in drafts.names():
            if view.store.rests(view.own, [rest]):
                raise LocalError("release.reused")
            drafts.save(draft)
    return draft


def edit(drafts: Drafts, view: View, name: str, before: bytes, one: Written) -> Draft:
    """Put another text in a draft's place: what was released was the old one, and counts no more. `before` is the hash of what the editor
    saw (`Asked.rest`). Raises LocalError draft.missing, also when another text stands there by now."""
    with drafts.locked():
        found = drafts.load(name)
        if found.asked(view).rest != before or found.kind != one.kind:  # that hash is of the body alone, and a kind is text too
            raise LocalError("draft.missing", f"{name} has another text by now; look at it again")
        draft = replace(found, body=one.body, releases=() if one.body != found.body else found.releases)
        drafts.save(draft)
    return draft


def discard(drafts: Drafts, view: View, name: str, before: Asked) -> None:
    """Throw a draft away that says what whoever discards it saw. Errors as `edit`."""
    with drafts.locked():
        if drafts.load(name).asked(view) != before:
            raise LocalError("draft.missing", f"{name} has another text by now; look at it again")
        drafts.drop(name)


def sent_as(view: View, name: str) -> str | None:
    """LOG/INDEX of the message that a draft became, if it is among the newest of this log; None otherwise."""
    log, state = view.own, view.store.states().get(view.own)
    size = state.size if state else 0
    newest = reversed(view.store.rows(log, max(0, size - _NEWEST), size))
    return next((view.name(log, one.index) for one in newest if id_of(one.seed) == name), None)


def waiting(drafts: Drafts, view: View, now: int) -> list[tuple[Draft, Standing]]:
    """Every draft and where it stands; one that somebody sends meanwhile, or whose file cannot be read, is passed over."""
    found = []
    for name in drafts.names():
        try:
            found.append(fitting(view, drafts.load(name), now))
        except LocalError as error:
            if error.code != "draft.missing":
                raise
    return found
