"""A file of bundles, as a USB stick brings it: read from the front, taken as far as it is whole. FAULTS A19."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import PeerError
from ..exchange import bundle
from ..node.exchange import Exchange
from ..record.fields import Json


@dataclass(slots=True)
class Reading:
    """What a file brought. Counts over all its bundles that were taken, as node.exchange.Received; `code` and `offset` (bytes) of the
    first that was not: it and whatever follows is as if it had not been there."""

    bundles: int = 0
    received: int = 0
    again: int = 0
    receipted: int = 0
    held: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    code: str | None = None
    offset: int = 0

    @property
    def well(self) -> bool:
        """Whether everything in the file was taken."""
        return self.code is None and not self.refused

    def as_json(self) -> dict[str, Json]:
        """The JSON of `ceasewire bundle read`."""
        error: Json = None if self.code is None else {"code": self.code, "offset": self.offset}
        return {
            "bundles": self.bundles,
            "received": self.received,
            "again": self.again,
            "receipted": self.receipted,
            "held": list(self.held),
            "refused": list(self.refused),
            "error": error,
        }


def read_bundles(exchange: Exchange, data: bytes) -> Reading:
    """Receive every bundle of a file, one after the other, up to the first that is refused as a whole. A file for a party holds bundles
    for each of its devices: those for others are passed over, if there is one for this.

    Raises LocalError disk.failed, store.damaged; what was taken before it stays.
    """
    reading = Reading()
    elsewhere: list[int] = []
    if not data:
        reading.code = "bundle.magic"
    while reading.code is None and reading.offset < len(data):
        try:
            one = bundle.split(data, reading.offset)
            received = exchange.receive(one)
        except PeerError as error:
            if error.code == "bundle.recipient":
                elsewhere.append(reading.offset)
                reading.offset += len(one)
                continue
            reading.code = error.code
            break
        reading.bundles += 1
        reading.received += received.messages
        reading.again += received.again
        reading.receipted += received.receipts
        reading.held += received.held
        reading.refused += received.refused
        reading.offset += len(one)
    if elsewhere and not reading.bundles:
        reading.code, reading.offset = "bundle.recipient", elsewhere[0]
    return reading
