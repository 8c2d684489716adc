# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands for misconduct proofs: `misconduct` lists those that a node keeps and writes one to a file; `misconduct compare` makes one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from .. import limits
from ..errors import LocalError, PeerError
from . import files
from .access import own_files, reading
from .answer import Answer
from .parameters import AsJson, Node, Output
from .screen import Screen


def misconduct(
    node: Node,
    number: Annotated[int | None, Parameter(name="N", help="The number of one of them, to write it to a file.", show_default=False)] = None,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="The file to write.", show_default=False)] = None,
    json: AsJson = False,
) -> Answer:
    """List the misconduct proofs that this node made or was given, or write one to a file, which anyone can verify offline.

    Example: ceasewire misconduct south

    Example: ceasewire misconduct south 1 -o north.misconduct
    """
    from ..node.convictions import file_of, listed

    if (number is None) != (output is None):
        raise LocalError("usage", "give the number of a proof and -o FILE, or neither")
    with reading(node) as view, own_files():
        found = listed(view)
        data = None if number is None else file_of(view, number)
    if number is None or output is None or data is None:
        return Answer(found, lambda screen: _show(screen, found))
    files.write(output, data)
    written = {**found[number - 1], "file": str(output)}
    return Answer(written, lambda screen: screen.line(written["sentence"], ": ", str(output), f", {len(data)} bytes"))


def _show(screen: Screen, found: list[dict[str, Any]]) -> None:
    if not found:
        screen.line("No misconduct is proved here.")
    columns = [(str(one["ref"]), one["log"], one["party"], one["kind"], one["time"], str(one["bytes"])) for one in found]
    screen.table(("ref", "log", "party", "kind", "since", "bytes"), columns)
    for one in found:
        screen.line(f"{one['ref']}: ", one["sentence"], "." if one["convicts"] else "; a finding, no conviction.")


def compare(
    one: Annotated[Path, Parameter(name="A", help="A proof of a message.")],
    other: Annotated[Path, Parameter(name="B", help="Another proof of the same message.")],
    /,
    *,
    charter: Annotated[Path, Parameter(help="The channel's charter, signed by all.")],
    output: Output,
    json: AsJson = False,
) -> Answer:
    """Compare two published proofs of one message, and write the misconduct proof if they show two values of one field.

    Exit status 1 if they agree.

    Example: ceasewire misconduct compare press.tlog-proof court.tlog-proof --charter line.charter -o two.misconduct
    """
    from ..record.channel import Channel
    from ..record.charter import open_charter
    from ..record.misconduct import open_misconduct
    from ..verifier.comparing import compare as compared

    given = [files.read(path, limits.PROOF_BYTES) for path in (one, other)]
    signed = files.read(charter, limits.CHARTER_BYTES)
    try:
        channel = Channel(open_charter(signed, complete=True))
        data = compared(given[0], given[1], channel)
        verdict = None if data is None else open_misconduct(data, channel)
    except PeerError as error:
        raise LocalError(error.code, error.detail) from None
    if data is None or verdict is None:
        agreed = {"agree": True, "kind": None, "file": None, "bytes": None, "sentence": None}
        return Answer(agreed, lambda screen: screen.line("The two proofs say the same wherever both say something."), status=1)
    files.write(output, data)
    made = {"agree": False, "kind": verdict.kind, "file": str(output), "bytes": len(data), "sentence": verdict.sentence}
    return Answer(made, lambda screen: screen.line(verdict.sentence, ": ", str(output), f", {len(data)} bytes"))
