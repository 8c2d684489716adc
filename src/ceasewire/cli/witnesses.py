# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands of a witness (`witness key`, `witness add`, `witness serve`), and `publish`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter

from .. import limits
from ..errors import LocalError
from . import files
from .access import reading
from .answer import Answer, tell
from .parameters import AsJson, Node
from .screen import Screen, counted

if TYPE_CHECKING:
    from ..tlog.note import VerifierKey

Dir: TypeAlias = Annotated[Path, Parameter(name="DIR", help="The witness's folder.")]


def witness_key(
    directory: Dir,
    /,
    *,
    name: Annotated[str | None, Parameter(help="The key name of a new witness, as example.org/witness.", show_default=False)] = None,
    json: AsJson = False,
) -> Answer:
    """Print the witness's key as others name it; on first use make the folder and the key.

    Example: ceasewire witness key tower --name tower.example/witness
    """
    from ..witness.place import Place

    place, made = Place(directory), False
    try:
        key = place.key()
    except LocalError as error:
        if error.code != "witness.missing":
            raise
        key, made = place.make(name), True
    if name not in (None, key.name):
        raise LocalError("usage", f"this witness is called {key.name}; another name is another witness")
    found = {"witness": str(directory), "name": key.name, "vkey": key.ed25519.text(), "vkey_mldsa44": key.mldsa44.text(), "made": made}
    notes = ("A new key. Keep `key` and `mark` out of every backup: a witness that is put back is used no more.",) if made else ()
    return Answer(found, lambda screen: screen.raw(f"{key.ed25519.text()}\n"), notes=notes)


def witness_add(
    directory: Dir,
    vkey: Annotated[str | None, Parameter(name="VKEY", help="A log's verifier key, type 0x01 or 0x06.", show_default=False)] = None,
    /,
    *,
    origin: Annotated[str | None, Parameter(help="The log's origin, if it is not the key's name.", show_default=False)] = None,
    charter: Annotated[Path | None, Parameter(help="Every log of this charter.", show_default=False)] = None,
    json: AsJson = False,
) -> Answer:
    """Cosign a log from now on, by its key; works beside `witness serve`.

    Example: ceasewire witness add tower example.org/log+1b4f0e9a+AY7s...
    """
    from ..tlog.note import ED25519, MLDSA44, VerifierKey
    from ..witness.place import Place

    if vkey is not None and charter is None:
        keys = [VerifierKey.parse(vkey)]
    elif vkey is None and charter is not None and origin is None:
        keys = _keys_of(charter)
    else:
        raise LocalError("usage", "give a VKEY, or --charter")
    if any(key.kind not in (ED25519, MLDSA44) for key in keys):
        raise LocalError("usage", "a log's key is of type 0x01 or 0x06; this one is a cosigner's")
    with Place(directory).ledger() as ledger:
        added = [key for key in keys if ledger.add(origin or key.name, key)]
        logs = len(ledger.logs())
    found = {"origins": sorted({origin or key.name for key in keys}), "keys": len(keys), "added": len(added), "logs": logs}

    def human(screen: Screen) -> None:
        screen.line(f"{counted(len(added), 'key')} added; this witness now cosigns {counted(logs, 'log')}")

    return Answer(found, human)


def _keys_of(charter: Path) -> list[VerifierKey]:
    """The keys of a charter's logs, both of each. Raises LocalError file.unreadable; PeerError charter.*."""
    from ..record.channel import Channel
    from ..record.charter import open_charter

    channel = Channel(open_charter(files.read(charter, limits.CHARTER_BYTES), complete=True))
    return [key for log in channel.logs.values() for key in log.log]


def witness_serve(
    directory: Dir,
    /,
    *,
    listen: Annotated[str, Parameter(help="HOST:PORT.")],
    tls_cert: Annotated[Path | None, Parameter(help="The server's certificate, PEM.", show_default=False)] = None,
    tls_key: Annotated[Path | None, Parameter(help="The certificate's private key, PEM.", show_default=False)] = None,
    json: AsJson = False,
) -> Answer:
    """Serve a C2SP tlog-witness until stopped.

    Example: ceasewire witness serve tower --listen 127.0.0.1:7380
    """
    from ..witness import serving
    from ..witness.place import Place

    serving.run(Place(directory), listen=listen, tls_cert=tls_cert, tls_key=tls_key, say=tell)
    return Answer({"served": str(directory)}, lambda screen: screen.line("Stopped."))


def publish(
    node: Node,
    directory: Annotated[Path, Parameter(name="DIR", help="The folder to publish in, to be served as static files.")],
    /,
    *,
    json: AsJson = False,
) -> Answer:
    """Write every log as C2SP tlog-tiles, and a tlog-policy of whose signatures to believe. Nothing of a message's content is in it.

    Example: ceasewire publish north /var/www/line
    """
    from .. import publish as publishing

    with reading(node) as view:
        found = publishing.publish(view, directory)
        quorum = view.channel.charter.quorum
    short = [one.log for one in found if not one.quorum]
    notes = (f"Fewer than {quorum} witnesses have cosigned what is published of {', '.join(short)}.",) if short else ()
    said = {"directory": str(directory), "logs": [one.as_json() for one in found]}

    def human(screen: Screen) -> None:
        rows = [(one.log, str(one.size), str(one.written)) for one in found]
        screen.table(("log", "entries", "files written"), rows)

    return Answer(said, human, notes=notes)
