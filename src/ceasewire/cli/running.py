# ruff: noqa: PLC0415 - imported when called, so that commands start fast
"""From arguments to an exit status: what every command has in common."""

from __future__ import annotations

import gc
import io
import os
import re
import sys
from typing import Final

from ..errors import CeasewireError, LocalError, PeerError
from .answer import Answer, dump, error_json, flush, tell, write
from .later import refuse_later

DONE: Final = 0
REFUSED: Final = 1
FAILED: Final = 2
_INTERRUPTED: Final = 130
_PIPE_CLOSED: Final = 141
_NEW_OBJECTS: Final = 50_000  # before the collector runs; Python's 700 costs an eighth of the time that `list` takes
_DEBUG: Final = "CEASEWIRE_DEBUG"
_PERHAPS: Final = re.compile(r'\.? Did you mean "?([^"?]+)"?\?')


def run(tokens: list[str]) -> int:
    """Run one command; its exit status. Every error becomes a sentence; with CEASEWIRE_DEBUG set, one of ours is raised."""
    _prepare()
    as_json = "--json" in (tokens[: tokens.index("--")] if "--" in tokens else tokens)
    if tokens[:1] == ["--json"]:
        tokens = [*tokens[1:], "--json"]
    try:
        answer = _call(tokens)
        if answer is None:
            flush()
            return DONE
        write(answer, as_json=as_json)
        return answer.status
    except CeasewireError as error:
        return _fail(error, as_json)
    except BrokenPipeError:
        return _pipe_closed()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        if os.environ.get(_DEBUG):
            raise
        return _fail(LocalError("file.unwritable", error.strerror or type(error).__name__), as_json)
    except SystemExit:
        raise
    except BaseException as error:  # a panic of a library in Rust is no Exception; its exit status would be that of a refusal
        if os.environ.get(_DEBUG):
            raise
        return _unexpected(error, as_json)


def _prepare() -> None:
    """A locale without Unicode must not make printing fail; and most of a short command's garbage is looked for in vain."""
    gc.set_threshold(_NEW_OBJECTS)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _call(tokens: list[str]) -> Answer | None:
    """The command's answer; None if help or the version was printed."""
    from cyclopts import CycloptsError

    from .app import app

    refuse_later(tokens)
    try:
        answer = app(tokens, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise LocalError("usage", _said(str(error))) from None
    return answer if isinstance(answer, Answer) else None


def _said(text: str) -> str:
    """What the parser says, without its list of commands, which it cuts off in the middle."""
    return _PERHAPS.sub(r"; perhaps \1", text.partition(" Available commands:")[0]).rstrip(".")


def _fail(error: CeasewireError, as_json: bool) -> int:
    tell("ceasewire: ", str(error))
    _say_json(error_json(error), as_json)
    return REFUSED if isinstance(error, PeerError) else FAILED


def _unexpected(error: BaseException, as_json: bool) -> int:
    message = f"Something failed that should not have ({type(error).__name__})"
    step = f"Run it again with {_DEBUG}=1 set to see where, and report that."
    tell(f"ceasewire: {message}. {step}")
    _say_json({"error": {"code": None, "message": message, "step": step}}, as_json)
    return FAILED


def _say_json(value: object, as_json: bool) -> None:
    if as_json and sys.stdout is not None:
        try:
            sys.stdout.write(dump(value) + "\n")
            sys.stdout.flush()
        except OSError:
            _drop_output()


def _pipe_closed() -> int:
    """Whoever read our output has gone (`ceasewire list | head`): end quietly, as programs do that die of SIGPIPE."""
    _drop_output()
    return _PIPE_CLOSED


def _drop_output() -> None:
    """What is still buffered cannot be written, and must not be tried again at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return
