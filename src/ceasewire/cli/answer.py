"""What a command hands back, and how it is written: as one JSON value, or for people."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from ..errors import CeasewireError, LocalError
from .screen import Screen
from .text import escaped

Json = Any  # what json.dumps takes

# JSON allows these as they are; a terminal would act on them or hide them. They stand inside strings only, where an escape is the same.
_UNSAFE: Final = re.compile("[\x7f-\x9f\u061c\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\U000e0000-\U000e0fff]")
_HELD_BYTES: Final = 64 * 1024**2  # of a long list, so that a failure in its middle still leaves one JSON value


@dataclass(frozen=True, slots=True)
class Stream:
    """A JSON array whose items are made as they are written."""

    items: Callable[[], Iterable[Json]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a command. `human` prints it for people; `notes` are for people too, and go to standard error in any case."""

    json: Json | Stream
    human: Callable[[Screen], None]
    status: int = 0
    notes: tuple[str, ...] = field(default=())


def write(answer: Answer, *, as_json: bool) -> None:
    """Write the answer. Raises LocalError file.unwritable when standard output takes no more."""
    if as_json:
        _put(_lines(answer.json) if isinstance(answer.json, Stream) else iter([dump(answer.json), "\n"]))
    else:
        answer.human(Screen(_standard_output()))
    flush()
    for note in answer.notes:
        tell(note)


def dump(value: Json) -> str:
    """One JSON value as text that is safe on any terminal and in any locale."""
    text = json.dumps(value, ensure_ascii=not _holds_unicode(_standard_output()), allow_nan=False)
    return _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))


def _holds_unicode(file: TextIO) -> bool:
    return (file.encoding or "").lower().replace("-", "") == "utf8"


def _lines(stream: Stream) -> Iterator[str]:
    before = "["
    for item in stream.items():
        yield before + dump(item)
        before = ",\n"
    yield "[]\n" if before == "[" else "]\n"


def _put(parts: Iterator[str]) -> None:
    out, held, size = _standard_output(), [], 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size > _HELD_BYTES:
            out.write("".join(held))
            held.clear()
    out.write("".join(held))


def _standard_output() -> TextIO:
    if sys.stdout is None:  # closed by whoever started us
        raise LocalError("file.unwritable", "standard output is closed")
    return sys.stdout


def flush() -> None:
    """Everything written so far leaves, so that a failure to write is known before the exit status is."""
    _standard_output().flush()


def tell(*parts: str) -> None:
    """One line for people, on standard error. That it cannot be written is no failure: the exit status says whether the command is done."""
    if sys.stderr is not None:
        with suppress(OSError):
            print("".join(escaped(part) for part in parts), file=sys.stderr, flush=True)


def error_json(error: CeasewireError) -> Json:
    """How a failure is written with --json."""
    return {"error": {"code": error.code, "message": error.message, "step": error.explained.step}}
