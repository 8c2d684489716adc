"""The OpenAPI 3.1 document of the API, written from the table of its endpoints. It names no node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from .table import PREFIX, Endpoint

VERSION: Final = "3.1.0"
_ERROR: Final = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "step": {"type": "string"}},
            "required": ["code", "message", "step"],
        }
    },
    "required": ["error"],
}
_EVERYWHERE: Final = {
    400: "The request breaks a rule; the code says which.",
    401: "No token, or none that opens anything here.",
    404: "Nothing that this token opens.",
    429: "Too many wrong tokens wait.",
    503: "The node cannot do it now.",
}
_WITH_BODY: Final = {403: "The token may read and not send.", 413: "The request is too large.", 415: "Not application/json."}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document, as JSON."""
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(PREFIX + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": VERSION,
        "info": {
            "title": "Ceasewire",
            "version": "1",
            "description": "The commands of `ceasewire`, for one node. A node is written LOG@ID, as /api/v1/nodes says.",
        },
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR}, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": endpoint.operation,
        "summary": endpoint.says,
        "description": f"Needs a token of the role {endpoint.role}.",
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint),
    }
    if endpoint.body is not None:
        found["requestBody"] = {"required": True, "content": _json(endpoint.body)}
    return found


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    path = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
        for part in endpoint.parts
        if part.startswith("{")
    ]
    return path + [{"name": one.name, "in": "query", "description": one.says, "schema": dict(one.schema)} for one in endpoint.query]


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    said = {**_EVERYWHERE, **(_WITH_BODY if endpoint.body is not None else {}), **endpoint.answers}
    errors = {str(status): {"description": what, "content": _json({"$ref": "#/components/schemas/Error"})} for status, what in said.items()}
    done = "201" if endpoint.operation == "send" else "200"
    return {done: {"description": "Done.", "content": _json(endpoint.answer)}, **dict(sorted(errors.items()))}


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
