"""Liars who keep something back from a guarantor that goes on talking with them, or say what their officers never released.

They break no promise that a key could be convicted of. What must come of it: the guarantor attests it in its line checks
(spec/withholding.md), and what was not released is void for everyone, by the same code.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import partial

from ceasewire.node.around import Pending
from ceasewire.node.drafts import Draft
from ceasewire.node.node import COSIGNED_AT, int_of
from ceasewire.node.withholding import ENTRIES, RECEIPT
from ceasewire.record.log import least_time
from ceasewire.record.message import RELEASES, Message
from signers import make_officer
from sim.checks import must
from sim.liars import HOUR, Framer, Hider, Lie, Tamperer, Withholder
from sim.machine import Machine
from sim.setting import DAY
from sim.society import UNTIL

LINGERS = 4  # days, in which a guarantor has read and answered often enough to attest
_UNRELEASED_INSTEAD = 0.35  # how many lies are told so where there are officers
_WITHHELD_INSTEAD: dict[type[Lie], float] = {Withholder: 0.8, Hider: 0.8, Tamperer: 0.3, Framer: 0.3}  # where there is a guarantor


class FromGuarantor(Lie):
    """It talks with everyone, and so with the guarantor, as if nothing were."""

    what = 0

    def linger(self) -> None:
        """The days that it takes: the guarantor's sealing keys, each a day older than the next, must come into use."""
        world = self.world
        guarantor = self.guarantor()
        self.offered = {log: state.size for log, state in guarantor.disk.states().items()}
        for _ in range(LINGERS if self.told else 0):
            world.now += DAY
            world.round()
            if not guarantor.stuck:
                guarantor.act(partial(guarantor.node.send, "line_check", {}))

    def guarantor(self) -> Machine:
        """The guarantor's machine."""
        return next(one for one in self.world.machines if one.party.role == "guarantor" and one.addressed)

    def withheld(self) -> list[int]:
        """The logs of which one at least must have been attested."""
        raise NotImplementedError

    def convicted(self, honest: Sequence[Machine]) -> None:
        super().convicted(honest)
        logs = self.withheld() if self.told else []
        if not logs:
            return
        found = [self.world.agreed.attested.get((self.log, self.what, log), 0) for log in logs]
        must(any(found), "withholding attested", f"{self.kind}: the guarantor says nothing of {logs}")
        self.world.counts[f"attested {self.kind}"] += 1


class ReceiptWithholder(FromGuarantor):
    """It takes nothing of one party, whoever passes it on, and so receipts none of it."""

    kind, parties, what = "receipt withholder", 3, RECEIPT

    def begin(self) -> bool:
        self.victim = self.draw.choice([slug for slug in self.others() if self.world.made.parties[slug].role == "party"])
        return True

    def drops(self, log: int) -> bool:
        """Whether entries of a log are dropped unread."""
        channel = self.machine.node.channel
        return self.told and log in channel.logs and channel.party(log).slug == self.victim

    def withheld(self) -> list[int]:
        """The victim's logs of which the guarantor held more than we do when those days began."""
        theirs, ours = (one.disk.states() for one in (self.guarantor(), self.machine))
        logs = [log for log in theirs if self.drops(log) and not theirs[log].frozen]
        return [log for log in logs if self.offered.get(log, 0) > (ours[log].size if log in ours else 0)]


class EntriesWithholder(FromGuarantor):
    """It signs checkpoints and serves nobody what they are of."""

    kind, parties, what = "entries withholder", 3, ENTRIES

    def begin(self) -> bool:
        return True

    def shuns(self, slug: str) -> bool:
        return self.told

    def withheld(self) -> list[int]:
        """Our own log, if we have signed more of it than we served. A guarantor whose store was put back since takes again what others have
        of it, which it may have of us: then nothing must be said."""
        if self.world.lost_at > self.began and self.guarantor().label in self.world.losers:
            return []
        theirs, ours = (one.disk.states().get(self.log) for one in (self.guarantor(), self.machine))
        return [self.log] if ours and ours.size > (theirs.size if theirs else 0) and not (theirs and theirs.frozen) else []


class Unreleased(Lie):
    """It says in its party's name what no officer released, or too few, or one whom the charter does not know."""

    kind = "unreleased"

    def begin(self) -> bool:
        state = self.state()
        if state is None or not state.size:
            return False
        self.forged: dict[int, str] = {}  # index -> the code for which it is void
        self.again()
        return True

    def again(self) -> None:
        """One more each few hours."""
        if self.machine.up and not self.world.ending and len(self.forged) < 8:
            self.tell()
        self.world.after(self.draw.uniform(2, 20) * HOUR, self.again)

    def tell(self) -> None:
        """One message without the releases that it needs."""
        state, node = self.state(), self.machine.node
        assert state
        which = self.draw.choice(("none", "few", "strangers", "late"))
        seen = dict(state.seen)
        seen |= {log: max(size, seen.get(log, 0)) for log, size in self.held().items() if log in node.channel.logs}
        time = least_time(node.now(), state, int_of(node.store.meta(COSIGNED_AT)), seen, Pending(node.store).time)
        message, code = (self.statement(time, seen), "release.missing") if which == "none" else self._released(which, time, seen)
        self.forged[state.size] = code
        self.forge(message)

    def _released(self, which: str, time: int, seen: Mapping[int, int]) -> tuple[Message, str]:
        """A statement that bears some release, and why it is void all the same."""
        node, society = self.machine.node, self.world.society
        until = time - 1 if which == "late" else UNTIL
        made = society.released(node, "statement", {"text": "In their name."}, few=which == "few", until=until)
        body = dict(made.body)
        if which == "strangers":
            draft = Draft(made.kind, made.seed or b"", {**body, RELEASES: []})
            body[RELEASES] = [make_officer(self.machine.party.slug, "nobody").item(draft.asked(node), until)]
        code = "release.missing" if which == "few" or not body[RELEASES] else "release.invalid"
        return Message(made.kind, time, dict(sorted(seen.items())), made.seed or b"", body), code

    def convicted(self, honest: Sequence[Machine]) -> None:
        super().convicted(honest)
        for index, code in self.forged.items():
            for machine in honest:
                one = machine.disk.row(self.log, index)
                found = one.void if one else code
                must(
                    found == code or (found and self.world.agreed.torn()),
                    "void alike",
                    f"{machine.label}: {self.log}/{index} is {found}, not {code}",
                )
                self.world.counts["void for want of releases"] += one is not None


def instead(lie: type[Lie] | None, draw: random.Random, *, officers: bool, guarantor: bool) -> type[Lie] | None:
    """The lie that a world has in the place of another one, if there are officers or a guarantor in it."""
    chance = draw.random()
    if guarantor and lie and chance < _WITHHELD_INSTEAD.get(lie, 0):
        return draw.choice((ReceiptWithholder, EntriesWithholder))
    return Unreleased if lie and officers and chance < _UNRELEASED_INSTEAD else lie
