"""What the API has: one table, from which requests are routed, the OpenAPI document is written, and the tests of who may see what are
made. A route that is not in the table is not there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..paths import match
from ..record.fields import Json
from .access import Opened

PREFIX: Final = "/api/v1"
NODE: Final = "/nodes/{node}"

Schema = Mapping[str, Any]  # JSON Schema 2020-12


@dataclass(frozen=True, slots=True)
class Call:
    """One request that may be answered: what its token opens, the parts of its path, its query, its JSON and how long that was."""

    opened: Opened
    path: Mapping[str, str]
    query: Mapping[str, str]
    json: Mapping[str, Any]
    size: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and one JSON value."""

    json: Json
    status: int = 200


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query."""

    name: str
    says: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address and method. `role` is the least that a token must be; `answers`: other statuses that it may give, and when."""

    operation: str
    method: str
    path: str
    role: str
    says: str
    act: Callable[[Call], Awaitable[Answer]]
    answer: Schema
    query: tuple[Parameter, ...] = ()
    body: Schema | None = None
    answers: Mapping[int, str] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path below the prefix; one in braces stands for any."""
        return tuple(self.path.strip("/").split("/"))

    def match(self, parts: tuple[str, ...]) -> dict[str, str] | None:
        """What stands for each part in braces, if the path is one of this endpoint's."""
        return match(self.parts, parts)
