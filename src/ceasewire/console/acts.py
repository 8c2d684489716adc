"""What may be done next about a message or a case: links to the page where such a message is written, by the person's role, our party's
role, and the kinds that the charter allows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from ..node import writing
from ..node.view import View
from ..record.bodies_record import CORRECTED
from ..record.fields import Json
from ..record.kinds import KINDS
from .call import Call
from .casework import ANSWERS, answering

_ENDED: Final = ("withdrawn", "closed")
_ANSWERED: Final = frozenset({"notification", "request", "notice", "finding", "flash", "statement", "evidence", "reply"})
_ASKED_ABOUT: Final = frozenset({"notification", "reply", "evidence", "statement", "notice"})


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do: the kind of message, its words, the icon, what the page where it is written begins with, and whether it is awaited
    of us."""

    kind: str
    words: str
    icon: str
    query: str
    awaited: bool = False

    @property
    def path(self) -> str:
        """Below the console's base."""
        return f"compose/{self.kind}?{self.query}"


def allowed(view: View) -> frozenset[str]:
    """The kinds that our party may send, and that there is a form for."""
    return frozenset(writing.offered(view))


def of_message(call: Call, found: Mapping[str, Json], may: Collection[str]) -> list[Act]:
    """What may be said of a message; `found` as whole.message gives it."""
    if found["void"] or not call.who.may("drafter"):
        return []
    own = found["by"] == call.desk.node.channel.party(call.desk.node.own).slug
    wanted = _of_own(call, found) if own else _of_others(call, found)
    return [one for one in wanted if one.kind in may]


def _act(kind: str, words: str, icon: str, *, awaited: bool = False, **query: str) -> Act:
    return Act(kind, words, icon, urlencode(query), awaited)


def _of_own(call: Call, found: Mapping[str, Json]) -> Iterator[Act]:
    _, ref = call.tongue.gettext, found["ref"]
    if found["withdrawn_by"]:
        return
    if KINDS.get(found["kind"]) in CORRECTED:
        yield _act("correction", _("Correct"), "compose", re=ref)
    if found["kind"] not in ("line_check", "keys", "amendment"):
        yield _act("withdrawal", _("Withdraw"), "out", re=ref)
    if found["kind"] == "notice" and found["body"].get("phase", "planned") == "planned":
        for phase, words in (
            ("started", _("Say that it has started")),
            ("finished", _("Say that it is finished")),
            ("cancelled", _("Cancel")),
        ):
            yield _act("notice", words, "next", re=ref, activity=found["body"]["activity"], phase=phase)


def _of_others(call: Call, found: Mapping[str, Json]) -> Iterator[Act]:
    _, ref, kind, body = call.tongue.gettext, found["ref"], found["kind"], found["body"]
    if kind == "reply" and body.get("new_respond_by"):
        yield _act("reply", _("Accept the new date"), "check", re=ref, stance="accepted")
    if kind == "notice" and body.get("phase", "planned") == "planned":
        yield _act("reply", _("No objection"), "check", re=ref, stance="no_objection")
        yield _act("reply", _("Give an assurance"), "lock", re=ref, stance="assurance")
        yield _act("reply", _("Object"), "warn", re=ref, stance="objection")
    elif kind in _ANSWERED:
        if kind == "flash":  # a phrase is answered first by a phrase, which needs no other words
            yield _act("flash", _("Answer by a flash"), "flash", re=ref)
        yield _act("reply", _("Reply"), "reply", re=ref)
    if kind in _ASKED_ABOUT:
        yield _act("request", _("Ask"), "wait", re=ref)
    if kind == "notification":
        yield from _about_case(call, ref)


def _about_case(call: Call, ref: str, *, inquired: bool = False) -> Iterator[Act]:
    _ = call.tongue.gettext
    if not inquired:
        yield _act("notice", _("Propose a joint inquiry"), "people", re=ref, activity="joint_inquiry")
    yield _act("evidence", _("Add evidence"), "cases", re=ref)
    yield _act("finding", _("Record a finding"), "check", re=ref)
    yield _act("closing", _("Close the case"), "lock", re=ref)


def of_case(call: Call, found: Mapping[str, Json], may: Collection[str]) -> list[Act]:
    """What may be said of a case; `found` as whole.case gives it."""
    if not call.who.may("drafter") or found["merged_into"]:
        return []
    own = call.desk.node.channel.party(call.desk.node.own).slug
    return [one for one in _of_case(call, found, own) if one.kind in may]


def _of_case(call: Call, found: Mapping[str, Json], own: str) -> Iterator[Act]:
    _, ref = call.tongue.gettext, found["ref"]
    if found["state"] in _ENDED:
        if found["by"] != own:
            yield _act("request", _("Ask"), "wait", re=ref)
        return
    owed = _owed(found, own)
    for one in owed:
        yield _act("reply", _answering(call, found, one), "reply", awaited=True, re=one)
    if found["by"] != own and ref not in owed:
        yield _act("reply", _("Reply"), "reply", re=ref)
    yield _act("request", _("Ask"), "wait", re=ref)
    yield from _about_case(call, ref, inquired=any(_is_open(one) for one in found["joint_inquiry"]))
    if found["by"] == own:
        yield _act("correction", _("Correct"), "compose", re=ref)
        yield _act("withdrawal", _("Withdraw"), "out", re=ref)


def _owed(found: Mapping[str, Json], own: str) -> list[str]:
    """The messages of a case that await an answer of ours, the first to fall due first, then those whose time has not begun."""
    clocks = [one for one in found["clocks"] if one["clock"] in ANSWERS and not one["ended"] and own in one["owed_by"]]
    return list(dict.fromkeys(one["ref"] for one in sorted(clocks, key=lambda one: one["due"] or "~")))


def _answering(call: Call, found: Mapping[str, Json], ref: str) -> str:
    """What answering a message of a case is called."""
    _ = call.tongue.gettext
    if any(one["ref"] == ref for one in found["joint_inquiry"]):
        return _("Answer the proposed joint inquiry")
    if any(one["ref"] == ref for one in found["requests"]):
        return _("Answer the questions")
    return _("Reply") if ref == found["ref"] else _("Answer %(ref)s") % {"ref": ref}


def _is_open(inquiry: Mapping[str, Json]) -> bool:
    return inquiry["state"] == "proposed" and not inquiry["withdrawn"]


def of_inquiries(call: Call, found: Mapping[str, Json], may: Collection[str]) -> dict[str, list[Act]]:
    """How we may answer each joint inquiry of a case that another proposed and we have not agreed to, by its notice."""
    _, own = call.tongue.gettext, call.desk.node.channel.party(call.desk.node.own).slug
    cards = call.desk.node.channel.charter.parties
    sides = (found["by"], *answering(found, [card.slug for card in cards if card.role == "party"]))
    if not call.who.may("drafter") or "reply" not in may or own not in sides or found["merged_into"] or found["state"] in _ENDED:
        return {}
    owed = _owed(found, own)
    return {
        one["ref"]: [
            _act("reply", _("Agree to it"), "check", awaited=one["ref"] in owed, re=one["ref"], stance="no_objection"),
            _act("reply", _("Agree, and assure their safety"), "lock", re=one["ref"], stance="assurance"),
            _act("reply", _("Object"), "warn", re=one["ref"], stance="objection"),
        ]
        for one in found["joint_inquiry"]
        if _is_open(one) and one["by"] != own and own not in one["agreed_by"]
    }
