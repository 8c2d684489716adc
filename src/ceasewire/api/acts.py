"""What each endpoint does. Whatever it is asked, it has one node in hand, the one that the token opens, and no way to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..errors import CODES, LocalError
from ..node.openings import called
from ..record.fields import Json, Wrong, parse_time
from .table import NODE, Answer, Call, Endpoint, Parameter

LIST_MOST: Final = 2_000  # of the largest bodies, 64 MB
LIST_DEFAULT: Final = 1_000

_OBJECT: Final = {"type": "object"}
_OBJECTS: Final = {"type": "array", "items": _OBJECT}
_TEXT: Final = {"type": "string"}
_LIMIT: Final = {"type": "integer", "minimum": 0, "maximum": LIST_MOST, "default": LIST_DEFAULT}
_TIME: Final = {"type": "string", "format": "date-time"}
_REF: Final = f"{NODE}/{{command}}/{{log}}/{{index}}"


async def nodes(call: Call) -> Answer:
    """The node that the token opens."""
    return Answer([_about(call)])


async def node(call: Call) -> Answer:
    """What is known of the node itself."""
    return Answer(_about(call))


def _about(call: Call) -> dict[str, Json]:
    served = call.opened.served
    channel, own = served.node.channel, served.node.own
    charter = channel.charter
    return {
        "node": served.name,
        "party": channel.party(own).slug,
        "log": channel.logs[own].slug,
        "role": call.opened.role,
        "channel": {"name": charter.name, "title": charter.title, "level": charter.level, "exercise": charter.exercise},
        "id": channel.channel_id.hex(),
    }


async def list_messages(call: Call) -> Answer:
    """Messages in record order."""
    query = call.query
    asked: dict[str, Any] = {name: query[name] for name in ("kind", "log", "party", "case", "search", "after") if name in query}
    asked |= {name: _time(name, query[name]) for name in ("since", "until") if name in query}
    void, limit = _void(query.get("void")), _limit(query.get("limit"))
    view = call.opened.served.node.reading

    def read() -> list[dict[str, Json]]:
        return list(view.messages(**asked, void=void, limit=limit))

    return Answer(await call.opened.served.read(read))


def _time(name: str, text: str) -> int:
    try:
        return parse_time(text)
    except Wrong as wrong:
        raise LocalError("usage", f"{name} is {wrong}") from None


def _void(text: str | None) -> bool | None:
    if text not in (None, "true", "false"):
        raise LocalError("usage", "void is true or false")
    return None if text is None else text == "true"


def _limit(text: str | None) -> int:
    if text is None:
        return LIST_DEFAULT
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(LIST_MOST)) + 1 and int(text) <= LIST_MOST):
        raise LocalError("usage", f"limit is a number from 0 to {LIST_MOST}")
    return int(text)


async def show(call: Call) -> Answer:
    """One message, its case and its receipts."""
    view = call.opened.served.node.reading
    return Answer(await call.opened.served.read(lambda: view.show(view.ref(_ref(call)))))


async def cases(call: Call) -> Answer:
    """Every case."""
    return Answer(await call.opened.served.read(call.opened.served.node.reading.cases))


async def case(call: Call) -> Answer:
    """The case of a message."""
    view = call.opened.served.node.reading
    return Answer(await call.opened.served.read(lambda: view.case(view.ref(_ref(call)))))


def _ref(call: Call) -> str:
    return f"{call.path['log']}/{call.path['index']}"


async def status(call: Call) -> Answer:
    """Logs, lines, alarms."""
    return Answer(await call.opened.served.status())


async def send(call: Call) -> Answer:
    """Send one message, or keep it as a draft for the officers who must release it."""
    kind, body = _only(call.json, "kind", "body")
    if not isinstance(kind, str):
        raise LocalError("usage", "kind is a text")
    waiting = await call.opened.served.draft(kind, body)
    if waiting is not None:
        why = CODES["release.missing"]
        error: dict[str, Json] = {"code": "release.missing", "message": why.sentence, "step": why.step}
        return Answer({"error": error, "draft": waiting}, 409)
    sent = await call.opened.served.send(kind, body, call.size)
    return Answer(sent.as_json(), 201)


async def sync(call: Call) -> Answer:
    """Exchange once."""
    (slug,) = _only(call.json, "peer")
    served = call.opened.served
    peers: Sequence[int | None] = [None] if slug is None else called(served.node, _name(slug))
    return Answer([report.as_json() for peer in peers for report in await served.sync(peer)])


def _only(json: Any, *names: str) -> list[Any]:
    """The values of an object that may have these names and no other (FAULTS I-14)."""
    for name in json:
        if name not in names:
            raise LocalError("field.unknown", f"the request has {', '.join(names)} and nothing else")
    return [json.get(name) for name in names]


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise LocalError("usage", "peer is the name of a party or of a log")
    return value


ENDPOINTS: Final = (
    Endpoint("nodes", "GET", "/nodes", "reader", "The node that this token opens.", nodes, _OBJECTS),
    Endpoint("node", "GET", NODE, "reader", "Party, log, channel and level of the node.", node, _OBJECT),
    Endpoint(
        "list",
        "GET",
        f"{NODE}/list",
        "reader",
        "Messages in record order, as `ceasewire list --json`.",
        list_messages,
        _OBJECTS,
        query=(
            Parameter("kind", "Only messages of this kind.", _TEXT),
            Parameter("log", "Only messages of this log.", _TEXT),
            Parameter("party", "Only messages of this party, by any of its logs.", _TEXT),
            Parameter("since", "Only from this time on.", _TIME),
            Parameter("until", "Only up to this time.", _TIME),
            Parameter("void", "Only void messages, or only those that are not.", {"type": "boolean"}),
            Parameter("case", "Only what belongs to the case of this message.", _TEXT),
            Parameter("search", "Only what holds these words.", _TEXT),
            Parameter("after", "Only what follows this message: the last of the page before.", _TEXT),
            Parameter("limit", "At most so many, from the first.", _LIMIT),
        ),
    ),
    Endpoint(
        "show",
        "GET",
        _REF.replace("{command}", "show"),
        "reader",
        "One message, its case and receipts, as `ceasewire show --json`.",
        show,
        _OBJECT,
    ),
    Endpoint("cases", "GET", f"{NODE}/cases", "reader", "Every case, as `ceasewire cases --json`.", cases, _OBJECTS),
    Endpoint("case", "GET", _REF.replace("{command}", "case"), "reader", "One case, as `ceasewire case --json`.", case, _OBJECT),
    Endpoint("status", "GET", f"{NODE}/status", "reader", "Logs, lines and alarms, as `ceasewire status --json`.", status, _OBJECT),
    Endpoint(
        "send",
        "POST",
        f"{NODE}/send",
        "sender",
        "Sign one message and keep it durably, as `ceasewire send --json`.",
        send,
        {"type": "object", "properties": {"ref": _TEXT, "size": {"type": "integer"}}, "required": ["ref", "size"]},
        body={
            "type": "object",
            "properties": {"kind": _TEXT, "body": _OBJECT},
            "required": ["kind", "body"],
            "additionalProperties": False,
        },
        answers={409: "The kind needs officers' releases: the draft to be released."},
    ),
    Endpoint(
        "sync",
        "POST",
        f"{NODE}/sync",
        "sender",
        "Exchange with every other party once, or with one, as `ceasewire sync --json`.",
        sync,
        _OBJECTS,
        body={"type": "object", "properties": {"peer": {"type": ["string", "null"]}}, "additionalProperties": False},
    ),
)
