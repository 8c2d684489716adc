# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands for proofs, and the demo: prove, verify, demo. `verify` reads files alone: it imports no store, node or carrier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from .. import limits
from ..errors import LocalError, PeerError
from . import files
from .access import reading
from .answer import Answer, error_json, tell
from .parameters import AsJson, Node, Output
from .screen import Screen

_STATUS = {"valid": 0, "invalid": 1, "unreadable": 2}


def prove(
    node: Node,
    ref: Annotated[str | None, Parameter(name="REF", help="A message, as log/index: north/12.", show_default=False)] = None,
    /,
    *,
    reveal: Annotated[list[str] | None, Parameter(help="A field to show; all if none is named.", show_default=False)] = None,
    silence: Annotated[str | None, Parameter(help="In place of REF: prove that none of this kind was sent.", show_default=False)] = None,
    by: Annotated[str | None, Parameter(help="With --silence: by which party.", show_default=False)] = None,
    start: Annotated[
        str | None, Parameter(name="--from", help="With --silence: from when, as 2026-03-01T00:00:00Z.", show_default=False)
    ] = None,
    to: Annotated[str | None, Parameter(help="With --silence: the first second after.", show_default=False)] = None,
    output: Output,
    json: AsJson = False,
) -> Answer:
    """Write a proof that anyone can verify offline.

    Of one message, with all its fields or those named; or that a party sent no message of a kind in a period: exit status 1 where it did.

    Example: ceasewire prove north north/12 --reveal types --reveal place -o incident.tlog-proof

    Example: ceasewire prove south --silence request --by north --from 2026-03-01T00:00:00Z --to 2026-06-01T00:00:00Z -o none.silence
    """
    if silence is not None:
        from .silence import prove_silence

        if ref is not None or reveal is not None:
            raise LocalError("usage", "give REF, with --reveal, or --silence; not both")
        return prove_silence(node, silence, by, (start, to), output)
    if ref is None or by is not None or start is not None or to is not None:
        raise LocalError("usage", "give REF, or --silence KIND --by SLUG --from TIME --to TIME")
    return _prove_message(node, ref, reveal, output)


def _prove_message(node: Path, ref: str, reveal: list[str] | None, output: Path) -> Answer:
    from ..node import proofs

    with reading(node) as view:
        data = proofs.prove(view, view.ref(ref), reveal)
    files.write(output, data)
    proved = {"ref": ref, "file": str(output), "bytes": len(data), "revealed": reveal}

    def human(screen: Screen) -> None:
        fields = "every field" if reveal is None else f"{', '.join(reveal)} and whether it is an exercise"
        screen.line("proof of ", ref, ": ", str(output), f", {len(data)} bytes; it shows ", fields)

    return Answer(proved, human)


def verify(
    file: Annotated[Path, Parameter(name="FILE", help="A proof.")],
    /,
    *,
    charter: Annotated[Path | None, Parameter(help="The channel's charter, signed by all.", show_default=False)] = None,
    policy: Annotated[Path | None, Parameter(help="Or a C2SP tlog-policy.", show_default=False)] = None,
    fingerprint: Annotated[str | None, Parameter(help="The channel's fingerprint, as you know it.", show_default=False)] = None,
    json: AsJson = False,
) -> Answer:
    """Verify a proof offline. Exit status 0 valid, 1 invalid, 2 unreadable.

    Example: ceasewire verify incident.tlog-proof --charter line.charter
    """
    from ..verifier import Report, Trust
    from ..verifier import verify as check
    from .verdicts import show_report

    if (charter is None) == (policy is None):
        raise LocalError("usage", "give --charter or --policy, one of them")
    failed: dict[str, Any] = {}
    try:
        data = files.read(file, limits.SILENCE_BYTES)  # the largest; each kind of proof has a limit of its own
        trust = Trust(_read_charter(charter), _read_policy(policy), fingerprint)
        report = check(data, trust)
    except LocalError as error:
        tell("ceasewire: ", str(error))
        report = Report(verdict="unreadable", code=error.code)
        failed = error_json(error)
    return Answer({**report.as_json(), **failed}, lambda screen: show_report(screen, report), status=_STATUS[report.verdict])


def _read_charter(path: Path | None) -> bytes | None:
    """The charter file, if it is one at all; whether it is the right one the verifier says. Raises LocalError charter.malformed."""
    from ..record.charter import is_charter

    if path is None:
        return None
    data = files.read(path, limits.CHARTER_BYTES)
    if not is_charter(data):
        raise LocalError("charter.malformed", str(path))
    return data


def _read_policy(path: Path | None) -> bytes | None:
    """The policy file. Raises LocalError policy.malformed."""
    from ..tlog.policy import Policy

    if path is None:
        return None
    data = files.read(path, limits.NOTE_BYTES)
    try:
        Policy.parse(data)
    except PeerError as error:
        raise LocalError("policy.malformed", f"{path}: {error.detail}") from None
    return data


def demo(
    *,
    port: Annotated[int, Parameter(help="The first of the ports that it uses.")] = 8700,
    check: Annotated[bool, Parameter(help="Run it headless, verify all, and exit.", show_default=False)] = False,
    json: AsJson = False,
) -> Answer:
    """Play an exercise between parties on this machine: keys, charter, messages, receipts, proofs.

    Example: ceasewire demo --check
    """
    from ..demo import run

    if not 1 <= port <= 65533:
        raise LocalError("usage", "--port is a number from 1 to 65533")
    outcome = run(port=port, check=check, say=tell)
    result = outcome.as_json()

    def human(screen: Screen) -> None:
        for failure in outcome.failures:
            screen.line("FAILED: ", failure, style="bold")
        screen.line("The exercise went as it must." if result["ok"] else "The exercise FAILED.")

    return Answer(result, human, status=int(not result["ok"]))
