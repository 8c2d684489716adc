"""Which start of the machine a node's log was last confirmed in. PROTOCOL section 6; spec/keys.md, "After a restart".

A machine that was put back as a whole, pen and store, cannot tell by itself: its log has gone on elsewhere, and the next signature would
show two histories. It can tell that it was started anew, though: the kernel draws an id at every boot. So the folder's file `boot` keeps
the id of the boot in which somebody else last confirmed that the log here is the newest there is:

    ceasewire boot 1
    2b0d8f1e-7c1c-4a53-9a37-0d6c2f4f7f2e

The file stands beside the pen and is in no backup. A file that is not so, or a system that gives no id, counts as another boot: then
nothing is signed before somebody confirms the log.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

SOURCE: Final = Path("/proc/sys/kernel/random/boot_id")
_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FIRST: Final = "ceasewire boot 1\n"
_MOST: Final = 256


def current(source: Path = SOURCE) -> str | None:
    """The id of this boot; None where the system gives none."""
    return _found(_read(source), rf"({_UUID})\n?")


def kept(path: Path) -> str | None:
    """The id that a folder's file keeps; None for a file that is not whole. Raises FileNotFoundError where there is none."""
    if not path.exists():
        raise FileNotFoundError(path)
    return _found(_read(path), rf"{_FIRST}({_UUID})\n")


def encode(boot: str) -> bytes:
    """The file that keeps an id."""
    return f"{_FIRST}{boot}\n".encode("ascii")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode("ascii")
    except (OSError, ValueError):
        return ""


def _found(text: str, form: str) -> str | None:
    match = re.fullmatch(form, text)
    return match[1] if match else None
