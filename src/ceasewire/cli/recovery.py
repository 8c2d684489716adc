# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands for the day a machine is lost: backup, recover."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..errors import LocalError
from . import files
from .access import own_files
from .answer import Answer, tell
from .parameters import AsJson, Node, PassphraseFile, TlsCa
from .reading import progress_bar
from .screen import Screen, counted
from .text import explained


def backup(
    node: Node,
    file: Annotated[Path, Parameter(name="FILE", help="The file to write, on another disk.")],
    /,
    *,
    json: AsJson = False,
) -> Answer:
    """Write what `recover` needs beside the recovery key into one file: messages, receipts, charter, card, no key. Also while `serve` runs.

    Example: ceasewire backup north /mnt/disk/north.backup
    """
    from ..backup import write_backup
    from ..folder import Folder

    with own_files(), progress_bar("bytes") as progress:
        made = write_backup(Folder(node), file, progress)

    def human(screen: Screen) -> None:
        messages = made["messages"]
        count = sum(messages.values()) if isinstance(messages, dict) else 0
        screen.line(f"{counted(count, 'message')}, {made['bytes']} bytes: ", str(made["file"]))

    return Answer(made, human, notes=("It holds every message in clear: keep it as you keep the node. It holds no key.",))


def recover(
    node: Node,
    /,
    *,
    come_from: Annotated[str, Parameter(name="--from", help="The party to read the messages back from.")],
    backup: Annotated[Path | None, Parameter(help="A backup, for a store that is lost or damaged.", show_default=False)] = None,
    charter: Annotated[Path | None, Parameter(help="The charter, if the folder holds none.", show_default=False)] = None,
    recovery_file: Annotated[
        Path | None,
        Parameter(name=["--recovery-file", "--recovery"], help="The recovery key. Default: the one in the folder.", show_default=False),
    ] = None,
    url: Annotated[str | None, Parameter(help="Where that party is reached, if not where it said.", show_default=False)] = None,
    replaces: Annotated[str | None, Parameter(help="The log that is lost, where the party has several.", show_default=False)] = None,
    passphrase_file: PassphraseFile = None,
    no_passphrase: Annotated[bool, Parameter(help="Open the new keys by a key file in the folder.", show_default=False)] = False,
    tls_ca: TlsCa = None,
    json: AsJson = False,
) -> Answer:
    """Go on after a machine was lost, put back or copied: open a successor log and read everything back from another party.

    It works with whatever is left: a folder without its store, an old store, a backup, or a new folder with charter and recovery key. Cut
    short, the same command again finishes. Exit status 1 if not all could be read back yet; the log goes on all the same.

    Example: ceasewire recover north --from south --recovery-file /media/stick/recovery-north.txt
    """
    from ..folder import Folder
    from ..recovery import Asked, recover
    from ..remains import Given, Teller

    if no_passphrase and passphrase_file is not None:
        raise LocalError("usage", "give --passphrase-file or --no-passphrase, one of them")
    secret = files.passphrase(passphrase_file)
    given = Given(charter, backup, recovery_file)
    asked = Asked(come_from, given, url, replaces, secret, no_passphrase, tls_ca)
    with progress_bar("messages") as progress:
        done = recover(Folder(node), asked, Teller(tell, progress))

    def human(screen: Screen) -> None:
        if done.opened:
            screen.line(done.log, " follows ", str(done.replaces), f", of which this node held {counted(done.size, 'message')}.")
        else:
            screen.line(done.log, " goes on.")
        screen.line(f"{counted(done.recovered, 'message')} of ours read back from ", done.come_from, ".")
        if done.error:
            screen.line("Not all is read back yet: ", explained(done.error))
            screen.line("The rest comes with the next exchange: `serve`, `sync`, or `bundle write` and `bundle read`.")

    notes = ("Take the recovery key away again. The others hear of the new log by the next exchange.",) if done.opened else ()
    return Answer(done.as_json(), human, status=int(done.error is not None), notes=notes)
