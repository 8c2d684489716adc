"""What the console has: one table, from which requests are dispatched and the tests of who may see what are made. A page that is not in the
table is not there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from ..accounts import may
from ..paths import match
from .call import Call

Act = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One page or act below `/c/NAME`. `role` is the least that whoever asks must be; None: nobody need be signed in. `path` has parts in
    braces that stand for any one part."""

    name: str
    method: str
    path: str
    role: str | None
    act: Act

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path."""
        return tuple(self.path.strip("/").split("/"))

    def match(self, parts: tuple[str, ...]) -> dict[str, str] | None:
        """What stands for each part in braces, if the path is one of this route's."""
        return match(self.parts, parts)

    def allows(self, role: str | None) -> bool:
        """Whether someone of that role may; None: nobody signed in."""
        return self.role is None or (role is not None and may(role, self.role))


@dataclass(frozen=True, slots=True)
class Found:
    """The route of a request, and the parts of its path."""

    route: Route
    path: Mapping[str, str]


def find(routes: Iterable[Route], method: str, path: str) -> Found | str:
    """The route for this method and path; `missing` or `method` if there is none, or none for that method."""
    parts = tuple(path.strip("/").split("/"))
    why = "missing"
    for route in routes:
        found = route.match(parts)
        if found is None:
            continue
        if route.method == method:
            return Found(route, found)
        why = "method"
    return why
