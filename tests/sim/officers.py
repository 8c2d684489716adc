"""What honest people send: messages of many kinds, about what their own node holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ceasewire.errors import LocalError
from ceasewire.record.kinds import KINDS
from ceasewire.record.values import Row

if TYPE_CHECKING:
    from sim.machine import Machine

_NOTIFICATION, _REQUEST, _STATEMENT = KINDS["notification"], KINDS["request"], KINDS["statement"]
_STANCES = ("accepted", "denied", "under_inquiry", "partly_accepted", "noted", "need_information")
_SEEN_LATELY = 12


class Officer:
    """Those who write on one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.draw = machine.world.draw

    def recent(self, *kinds: int, own: bool | None = None) -> list[str]:
        """References of what the node holds of these kinds, the newest of each log; `own` only one's party's, or only others'."""
        node, found = self.machine.node, []
        party = node.channel.party_of(node.own)
        for log, state in sorted(self.machine.disk.states().items()):
            if log not in node.channel.logs or own not in (None, node.channel.party_of(log) == party):
                continue
            rows: list[Row] = self.machine.disk.rows(log, max(0, state.size - _SEEN_LATELY), state.size)
            found += [node.name(log, row.index) for row in rows if row.kind in kinds and row.void is None]
        return found

    def draft(self) -> tuple[str, dict[str, Any]]:
        """One message as JSON."""
        draw, text = self.draw, f"{self.draw.randrange(10**6)} " + "x" * self.draw.randrange(60)
        guarantor = self.machine.party.role == "guarantor"
        kind = draw.choice(
            ("statement", "statement", "notification", "notification", "reply", "acknowledgement", "request", "back", "flash", "fix")
        )
        theirs, ours = self.recent(_NOTIFICATION, _REQUEST, own=False), self.recent(_STATEMENT, _NOTIFICATION, own=True)
        if kind == "notification":
            links = [{"as": "same_incident", "ref": draw.choice(theirs)}] if theirs and draw.random() < 0.3 else None
            types, accused = [draw.choice(("A4", "A1", "B2"))], draw.choice(("north", "south", None))
            return kind, {"types": types, "occurred_from": "2026-02-28T04:12:00Z", "place": text, "accused": accused, "links": links}
        if kind == "reply" and theirs and not guarantor:
            return kind, {"re": draw.choice(theirs), "stance": draw.choice(_STANCES), "account": text}
        if kind == "acknowledgement" and theirs:
            return kind, {"state": "read", "re": [draw.choice(theirs)]}
        if kind == "request" and not guarantor:
            return kind, {"questions": [text], "re": draw.choice(theirs) if theirs else None}
        if kind == "back" and ours:
            return "withdrawal", {"re": draw.choice(ours), "reason": text}
        if kind == "fix" and ours:
            return "statement", {"text": text, "re": draw.choice(ours)}
        return "statement", {"text": text}

    def write(self) -> None:
        """Send one message or a few, and let the simulator know what the node said it had."""
        machine = self.machine
        drafts = [self.draft() for _ in range(self.draw.choice((1, 1, 1, 1, 2, 4)))]
        try:
            sent = machine.act(lambda: machine.world.society.send(machine, drafts))
        except LocalError as error:
            if error.code not in REFUSED_TO_US and error.code not in machine.world.society.may_refuse(machine):
                raise
            machine.world.say(f"{machine.label} is refused a message: {error.code}")
            return
        machine.world.checks.acknowledged(machine, sent)
        machine.world.say(f"{machine.label} sends {', '.join(kind for kind, _ in drafts)} at {sent[0].index}")


REFUSED_TO_US = frozenset({"log.closed", "log.replaced", "log.unsure"})
"""Codes for which a node may not send: its officers wait, or open a successor."""
