"""A C2SP witness in the simulator: the decision of tlog.witness, a memory that is durable before each answer, and its own clock."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ceasewire.errors import LocalError, PeerError
from ceasewire.node import witnessing
from ceasewire.node.witnessing import Submission
from ceasewire.tlog import witness
from ceasewire.tlog.note import COSIGNATURE_ED25519, VerifierKey
from ceasewire.tlog.witness import NOTHING, Known, Request, Status
from helpers import seed_of
from sim.checks import must
from sim.machine import Crash

if TYPE_CHECKING:
    from sim.machine import Machine
    from sim.world import World

BY = -1  # its number among cosigners: the first of the charter's witnesses
_SECRET = Ed25519PrivateKey.from_private_bytes(seed_of("sim", "witness"))
KEY = VerifierKey("tower.example/sim", COSIGNATURE_ED25519, _SECRET.public_key().public_bytes_raw())


class Tower:
    """The one witness of the charter."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.draw = random.Random(f"tower/{world.seed}")  # apart, so that what befalls the parties is the same without it
        self.known: dict[str, Known] = {}
        self.signed: dict[tuple[str, int], bytes] = {}

    def show(self, machine: Machine) -> None:
        """As carriers.witnesses after a line check: each log of the machine's device is submitted, and what comes back is kept."""
        if not machine.up or machine.stuck:
            return
        self._show(machine, witnessing.own_logs(machine.node))

    def _show(self, machine: Machine, logs: Sequence[int]) -> None:
        for log in logs:
            try:
                self._submit(machine, machine.act(partial(witnessing.submission, machine.node, log, BY)), again=True)
            except PeerError as error:
                self.world.say(f"{machine.label} gets no cosignature of the witness: {error.code}")

    def awaited(self, machine: Machine) -> None:
        """As carriers.witnesses at a start of the machine: what peers say of our log counts when the witness was asked, or is away."""
        machine.waits = machine.exchange.confirming.awaits_witnesses = True
        self.world.after(machine.witness_takes, partial(self.asked, machine))

    def asked(self, machine: Machine) -> None:
        """Is our log the newest? From now on a peer may say so too, if the witness does not say otherwise."""
        if machine.up and not machine.stuck and machine.node.unsure:
            self.world.counts["asked the witness after a start"] += 1
            self._show(machine, witnessing.due(machine.node, BY, None))
        if machine.up and machine.waits:
            machine.waits = False
            machine.act(machine.exchange.confirming.witnesses_asked)

    def heard(self) -> None:
        """Nothing is on its way any more: whoever waits for the witness has its word."""
        for machine in self.world.machines:
            with suppress(Crash):
                self.asked(machine)

    def knows(self, log: int) -> int:
        """How much of a log it has cosigned."""
        channels = [machine.node.channel for machine in self.world.machines]
        return max((self.known.get(channel.logs[log].origin, NOTHING)[0] for channel in channels if log in channel.logs), default=0)

    def _submit(self, machine: Machine, asked: Submission | None, *, again: bool) -> None:
        node = machine.node
        if asked is None or self.draw.random() < self.world.network.loss:
            return
        status, body = self._answer(asked)
        if self.draw.random() < self.world.network.loss:
            return
        if status is Status.OTHER_SIZE and again:
            try:
                following = machine.act(lambda: witnessing.follow(node, asked, body))
            except PeerError as error:
                if error.code == "witness.ahead":
                    self.world.checks.overtaken(machine)
                raise
            self._submit(machine, following, again=False)
        elif status is Status.COSIGNED:
            machine.act(lambda: witnessing.keep(node, asked, body))
            self.world.counts["witness cosignatures"] += 1
        elif machine.honest:  # a liar does not heed it
            self._refused(machine, asked, status, body)

    def _refused(self, machine: Machine, asked: Submission, status: Status, body: bytes) -> None:
        self.world.counts["refused by the witness"] += 1
        try:
            machine.act(lambda: witnessing.refused(machine.node, asked, status, body))
        except PeerError:
            self.world.checks.overtaken(machine)
            raise
        except LocalError as error:
            self.world.say(f"the witness refuses {machine.label}: {error.detail}")

    def _answer(self, asked: Submission) -> tuple[Status, bytes]:
        """A witness's whole work on one request."""
        request = Request.parse(asked.body)
        channels = [machine.node.channel for machine in self.world.machines]
        names = next((names for channel in channels if (names := channel.by_origin(request.head.origin))), None)
        status = witness.admit(request, names.log[:1] if names else ())
        known = self.known.get(request.head.origin, NOTHING)
        status = witness.decide(request, known) if status is Status.COSIGNED else status
        if status is Status.OTHER_SIZE:
            return status, witness.size_body(known[0])
        if status is not Status.COSIGNED:
            return status, b""
        head = request.head
        must(head.size >= known[0], "witness", f"it cosigns {head.size} after {known[0]}")
        must(self.signed.setdefault((head.origin, head.size), head.root) == head.root, "witness", f"two roots of size {head.size}")
        self.known[head.origin] = (head.size, head.root)
        return status, witness.cosign(head, [(KEY, _SECRET.sign)], int(self.world.now))
