# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands for a party's logs and the recovery key that opens them: keys rotate, device, list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Parameter

from ..errors import LocalError
from . import files
from .access import own_files, reading
from .answer import Answer
from .parameters import AsJson, Node, PassphraseFile
from .screen import Screen, counted

if TYPE_CHECKING:
    from ..node.view import View

RecoveryFile: TypeAlias = Annotated[Path, Parameter(name="--recovery-file", help="The recovery key, from where it was taken away to.")]
_TAKE_AWAY = "Take the recovery key away again. The others hear of the new log by the next exchange."


def rotate(node: Node, /, *, recovery_file: RecoveryFile, passphrase_file: PassphraseFile = None, json: AsJson = False) -> Answer:
    """Give this node new keys, in a new log that follows its own. The old keys are destroyed. Stop `serve` first.

    Example: ceasewire keys rotate north --recovery-file /media/stick/recovery-north.txt
    """
    from ..folder import Folder
    from ..renewal import rotate as renew

    with own_files():
        opened = renew(Folder(node), files.passphrase(passphrase_file), recovery_file)
    made: dict[str, Any] = {"log": opened.log, "replaces": opened.replaces, "size": opened.size, "ref": f"{opened.log}/0"}

    def human(screen: Screen) -> None:
        screen.line(opened.log, " follows ", str(opened.replaces), f", of which this node holds {counted(opened.size, 'message')}.")

    return Answer(made, human, notes=(_TAKE_AWAY,))


def device(
    node: Node,
    new: Annotated[Path, Parameter(name="NEWFOLDER", help="The folder to make for the other device.")],
    /,
    *,
    recovery_file: RecoveryFile,
    replaces: Annotated[str | None, Parameter(help="The log that is lost or stolen, and ends.", show_default=False)] = None,
    passphrase_file: PassphraseFile = None,
    no_passphrase: Annotated[bool, Parameter(help="Open the new keys by a key file in the folder.", show_default=False)] = False,
    json: AsJson = False,
) -> Answer:
    """Make a folder for another device of this node's party, with keys and a log of its own. It catches up from any peer.

    Example: ceasewire keys device north phone --recovery-file /media/stick/recovery-north.txt --no-passphrase
    """
    from ..folder import Folder
    from ..renewal import add_device

    if no_passphrase == (passphrase_file is not None):
        raise LocalError("usage", "give --passphrase-file or --no-passphrase for the new device, one of them")
    with own_files():
        opened = add_device(Folder(node), new, files.passphrase(passphrase_file), recovery_file, replaces=replaces)
    made: dict[str, Any] = {"node": str(new), "log": opened.log, "replaces": opened.replaces, "size": opened.size, "ref": f"{opened.log}/0"}

    def human(screen: Screen) -> None:
        screen.line(str(new), ": ", opened.log)
        if opened.replaces:
            screen.line(opened.replaces, f" ends: beyond its first {counted(opened.size, 'message')} only that stands which others held.")

    return Answer(made, human, notes=(_TAKE_AWAY,))


def list_keys(node: Node, /, *, json: AsJson = False) -> Answer:
    """List every log of the channel: whose it is, what it follows, what replaced it.

    Example: ceasewire keys list north
    """
    with reading(node) as view:
        found = [_log(view, number) for number in view.channel.logs]
        witnessed = bool(view.channel.witnesses)

    def human(screen: Screen) -> None:
        columns = ("log", "party", "opened", "messages", "follows", "replaced by")
        rows = [(one["log"] + (" (this node)" if one["own"] else ""), one["party"], one["opened"] or "by the charter") for one in found]
        rest = [(str(one["size"]), one["replaces"] or "-", ", ".join(one["replaced_by"]) or "-") for one in found]
        screen.table(columns, [(*first, *second) for first, second in zip(rows, rest, strict=True)])
        for one in found:
            if witnessed and one["opened"] and not one["replaced_by"]:
                screen.line(f"A witness cosigns {one['log']} once its keeper has added it: ceasewire witness add DIR {one['vkey']}")

    return Answer(found, human)


def _log(view: View, number: int) -> dict[str, Any]:
    from ..record.fields import show_time

    channel = view.channel
    opening, state, first = channel.openings.get(number), view.store.states().get(number), view.store.row(number, 0)
    follows = opening.predecessor if opening else None
    return {
        "log": channel.logs[number].slug,
        "party": channel.party(number).slug,
        "vkey": channel.logs[number].log[0].text(),
        "own": number == view.own,
        "opened": show_time(first.time) if opening and first else None,
        "size": state.size if state else 0,
        "replaces": None if follows is None else channel.log_name(follows) or str(follows),
        "replaces_size": opening.size if opening and follows is not None else None,
        "replaced_by": [channel.logs[one].slug for one in channel.successors_of(number)],
        "frozen": state.frozen if state else None,
    }
