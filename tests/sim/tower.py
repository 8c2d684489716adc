"""A C2SP witness in the simulator: the decision of tlog.witness, a memory that is durable before each answer, and its own clock."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ceasewire.errors import PeerError
from ceasewire.node import witnessing
from ceasewire.node.witnessing import Submission
from ceasewire.tlog import witness
from ceasewire.tlog.note import COSIGNATURE_ED25519, VerifierKey
from ceasewire.tlog.witness import NOTHING, Known, Request, Status
from helpers import seed_of
from sim.checks import must

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

    def asked(self, machine: Machine) -> None:
        """As carriers.witnesses after a start of the machine: is our log the newest?"""
        if machine.up and not machine.stuck and machine.node.unsure:
            self.world.counts["asked the witness after a start"] += 1
            self._show(machine, witnessing.due(machine.node, BY, None))

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
            self._submit(machine, machine.act(lambda: witnessing.follow(node, asked, body)), again=False)
        elif status is Status.COSIGNED:
            machine.act(lambda: witnessing.keep(node, asked, body))
            self.world.counts["witness cosignatures"] += 1
        else:
            self.world.counts["refused by the witness"] += 1

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
