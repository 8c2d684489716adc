"""Requests below /api/v1: who asks, for what, and the answer. An error is `{"error": {"code", "message", "step"}}`, as the command line
writes it.

The token comes first: without one that opens a node, every address answers alike, whether it is there or not; with one, every address
of another node answers as one that does not exist, before anything of that node is looked at. Tokens come in the header
`Authorization` alone and no answer allows another origin, so that no page in a browser can make a request in an officer's name.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.typing import FilteringBoundLogger

from ..errors import CeasewireError, LocalError, PeerError
from ..strictjson import JSON_BYTES, parse_json
from ..tokens import ROLES
from .access import Access, Opened
from .acts import ENDPOINTS
from .openapi import document
from .table import PREFIX, Answer, Call, Endpoint

BODY_SECONDS: Final = 10.0
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_DOCUMENT: Final = "openapi.json"
_STATUS: Final = {
    "token.unknown": 401,
    "token.role": 403,
    "token.busy": 429,
    "api.missing": 404,
    "api.method": 405,
    "api.size": 413,
    "api.type": 415,
    "ref.missing": 404,
    "release.missing": 409,
    **dict.fromkeys(("log.closed", "log.replaced", "log.unsure", "disk.failed", "random.failed"), 503),
}
_OURS: Final = ("file.", "node.", "pen.", "store.", "net.")  # families of codes that say what is wrong with this machine
_HEADERS: Final = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "2"}, 503: {"Retry-After": "5"}}


def routes(access: Access, log: FilteringBoundLogger) -> list[Route]:
    """Everything below /api/v1."""
    text = _dump(document(ENDPOINTS))

    async def answer(request: Request) -> Response:
        path = request.path_params["path"]
        if path == _DOCUMENT and request.method == "GET":
            return Response(text, media_type="application/json")
        try:
            opened = await access.opened(request.headers.get("authorization"))
            if opened is None:
                raise LocalError("token.unknown")
            found = await _act(request, path, opened)
            data = await opened.served.read(_dump, found.json)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408, headers={"Connection": "close"})
        except CeasewireError as error:
            return _error(error)
        except Exception as error:  # a defect of ours; its text may hold what a person wrote
            log.error("api.defect", kind=type(error).__name__)
            return Response(status_code=503, headers=_HEADERS[503])
        return Response(data, found.status, media_type="application/json")

    return [Route(f"{PREFIX}/{{path:path}}", answer, methods=list(METHODS))]


async def _act(request: Request, path: str, opened: Opened) -> Answer:
    endpoint, parts = _find(request.method, path, opened)
    if ROLES.index(opened.role) < ROLES.index(endpoint.role):
        raise LocalError("token.role")
    query = _query(request, endpoint)
    body = b"" if endpoint.body is None else await _body(request)
    call = Call(opened, parts, query, parse_json(body) if endpoint.body is not None else {}, len(body))
    return await endpoint.act(call)


def _find(method: str, path: str, opened: Opened) -> tuple[Endpoint, dict[str, str]]:
    """The endpoint of a path of this token's own node. Raises LocalError api.missing, api.method."""
    wanted = tuple(path.split("/"))
    known = False
    for endpoint in ENDPOINTS:
        parts = endpoint.match(wanted)
        if parts is None or parts.get("node", opened.served.name) != opened.served.name:
            continue
        if endpoint.method == method:
            return endpoint, parts
        known = True
    raise LocalError("api.method" if known else "api.missing")


def _query(request: Request, endpoint: Endpoint) -> dict[str, str]:
    """The query, in which nothing stands twice and nothing is unknown. Raises LocalError usage."""
    found = request.query_params.multi_items()
    query = dict(found)
    known = {one.name for one in endpoint.query}
    if len(query) != len(found) or not query.keys() <= known:
        raise LocalError("usage", f"the query has {', '.join(sorted(known)) or 'nothing'}, each once")
    return query


async def _body(request: Request) -> bytes:
    """The bytes of a JSON request. Raises LocalError api.type, json.malformed; TimeoutError when they do not come."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8") or "content-encoding" in request.headers:
        raise LocalError("api.type")
    if int(request.headers.get("content-length", "0")) > JSON_BYTES:
        raise LocalError("api.size")
    body = bytearray()
    async with asyncio.timeout(BODY_SECONDS):
        async for chunk in request.stream():
            body += chunk
            if len(body) > JSON_BYTES:
                raise LocalError("api.size")
    return bytes(body)


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _error(error: CeasewireError) -> Response:
    """What the command line says of the error, but nothing that this process alone knows: no path of a file, no fault of a peer's."""
    ours = isinstance(error, PeerError) or error.code.startswith(_OURS)
    status = _STATUS.get(error.code, 503 if ours else 400)
    message = error.explained.sentence if status in (401, 404, 503) else error.message
    said = {"error": {"code": error.code, "message": message, "step": error.explained.step}}
    # What was not read of the request is not waited for.
    headers = {"Connection": "close", **_HEADERS.get(status, {})}
    return Response(_dump(said), status, media_type="application/json", headers=headers)
