# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands between the record and other people's tables: import, bulletin."""

from __future__ import annotations

import codecs
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from ..errors import LocalError
from . import files
from .access import reading, writing
from .answer import Answer, dump, tell
from .parameters import AsJson, Node, PassphraseFile
from .screen import Screen, counted

if TYPE_CHECKING:
    from ..folder import Folder
    from ..node.node import Node as OpenNode
    from ..node.view import View
    from ..record.charter import Charter
    from ..reports.importing import Account
    from ..reports.incident import Cells, Incident

_FILE_BYTES: Final = 2 * 1024**3
_CHUNK_BYTES: Final = 1024**2
_DAY: Final = 86_400
_FORMATS: Final = ("ucdp", "acled", "csv")


def import_incidents(
    node: Node,
    file: Annotated[Path, Parameter(name="FILE", help="A table in CSV, in UTF-8, 2 GiB at most.")],
    /,
    *,
    format: Annotated[str, Parameter(help="ucdp, acled, or csv with --map.")],
    map: Annotated[Path | None, Parameter(help="Which column is which field, in TOML.", show_default=False)] = None,
    limit: Annotated[int | None, Parameter(help="Only the first so many rows.", show_default=False)] = None,
    accused: Annotated[str | None, Parameter(help="The party that every row accuses; else none.", show_default=False)] = None,
    dry_run: Annotated[bool, Parameter(help="Say what would happen, and send nothing.", show_default=False)] = False,
    live: Annotated[bool, Parameter(help="Let clocks start, as for what happened now.", show_default=False)] = False,
    passphrase_file: PassphraseFile = None,
    json: AsJson = False,
) -> Answer:
    """Import incidents from a table: each row becomes a notification that starts no clock and no alarm, unless --live.

    Run it again after an interruption: what is in the record already is not sent twice.

    Example: ceasewire import north ged191.csv --format ucdp --dry-run
    """
    from ..folder import Folder

    if limit is not None and limit < 0:
        raise LocalError("usage", "--limit is a number from 0 on")
    secret = files.passphrase(passphrase_file)
    columns, read, delimiter = _format(format, map)
    _check_text(file)
    with _alone(node), reading(node) as view, _opened(file) as lines:
        from ..reports import importing
        from ..reports.table import Table

        if accused is not None and accused not in _others(view):
            raise LocalError("usage", f"--accused is another party: {', '.join(_others(view))}")
        account, quota = importing.Account(), _in_force(view).quotas["messages_per_log_and_day"]
        bodies = importing.notifications(
            islice(Table(lines, columns, delimiter), limit),
            read,
            importing.Terms(accused, live),
            known=_known(view),
            check=_checker(view),
            account=account,
        )
        made = importing.batches(bodies, _left_today(view, quota), min(importing.BATCH_MESSAGES, quota))
        _send(account, made, None if dry_run else Folder(node), secret)
    return _answer(account, dry_run, file)


def _format(name: str, map: Path | None) -> tuple[list[str], Callable[[Cells], Incident], str | None]:
    """The columns that a table of the format must have, what reads a row, and the delimiter if it is given."""
    from ..reports import acled, mapping, ucdp

    if name not in _FORMATS:
        raise LocalError("usage", f"--format is one of {', '.join(_FORMATS)}")
    if (name == "csv") != (map is not None):
        raise LocalError("usage", "--map goes with --format csv, and only with it")
    if map is not None:
        made = mapping.parse(files.read(map, mapping.MAP_BYTES))
        return made.needed, made.read, made.delimiter
    return (list(ucdp.COLUMNS), ucdp.read, None) if name == "ucdp" else (list(acled.COLUMNS), acled.read, None)


# --- The file ---


def _check_text(path: Path) -> None:
    """Nothing is sent of a file that is not UTF-8 to its end. Raises LocalError file.unreadable, import.file."""
    decoder, at, line = codecs.getincrementaldecoder("utf-8")(), 0, 1
    try:
        with path.open("rb") as file:
            if not path.is_file() or path.stat().st_size > _FILE_BYTES:
                raise LocalError("import.file", "an ordinary file of at most 2 GiB is expected")
            while chunk := file.read(_CHUNK_BYTES):
                waiting = len(decoder.getstate()[0])
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError as error:
                    wrong = max(0, error.start - waiting)
                    raise _not_utf8(at + wrong, line + chunk[:wrong].count(b"\n")) from None
                at, line = at + len(chunk), line + chunk.count(b"\n")
            if decoder.getstate()[0]:
                raise _not_utf8(at - 1, line)
    except OSError as error:
        raise LocalError("file.unreadable", f"{path}: {error.strerror}") from None


def _not_utf8(at: int, line: int) -> LocalError:
    return LocalError("import.file", f"byte {at + 1}, in line {line}, is not UTF-8; save the table again as CSV in UTF-8")


@contextmanager
def _opened(path: Path) -> Iterator[Iterator[str]]:
    from ..reports.table import ROW_CHARACTERS

    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield iter(partial(file.readline, ROW_CHARACTERS + 2), "")  # a line without an end is cut, and refused as a row
    except UnicodeDecodeError:  # it was UTF-8 a moment ago
        raise LocalError("import.file", "it changed while it was read") from None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two imports at once would each find missing what the other is about to send. Raises LocalError node.missing, node.locked."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        raise LocalError("node.missing", str(path)) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError("node.locked", f"{path}: another import is at work") from None
        yield
    finally:
        os.close(handle)


# --- The record ---


def _others(view: View) -> list[str]:
    own = view.channel.party_of(view.own)
    return [party.slug for number, party in enumerate(view.channel.charter.parties) if number != own and party.role == "party"]


def _known(view: View) -> frozenset[str]:
    """The marks of all incidents that this party has imported before, by whichever of its logs."""
    from ..record.message import message_of
    from ..record.words import KINDS
    from ..reports.incident import mark_in

    own, narrative = view.channel.party_of(view.own), 53
    rows = view.store.scan(kinds={KINDS["notification"]})
    marks = (mark_in(message_of(one).body.get(narrative)) for one in rows if view.channel.party_of(one.log) == own)
    return frozenset(mark for mark in marks if mark)


def _checker(view: View) -> Callable[[dict[str, Any]], None]:
    """What raises LocalError for a body that cannot be sent, so that its row alone is refused and not its batch."""
    from ..errors import PeerError
    from ..node import composing
    from ..record.message import SEED_BYTES, Message, row

    def check(body: dict[str, Any]) -> None:
        kind, made = composing.read(view, "notification", body)
        try:
            row(view.own, 0, Message(kind, 0, {}, bytes(SEED_BYTES), made))
        except PeerError as error:
            raise LocalError("body.schema", error.detail) from None

    return check


def _in_force(view: View) -> Charter:
    """The charter in force. Raises LocalError release.missing where it asks officers for what no import can give."""
    from ..node import composing
    from ..record.words import KINDS

    force = composing.in_force(view)
    if composing.releases_needed(force, KINDS["notification"], {}):
        raise LocalError("release.missing", "officers release each notification here, one by one, and no import does that for them")
    return force.charter


def _left_today(view: View, quota: int) -> int:
    """How many rows may be sent today, by this machine's clock. A tenth of the quota is left for what people have to say: the others would
    hold a flash back that is over it."""
    today = int(time.time()) // _DAY * _DAY
    used = sum(1 for _ in view.store.scan(log=view.own, since=today))
    return max(0, quota - quota // 10 - used)


# --- Sending ---


def _send(account: Account, batches: Iterator[list[dict[str, Any]]], folder: Folder | None, secret: bytes | None) -> None:
    """Send batch after batch, each durable before the next; without a folder only count."""
    for batch in batches:
        if not batch:
            account.full = True
            return
        if folder is not None:
            _send_from(folder, secret, batch, batches, account)
            if account.full:
                return
        else:
            account.sent += len(batch)


def _send_from(
    folder: Folder, secret: bytes | None, batch: list[dict[str, Any]], rest: Iterator[list[dict[str, Any]]], account: Account
) -> None:
    """Send a batch through the process that serves the node; where none does, with the node opened once for this batch and the rest."""

    def act(node: OpenNode) -> None:
        one: list[dict[str, Any]] | None = batch
        while one:
            node.send_many([("notification", body) for body in one])
            _sent(account, len(one))
            one = next(rest, None)
        account.full = one is not None  # an empty batch: there was more than the quota

    request = {"op": "send_many", "drafts": [["notification", body] for body in batch]}
    writing(folder, secret, request, act, lambda answer: _sent(account, len(answer)))


def _sent(account: Account, count: int) -> None:
    account.sent += count
    tell(f"{counted(account.sent, 'row')} sent")


def _answer(account: Account, dry_run: bool, file: Path) -> Answer:
    notes = ["Nothing was sent: this was a dry run."] if dry_run else []
    if account.full:
        notes.append(
            "The charter's quota for today (by UTC) is used up but for a tenth, which is left for urgent messages. Run the same command "
            "again tomorrow: it goes on where it stopped."
        )
    taken = account.sent + account.already

    def human(screen: Screen) -> None:
        screen.line(f"{counted(account.sent, 'row')} {'would be ' if dry_run else ''}sent from ", str(file))
        if account.already:
            screen.line(f"{counted(account.already, 'row')} in the record already")
        for one in account.flagged:
            screen.line(f"row {one['row']}, event ", one["id"], ", kept and flagged: ", one["reason"])
        for one in account.rejected:
            screen.line(f"row {one['row']} REJECTED: ", one["reason"])

    return Answer(account.as_json(), human, status=int(account.full or (bool(account.rejected) and not taken)), notes=tuple(notes))


# --- Bulletins ---


def bulletin(
    node: Node,
    /,
    *,
    start: Annotated[str, Parameter(name="--from", help="The period's first second: 2026-03-01T00:00:00Z.")],
    to: Annotated[str, Parameter(help="Its end, which belongs to the next period.")],
    format: Annotated[str, Parameter(help="json or csv.")] = "json",
    lang: Annotated[str, Parameter(help="The language of its sentences: en.")] = "en",
    exercise: Annotated[bool, Parameter(help="Of the exercises on a channel that is none.", show_default=False)] = False,
    json: AsJson = False,
) -> Answer:
    """Count what was notified in a period, who alleges it, how the line was, and where nobody could look.

    Both sides' nodes write the same bytes once they have synced.

    Example: ceasewire bulletin north --from 2026-03-01T00:00:00Z --to 2026-03-02T00:00:00Z --format csv
    """
    from ..reports import sheet
    from ..reports.facts import Period
    from ..survey import survey

    if format not in ("json", "csv"):
        later = "this version writes no PDF yet: take csv or json" if format == "pdf" else "--format is json or csv"
        raise LocalError("usage", later)
    period = Period(_time("--from", start), _time("--to", to))
    with reading(node) as view:
        found = survey(view, period, exercise=exercise or view.channel.charter.exercise, lang=lang)
    if format == "csv":
        text = sheet.write(sheet.rows(found))
        return Answer({"format": "csv", "text": text}, lambda screen: screen.raw(text))
    return Answer(found, lambda screen: screen.raw(dump(found) + "\n"))


def _time(name: str, text: str) -> int:
    from ..record.notation import Wrong, parse_time

    try:
        return parse_time(text)
    except Wrong as wrong:
        raise LocalError("usage", f"{name} is {wrong}") from None
