"""What a person tells the other side by one press of a button, without a form: that they have read something, that they watch. The audit
list says who."""

from __future__ import annotations

import asyncio

from ..node.node import Node
from ..record.fields import Json
from .call import Call


async def acknowledge(call: Call, body: dict[str, Json], what: str, about: str = "") -> None:
    """Send an acknowledgement as an act of this person's, and note it as `what` about `about`, or the message itself. Raises LocalError
    account.session, account.role, and as Node.send."""
    accounts, who, now = call.accounts, call.who, call.now

    def act(node: Node) -> str:
        with accounts.acting(who.id, "drafter", now):
            return node.send("acknowledgement", body).ref

    ref = await call.desk.act(act)
    await asyncio.to_thread(accounts.note, who.account, what, about or ref, now)
