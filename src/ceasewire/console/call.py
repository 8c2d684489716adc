"""One request to the console, and what its pages need of the node that it asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from ..accounts import Accounts, Session
from ..node.drafts import Drafts
from ..node.exchange import Report
from ..node.node import Node
from ..record.fields import Json
from .health import NodeHealth
from .tongue import Tongue

P = ParamSpec("P")
T = TypeVar("T")


class Desk(Protocol):
    """One node that is served, as much of it as the console needs."""

    @property
    def name(self) -> str:
        """`north@1a2b3c4d`: its log, and the beginning of its channel's id."""

    @property
    def node(self) -> Node:
        """The node, of which `channel`, `own` and `reading` are used here."""

    @property
    def drafts(self) -> Drafts:
        """The messages that wait for officers."""

    async def accounts(self) -> Accounts:
        """The people of this node."""

    async def charter(self) -> bytes:
        """The charter's file, as all signed it. Raises LocalError file.unreadable."""

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something that only reads, beside everything else. Raises what it raises."""

    async def act(self, call: Callable[[Node], T]) -> T:
        """Call something in the node's own thread, then tell the peers. Raises what it raises."""

    async def draft(self, kind: str, json: Json) -> dict[str, Json] | None:
        """The draft that such a message becomes if officers must release it; None if none need. Raises as Node.send."""

    async def sync(self, peer: int | None) -> list[Report]:
        """Talk with one peer or all."""

    def status(self) -> Awaitable[dict[str, Json]]:
        """The JSON of `ceasewire status`."""

    def health(self) -> Awaitable[NodeHealth]:
        """What the status page shows."""

    def news(self) -> AsyncIterator[None]:
        """One item whenever something changed."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: whose node, which parts stand in its path, its query and form (each name's values), who asks (None: nobody signed in),
    and in which language the answer is."""

    desk: Desk
    request: Request
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    form: Mapping[str, list[str]]
    session: Session | None
    accounts: Accounts
    tongue: Tongue
    now: int
    render: Callable[..., Awaitable[Response]] = field(repr=False)

    @property
    def base(self) -> str:
        """`/c/NAME`."""
        return f"/c/{self.desk.name}"

    @property
    def who(self) -> Session:
        """Whoever is signed in; only pages that need somebody ask."""
        if self.session is None:
            raise LookupError("nobody is signed in")
        return self.session

    def asked(self, name: str, otherwise: str = "") -> str:
        """The first value of the query's `name`."""
        return self.query.get(name, [otherwise])[0]

    def given(self, name: str, otherwise: str = "") -> str:
        """The first value of the form's `name`."""
        return self.form.get(name, [otherwise])[0]

    def page(self, template: str, status: int = 200, **values: Any) -> Awaitable[Response]:
        """The page made from a template of `console/templates`."""
        return self.render(self, template, status, values)
