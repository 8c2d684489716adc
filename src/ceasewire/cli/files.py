# ruff: noqa: PLC0415 - imported when called, so that commands start fast
"""Files that people name: read with a bound, parsed strictly, written whole."""

from __future__ import annotations

import json
import os
import stat
import sys
import tomllib
from pathlib import Path
from typing import Any, Final, NoReturn

from ..errors import LocalError
from .text import escaped

JSON_BYTES: Final = 1024**2
TOML_BYTES: Final = 1024**2
_PASSPHRASE_BYTES: Final = 64 * 1024


def read(path: Path, most: int) -> bytes:
    """The file, or its first `most` + 1 bytes, by which the reader sees that it is too large. Raises LocalError file.unreadable."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise LocalError("file.unreadable", f"{path}: {error.strerror}") from None


def write(path: Path, data: bytes) -> None:
    """Write a file that others may read, whole or not at all. Raises LocalError file.unwritable.

    What is no ordinary file (a pipe, /dev/stdout) is written to; a symbolic link keeps pointing where it does.
    """
    from ..folder import Folder

    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                file.write(data)
            return
        target = Path(os.path.realpath(path))
        if (target.parent / "pen").exists():
            raise LocalError("file.unwritable", f"{path} lies in a node's folder, among its keys; choose another place")
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
    except OSError as error:
        raise LocalError("file.unwritable", f"{path}: {error.strerror}") from None
    Folder.write(target, data, mode)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def passphrase(path: Path | None) -> bytes | None:
    """The first line of a passphrase file; None for none. Raises LocalError file.unreadable, usage for an empty line."""
    if path is None:
        return None
    line = read(path, _PASSPHRASE_BYTES).partition(b"\n")[0].removesuffix(b"\r")
    if not line:
        raise LocalError("usage", f"the first line of {path} is empty")
    if len(line) > _PASSPHRASE_BYTES:
        raise LocalError("usage", f"the first line of {path} is too long for a passphrase")
    return line


def read_json(name: str) -> dict[str, Any]:
    """The JSON object of a file, or of standard input for `-`. Raises LocalError file.unreadable, json.malformed."""
    if name != "-":
        return parse_json(read(Path(name), JSON_BYTES))
    try:
        return parse_json(sys.stdin.buffer.read(JSON_BYTES + 1))
    except (OSError, AttributeError):  # there is no standard input at all
        raise LocalError("file.unreadable", "standard input") from None


def parse_json(data: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8, of at most JSON_BYTES, read so that no two programs can read it differently (RFC 8259, RFC 7493).

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
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _malformed(f"{escaped(next(name for name in names if names.count(name) > 1))[:40]} stands there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise _malformed(f"{name} is no number of JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _malformed("a number is too large")
    return value


def _int(digits: str) -> int:
    if len(digits) > 20:
        raise _malformed("a number is too large")
    return int(digits)


def read_toml(path: Path) -> dict[str, Any]:
    """The TOML of a file. Raises LocalError file.unreadable, charter.toml."""
    data = read(path, TOML_BYTES)
    if len(data) > TOML_BYTES:
        raise LocalError("charter.toml", f"more than {TOML_BYTES} bytes")
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise LocalError("charter.toml", f"byte {error.start + 1} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        last = data.rstrip().count(b"\n") + 1
        raise LocalError("charter.toml", str(error).replace("at end of document", f"at line {last}, its last")) from None
    except (RecursionError, ValueError):
        raise LocalError("charter.toml", "it is nested too deep, or a value cannot be") from None
