"""Parameters that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

Node: TypeAlias = Annotated[Path, Parameter(name="NODE", help="The node's folder: one party, one channel.")]
Ref: TypeAlias = Annotated[str, Parameter(name="REF", help="A message, as log/index: north/12.")]
AsJson: TypeAlias = Annotated[bool, Parameter(name="--json", negative=(), help="Write one JSON value.", show_default=False)]
Output: TypeAlias = Annotated[Path, Parameter(name=["--output", "-o"], help="The file to write.")]
PassphraseFile: TypeAlias = Annotated[
    Path | None,
    Parameter(name="--passphrase-file", help="A file whose first line opens the node's keys.", show_default=False),
]
NotRestored: TypeAlias = Annotated[
    bool,
    Parameter(name="--not-restored", negative=(), help="After a restart: no disk of this node was put back or copied.", show_default=False),
]
TlsCa: TypeAlias = Annotated[
    Path | None, Parameter(name="--tls-ca", help="Certificates to trust besides the system's.", show_default=False)
]
