# ruff: noqa: PLC0415 - imported when called, so that commands start fast
"""Files that people name: read with a bound, parsed strictly, written whole."""

from __future__ import annotations

import os
import stat
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from ..errors import LocalError
from ..strictjson import JSON_BYTES, parse_json

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
