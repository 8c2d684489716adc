"""JSON that people and programs hand in, read so that no two programs can read it differently (RFC 8259, RFC 7493). FAULTS A17."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from .errors import LocalError

JSON_BYTES: Final = 1024**2
_DIGITS: Final = 20
_NAME_SHOWN: Final = 40


def parse_json(data: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8, of at most JSON_BYTES.

    Refused besides what is no JSON: a byte order mark, a name that stands twice, NaN and Infinity, a number that is too large, half
    of a surrogate pair. Raises LocalError json.malformed.
    """
    if len(data) > JSON_BYTES:
        raise _malformed(f"more than {JSON_BYTES} bytes")
    if data.startswith(b"\xef\xbb\xbf"):
        raise _malformed("it begins with a byte order mark")
    try:
        value = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_float, parse_int=_int)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise _malformed(f"byte {error.start + 1} is not UTF-8") from None
    except UnicodeEncodeError:
        raise _malformed("a text holds half of a surrogate pair") from None
    except json.JSONDecodeError as error:
        raise _malformed(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _malformed("it is nested too deep") from None
    if not isinstance(value, dict):
        raise _malformed("an object with the message's fields is expected")
    return value


def _malformed(what: str) -> LocalError:
    return LocalError("json.malformed", what)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _malformed(f"{json.dumps(name)[:_NAME_SHOWN]} stands there twice")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise _malformed(f"{name} is no number of JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _malformed("a number is too large")
    return value


def _int(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise _malformed("a number is too large")
    return int(digits)
