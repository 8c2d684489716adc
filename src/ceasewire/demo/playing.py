"""Plays the day: each act is drafted, released by as many officers as it needs, sent through the node that serves, and received."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from ..carriers import control
from ..folder import Folder
from ..node import drafts
from ..node.drafts import Drafts
from ..node.view import View
from ..processes import wait
from ..record.message import SEED_BYTES
from ..record.saying import summary
from . import story
from .founding import Hand

Say = Callable[[str], None]
RECEIPT_SECONDS: Final = 20.0


@dataclass(slots=True)
class Played:
    """What was sent: the reference of each act by its label, and how long each waited for its first receipt, in milliseconds."""

    refs: dict[str, str] = field(default_factory=dict)
    receipt_ms: list[float] = field(default_factory=list)


class Players:
    """The three nodes with their officers, while they serve."""

    def __init__(self, nodes: Mapping[str, Folder], hands: Mapping[str, Sequence[Hand]], stack: ExitStack) -> None:
        self._nodes, self._hands = nodes, hands
        self.views: dict[str, View] = {slug: stack.enter_context(node.view()) for slug, node in nodes.items()}

    def send(self, who: str, kind: str, json: dict[str, Any]) -> str:
        """Send what somebody says, released by the officers that the charter asks for; its reference."""
        view, node = self.views[who], self._nodes[who]
        needed = drafts.needed(view, kind, json)
        if not needed:
            return str(control.call(node.control_path, {"op": "send", "kind": kind, "json": json})["ref"])
        draft = drafts.make(view, kind, json, os.urandom(SEED_BYTES))
        waiting, now = Drafts(node.path), int(time.time())
        waiting.save(draft)
        for hand in self._hands[who][:needed]:
            waiting.add(view, draft.id, lambda found, hand=hand: [hand.release(found.asked(view), now)], now)  # type: ignore[misc]
        return str(control.call(node.control_path, {"op": "send_draft", "draft": draft.id})["ref"])

    def wait_receipt(self, who: str, ref: str) -> None:
        """Wait until a party that answers holds it by its own signature."""
        view = self.views[who]
        wait(lambda: bool(view.receipts(view.ref(ref))), RECEIPT_SECONDS, f"the receipt of {ref}")

    def wait_settled(self) -> None:
        """Wait until all hold the same, each receipted by every other."""
        wait(self._settled, RECEIPT_SECONDS, "all sides to hold every receipt")

    def _settled(self) -> bool:
        states = {slug: {log: state.size for log, state in view.store.states().items()} for slug, view in self.views.items()}
        if len({tuple(sorted(found.items())) for found in states.values()}) != 1:
            return False
        for view in self.views.values():
            covered = view.store.covered(view.own)
            others = [other.own for other in self.views.values() if other is not view]
            if any(covered.get(other, 0) != view.store.states()[view.own].size for other in others):
                return False
        return True

    def play(self, played: Played, say: Say) -> None:
        """The day, act by act; of what is told for the record alone, nothing is awaited before the next."""
        told = 0
        for act in story.acts(datetime.now(UTC)):
            if act.draft.get("historical"):
                played.refs[act.label] = self.send(act.who, act.kind, act.draft)
                told += 1
            else:
                self._act(act, played, say)
        self.wait_settled()
        say(f"{told} of these messages are real incidents, reported for the record with their sources.")

    def leave_open(self) -> None:
        """What the day leaves to whoever opens the consoles: questions without an answer, and a draft that waits for a second officer."""
        for act in story.left_open(datetime.now(UTC)):
            self.send(act.who, act.kind, act.draft)
        self.wait_settled()
        view, waiting, now = self.views[story.SOUTH], Drafts(self._nodes[story.SOUTH].path), int(time.time())
        draft = drafts.make(view, "statement", story.WAITING, os.urandom(SEED_BYTES))
        waiting.save(draft)
        first = self._hands[story.SOUTH][1]
        waiting.add(view, draft.id, lambda found: [first.release(found.asked(view), now)], now)

    def _act(self, act: story.Act, played: Played, say: Say) -> None:
        draft = story.filled(act.draft, played.refs.__getitem__)
        started = time.perf_counter()
        ref = self.send(act.who, act.kind, draft)
        played.refs[act.label] = ref
        self.wait_receipt(act.who, ref)
        wait(partial(self._everywhere, ref), RECEIPT_SECONDS, f"{ref} at every side")
        played.receipt_ms.append((time.perf_counter() - started) * 1000)
        signed = self.views[act.who].message(self.views[act.who].row(self.views[act.who].ref(ref)))["body"]
        say(f"{ref:>11}  {act.kind:<16} {summary(act.kind, signed)}")

    def _everywhere(self, ref: str) -> bool:
        return all(view.store.row(*view.ref(ref)) is not None for view in self.views.values())
