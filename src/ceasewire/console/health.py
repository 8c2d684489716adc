"""What the status page shows of a node: its lines, and nothing of what is said over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

State = str  # a key of words: well, silent, down, attention


@dataclass(frozen=True, slots=True)
class LineHealth:
    """The line to one peer. `sent` messages of ours, `receipted` of them; `received` messages of theirs; `silent_seconds` since a bundle
    of theirs was last taken (None: never); `down_since` an RFC 3339 time, and `code` why, while our own calls fail; `machine` and
    `person`: the party's last line check and its last watch check."""

    peer: str
    name: str
    sent: int
    receipted: int
    received: int
    held: int
    overdue: int
    silent_seconds: int | None
    spoke: str | None
    down_since: str | None
    alarms: tuple[str, ...]
    machine: str | None = None
    person: str | None = None

    @property
    def unreceipted(self) -> int:
        """Messages of ours that the peer has not receipted."""
        return self.sent - self.receipted

    @property
    def state(self) -> State:
        """The one word for it; the worst that is true."""
        if self.alarms or self.held:
            return "attention"
        if self.down_since:
            return "down"
        return "silent" if self.silent_seconds is None else "well"


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """One node: channel title, whether an exercise, fingerprint in words, our party's name, `ok` or a code, its lines, and the alarms that
    are our own."""

    title: str
    exercise: bool
    fingerprint: str
    party: str
    name: str
    health: str
    lines: tuple[LineHealth, ...]
    alarms: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """Whether nothing needs a person."""
        return self.health == "ok" and not self.alarms and all(line.state != "attention" and not line.overdue for line in self.lines)


def node_health(status: Mapping[str, Any], names: Mapping[str, str], carriers: Mapping[str, Mapping[str, Any]], health: str) -> NodeHealth:
    """From the JSON of node.status.status, the parties' names by slug, and the JSON of carriers.line.LineStatus by slug."""
    own = status["party"]
    logs = {log["log"]: log for log in status["logs"]}
    watch = {one["party"]: one for one in status["watch"]}
    known = [(alarm["code"], alarm["log"]) for alarm in status["alarms"]]
    lines = []
    for line in status["lines"]:
        peer = line["peer"]
        party = peer.partition(".")[0]  # a later log bears its party's slug, a dot, and a number
        carrier = carriers.get(peer, {})
        alarms = [code for code, about in known if about in (peer, party)]
        alarms += [found for found in (line["told"], carrier.get("warning")) if found]
        if carrier.get("code") and carrier.get("since"):
            alarms += [_code(carrier)] if carrier["code"] != "net.unreachable" else []
        lines.append(
            LineHealth(
                peer=peer,
                name=names.get(party, peer),
                sent=logs[status["log"]]["size"],
                receipted=logs[status["log"]]["receipts"].get(peer, 0),
                received=logs[peer]["size"],
                held=sum(run["count"] for run in status["held"] if run["log"] == peer),
                overdue=sum(_between(case, own, party) for case in status["overdue"]),
                silent_seconds=line["seconds_silent"],
                spoke=line["spoke"],
                down_since=carrier.get("since"),
                alarms=tuple(alarms),
                machine=watch.get(party, {}).get("machine"),
                person=watch.get(party, {}).get("person"),
            )
        )
    channel, ours = status["channel"], {own, status["log"]}
    about_us = tuple(code for code, about in known if about in ours and code != health)
    words = channel["fingerprint"]
    return NodeHealth(channel["title"], channel["exercise"], words, own, names.get(own, own), health, tuple(lines), about_us)


def _code(carrier: Mapping[str, Any]) -> str:
    detail = carrier.get("detail")
    return f"{carrier['code']}: {detail}" if detail else str(carrier["code"])


def _between(case: Mapping[str, Any], own: str, peer: str) -> bool:
    """Whether a case is one that we have with this peer: it accuses us, or we it."""
    return bool(case["by"] == peer or (case["by"] == own and case.get("accused") in (peer, None)))
