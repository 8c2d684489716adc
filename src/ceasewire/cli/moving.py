# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands that send, serve and exchange: send, serve, sync, bundle."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..errors import LocalError
from ..record.words import KINDS
from . import files
from .access import reading, writing
from .answer import Answer
from .cautions import cautions
from .officers import waiting
from .parameters import AsJson, Node, NotRestored, Output, PassphraseFile, TlsCa
from .screen import Screen, counted
from .text import explained

if TYPE_CHECKING:
    from ..node.exchange import Exchange

# A file may hold many bundles, a month of the line's quota among them; what is larger is no file of ours.
_FILE_BYTES = 2 * 1024**3
_DOUBTS = frozenset({"witness.ahead", "witness.history"})  # what a witness says of our log that is for an officer to decide


def send(
    node: Node,
    kind: Annotated[str, Parameter(name="KIND", help=f"One of {', '.join(KINDS)}.")],
    file: Annotated[
        str,
        Parameter(name="FILE.json", help="A JSON object with the message's fields, or - for standard input.", allow_leading_hyphen=True),
    ],
    /,
    *,
    not_restored: NotRestored = False,
    passphrase_file: PassphraseFile = None,
    json: AsJson = False,
) -> Answer:
    """Send one message: sign it and keep it durably. It leaves with `serve`, `sync` or `bundle write`.

    While `serve` runs for this node, the message goes through it, at once, and needs no passphrase. A kind that officers must release
    becomes a draft, with exit status 1. A message that shows where one's own people stand, or is of victims (D2 to D5), is
    sent with a warning on standard error. After a restart of the machine a peer is asked first whether this log is the newest
    there is; if none answers, nothing is sent unless you say --not-restored.

    Example: ceasewire send north statement hello.json
    """
    from ..folder import Folder

    secret, message = files.passphrase(passphrase_file), files.read_json(file)
    draft = waiting(node, kind, message)
    warned = cautions(message)
    if draft:
        return replace(draft, notes=(*draft.notes, *warned))
    sent: dict[str, Any] = writing(
        Folder(node),
        secret,
        {"op": "send", "kind": kind, "json": message},
        lambda it: it.send(kind, message).as_json(),
        lambda answer: {"ref": answer["ref"], "size": answer["size"]},
        not_restored=not_restored,
    )
    return Answer(sent, lambda screen: screen.line(sent["ref"]), notes=warned)


def serve(
    *nodes: Annotated[Path, Parameter(name="NODE", help="The folders to serve, all on one address.")],
    listen: Annotated[
        str | None, Parameter(help="HOST:PORT. Default: the node's own, if it is of this machine.", show_default=False)
    ] = None,
    tls_cert: Annotated[Path | None, Parameter(help="The server's certificate, PEM.", show_default=False)] = None,
    tls_key: Annotated[Path | None, Parameter(help="The certificate's private key, PEM.", show_default=False)] = None,
    tls_ca: TlsCa = None,
    alarm_command: Annotated[str | None, Parameter(help="A program that a flash or a quiet line starts.", show_default=False)] = None,
    not_restored: NotRestored = False,
    passphrase_file: Annotated[
        list[Path] | None, Parameter(help="One for all nodes, or one for each in their order.", show_default=False)
    ] = None,
    json: AsJson = False,
) -> Answer:
    """Serve nodes until stopped: exchange with the others, line checks on schedule, a status page, the HTTP API.

    A folder that is new or empty, alone: print a link by which a browser founds the node and its channel there.

    Example: ceasewire serve north --listen 127.0.0.1:8701 --passphrase-file pass.txt
    """
    from .. import serve as serving
    from ..folder import Folder
    from ..founding.progress import unfounded

    if not nodes:
        raise LocalError("usage", "give the folder of a node")
    if (tls_cert is None) != (tls_key is None):
        raise LocalError("usage", "--tls-cert and --tls-key go together")
    secrets = _secrets(nodes, passphrase_file or [])
    served = {"served": [str(path) for path in nodes]}
    found = None
    if len(nodes) == 1 and not json and unfounded(nodes[0]):  # a program that reads JSON reads no page
        from ..founding import server as founding

        found = founding.run(nodes[0], listen=listen, tls_cert=tls_cert, tls_key=tls_key, passphrase=secrets[0])
        if found is None:
            return Answer(served, lambda screen: screen.line("Stopped."))
        secrets = [found.passphrase]
    serving.run(
        nodes=[(Folder(path), secret) for path, secret in zip(nodes, secrets, strict=True)],
        listen=listen,
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_ca=tls_ca,
        alarm_command=alarm_command,
        not_restored=not_restored,
        listener=found.listener if found else None,
        welcome=found.welcome if found else None,
    )
    return Answer(served, lambda screen: screen.line("Stopped."))


def _secrets(nodes: tuple[Path, ...], given: list[Path]) -> list[bytes | None]:
    """A passphrase for each node. One that is given for several leaves those alone that a key file opens."""
    found = [files.passphrase(path) for path in given]
    if len(found) == len(nodes):
        return found
    if not found:
        return [None for _ in nodes]
    if len(found) == 1:
        return [None if (path / "unlock.key").exists() else found[0] for path in nodes]
    raise LocalError("usage", f"{len(found)} passphrase files for {len(nodes)} nodes")


def sync(
    node: Node,
    /,
    *,
    peer: Annotated[str | None, Parameter(help="Only with this party, or this later log.", show_default=False)] = None,
    tls_ca: TlsCa = None,
    not_restored: NotRestored = False,
    passphrase_file: PassphraseFile = None,
    json: AsJson = False,
) -> Answer:
    """Exchange with every other party once, now, and show every witness of the charter our logs.

    Exit status 1 if a party could not be reached or refused; a witness that did not cosign is told on standard error.

    Example: ceasewire sync north --peer south
    """
    from ..folder import Folder
    from ..node.exchange import Exchange

    secret = files.passphrase(passphrase_file)
    with reading(node, to_write=True) as view:
        silent = {log.slug for number, log in view.channel.logs.items() if not view.channel.party(number).url}
    found: dict[str, Any] = writing(
        Folder(node),
        secret,
        {"op": "sync", "witnesses": True} if peer is None else {"op": "sync", "witnesses": True, "peer": peer},
        lambda it: _sync(Exchange(it), peer, tls_ca),
        dict,
        not_restored=not_restored,
    )
    reports: list[dict[str, Any]] = found["peers"]
    notes = tuple(f"witness {one['witness']}: {_why(one['error'])}" for one in found["witnesses"] if one["error"])

    def human(screen: Screen) -> None:
        columns = ("peer", "sent", "received", "receipted", "error")
        screen.table(columns, [[str("-" if report[name] is None else report[name]) for name in columns] for report in reports])
        for report in reports:
            if report["peer"] in silent:
                screen.line(report["peer"], " has no address of its own: it calls us while `serve` runs, or bundles go by file.")
            elif report["error"]:
                screen.line(report["peer"], ": ", explained(report["error"]))

    wrong = any(report["error"] for report in reports) or any(one["error"] in _DOUBTS for one in found["witnesses"])
    return Answer(reports, human, status=int(wrong), notes=notes)


def _why(code: str) -> str:
    """What keeps a witness from cosigning, in words."""
    if code == "net.refused":
        return f"It did not cosign. If it does not know a log of ours, its operator adds it with `ceasewire witness add`. [{code}]"
    return explained(code)


def _sync(exchange: Exchange, name: str | None, tls_ca: Path | None) -> dict[str, Any]:
    from ..carriers import line, witnesses
    from ..node.openings import called

    peers = None if name is None else called(exchange.node, name)
    unsure = exchange.node.unsure is not None  # then the witnesses' word comes before a peer's
    shown = witnesses.show(exchange, tls_ca) if unsure else []
    reports = [report.as_json() for report in line.sync(exchange, peers, tls_ca=tls_ca)]
    if peers is None and not unsure:
        shown = witnesses.show(exchange, tls_ca)
    return {"peers": reports, "witnesses": [one.as_json() for one in shown]}


def bundle_write(
    node: Node,
    /,
    *,
    to: Annotated[str, Parameter(help="The party that is to read it, or one later log.")],
    output: Output,
    passphrase_file: PassphraseFile = None,
    json: AsJson = False,
) -> Answer:
    """Write all that a party has not receipted yet into a file, sealed to it. Writing it again does no harm.

    Example: ceasewire bundle write north --to south -o to-south.bundle
    """
    from ..folder import Folder
    from ..node.exchange import Exchange

    secret = files.passphrase(passphrase_file)
    data, messages = writing(
        Folder(node),
        secret,
        {"op": "bundle_write", "to": to},
        lambda it: Exchange(it).write_files(to),
        lambda answer: (base64.b64decode(answer["data"]), int(answer["messages"])),
    )
    files.write(output, data)
    wrote = {"to": to, "messages": messages, "bytes": len(data), "bundles": _count(data)}

    def human(screen: Screen) -> None:
        screen.line(f"{counted(messages, 'message')} to ", to, f" in {counted(_count(data), 'bundle')}, {len(data)} bytes: ", str(output))

    return Answer(wrote, human)


def _count(data: bytes) -> int:
    """How many bundles stand in a row."""
    from ..exchange.bundle import split

    at = count = 0
    while at < len(data):
        at, count = at + len(split(data, at)), count + 1
    return count


def bundle_read(
    node: Node,
    file: Annotated[Path, Parameter(name="FILE", help="A file that `bundle write` made.")],
    /,
    *,
    passphrase_file: PassphraseFile = None,
    json: AsJson = False,
) -> Answer:
    """Take every bundle of a file, up to the first that is not whole. Exit status 1 if anything in it was refused.

    Example: ceasewire bundle read south to-south.bundle
    """
    from ..carriers.file import read_bundles
    from ..folder import Folder
    from ..node.exchange import Exchange

    secret, data = files.passphrase(passphrase_file), files.read(file, _FILE_BYTES)
    read: dict[str, Any] = writing(
        Folder(node),
        secret,
        {"op": "bundle_read", "data": base64.b64encode(data).decode()},
        lambda it: read_bundles(Exchange(it), data).as_json(),
        dict,
    )

    def human(screen: Screen) -> None:
        screen.line(f"{counted(read['bundles'], 'bundle')}: {counted(read['received'], 'message')} received, {read['again']} here already")
        screen.line(f"{counted(read['receipted'], 'message')} of ours newly receipted")
        for code in read["held"]:
            screen.line("held: ", explained(code))
        for code in read["refused"]:
            screen.line("REFUSED: ", explained(code), style="bold")
        if read["error"]:
            screen.line("REFUSED from byte ", str(read["error"]["offset"]), " on: ", explained(read["error"]["code"]), style="bold")
        if read["received"] or read["again"]:
            screen.line("Write one back with `ceasewire bundle write`, so that the sender gets your receipt.")

    return Answer(read, human, status=int(bool(read["refused"] or read["error"])))
