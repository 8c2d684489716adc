"""An import as a whole: rows in, notifications out, and an account of every row. docs/importing.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ..errors import LocalError
from ..record.notation import Json
from .incident import Cells, Incident
from .table import BadRow, TableRow

BATCH_MESSAGES: Final = 512  # sent under one signature; few enough that a flash waits behind them for no more than a moment
BATCH_CHARACTERS: Final = 512 * 1024
REJECTED_MOST: Final = 20_000  # of one file: beyond that it is the file that is wrong, and no longer its rows


@dataclass(frozen=True, slots=True)
class Terms:
    """What the importing party says of every row: whom it accuses, and whether clocks start."""

    accused: str | None = None
    live: bool = False

    def apply(self, body: dict[str, Json]) -> dict[str, Json]:
        """The notification as it is to be sent."""
        own: dict[str, Json] = {} if self.accused is None else {"accused": self.accused}
        return {**body, **own, **({} if self.live else {"historical": True})}


@dataclass(slots=True)
class Account:
    """What became of the rows. `already`: rows whose event this party has notified before; `full`: the day's quota ended it."""

    sent: int = 0
    already: int = 0
    rejected: list[dict[str, Json]] = field(default_factory=list)
    flagged: list[dict[str, Json]] = field(default_factory=list)
    full: bool = False

    def as_json(self) -> dict[str, Json]:
        """The JSON of `ceasewire import`."""
        return {"sent": self.sent, "already": self.already, "rejected": self.rejected, "flagged": self.flagged}

    def reject(self, row: TableRow, reason: str) -> None:
        """Report a row. Raises LocalError import.file when too many are."""
        if len(self.rejected) >= REJECTED_MOST:
            raise LocalError("import.file", f"more than {REJECTED_MOST} of its rows cannot be taken; the last one: {reason}")
        self.rejected.append({"row": row.number, "reason": f"line {row.line}: {reason}"})


def notifications(
    rows: Iterable[TableRow],
    read: Callable[[Cells], Incident],
    terms: Terms,
    *,
    known: Collection[str],
    check: Callable[[dict[str, Json]], None],
    account: Account,
) -> Iterator[dict[str, Json]]:
    """The notifications to send, in the order of their rows; all else goes to the account.

    `known` are the marks of what this party has sent before; `check` raises LocalError for a body that no message can have. Raises
    LocalError import.file.
    """
    here: set[str] = set()
    for row in rows:
        if row.cells is None:
            account.reject(row, row.fault)
            continue
        try:
            found = read(row.cells)
            if found.mark in here:
                raise BadRow(f"event {found.event} stands in an earlier row of this file")
            body = terms.apply(found.body)
            if found.mark not in known:
                check(body)
        except BadRow as bad:
            account.reject(row, str(bad))
            continue
        except LocalError as error:
            account.reject(row, error.detail)
            continue
        here.add(found.mark)
        account.flagged += [{"row": row.number, "id": found.event, "reason": flag} for flag in found.flags]
        if found.mark in known:
            account.already += 1
        else:
            yield body


def batches(bodies: Iterable[dict[str, Json]], most: int, messages: int = BATCH_MESSAGES) -> Iterator[list[dict[str, Json]]]:
    """The bodies in batches that are sent whole or not at all, `most` in all. The last one is empty if there was more than that."""
    batch: list[dict[str, Json]] = []
    size = count = 0
    for body in bodies:
        if count == most:
            if batch:
                yield batch
            yield []
            return
        length = len(json.dumps(body))
        if batch and (len(batch) == messages or size + length > BATCH_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size, count = size + length, count + 1
    if batch:
        yield batch
