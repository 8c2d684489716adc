# ruff: noqa: PLC0415 - each command imports its own part of the program, so that all of them start fast
"""Commands that read a node beside whoever writes it, without keys: list, show, cases, case, status, fsck, rebuild."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..errors import CeasewireError, LocalError
from ..record.saying import stance_in_words, summary
from . import access, showing
from .access import reading
from .answer import Answer, Stream
from .parameters import AsJson, Node, Ref

if TYPE_CHECKING:
    from ..node.fsck import Fault
    from .screen import Screen


def list_messages(
    node: Node,
    /,
    *,
    kind: Annotated[str | None, Parameter(help="Only messages of this kind.", show_default=False)] = None,
    log: Annotated[str | None, Parameter(help="Only messages of this log.", show_default=False)] = None,
    party: Annotated[str | None, Parameter(help="Only messages of this party, in any of its logs.", show_default=False)] = None,
    since: Annotated[str | None, Parameter(help="Only from this time on: 2026-03-01T00:00:00Z.", show_default=False)] = None,
    until: Annotated[str | None, Parameter(help="Only up to this time.", show_default=False)] = None,
    case: Annotated[str | None, Parameter(help="Only what belongs to the case of this message.", show_default=False)] = None,
    search: Annotated[str | None, Parameter(help='Only with all these words; "in quotes", as a phrase.', show_default=False)] = None,
    void: Annotated[bool | None, Parameter(negative="--no-void", help="Only void ones, or none of them.", show_default=False)] = None,
    after: Annotated[str | None, Parameter(help="Only what follows this message: the next page.", show_default=False)] = None,
    limit: Annotated[int | None, Parameter(help="At most so many, from the first.", show_default=False)] = None,
    json: AsJson = False,
) -> Answer:
    """List messages in record order, which is the same on both sides once they have synced.

    Example: ceasewire list north --search "mortar school" --since 2026-03-01T00:00:00Z
    """
    times = {"since": _time("--since", since), "until": _time("--until", until)}

    def items() -> Iterator[dict[str, Any]]:
        with reading(node) as view:
            yield from view.messages(
                kind=kind, log=log, party=party, case=case, search=search, void=void, after=after, limit=limit, **times
            )

    def printed(screen: Screen) -> None:
        with reading(node) as view:
            showing.messages(screen, items(), view.changed_since)

    return Answer(Stream(items), printed)


def _time(option: str, text: str | None) -> int | None:
    from ..record.fields import Wrong, parse_time

    try:
        return None if text is None else parse_time(text)
    except Wrong as wrong:
        raise LocalError("usage", f"{option} is {wrong}") from None


def show(node: Node, ref: Ref, /, *, json: AsJson = False) -> Answer:
    """Show one message, its case, and who has receipted it when.

    Example: ceasewire show north south/4
    """
    with reading(node) as view:
        message = view.show(view.ref(ref))
        near, since = view.near(message), view.since(view.ref(ref))
    return Answer(message, lambda screen: showing.message(screen, message, near, since))


def cases(node: Node, /, *, json: AsJson = False) -> Answer:
    """List every case, a function of the shared record alone.

    Example: ceasewire cases north
    """

    def items() -> Iterator[dict[str, Any]]:
        with reading(node) as view:
            yield from view.each_case()

    return Answer(Stream(items), lambda screen: showing.cases(screen, list(items())))


def case(node: Node, ref: Ref, /, *, json: AsJson = False) -> Answer:
    """Show the case of a notification, or of a message that belongs to one.

    Example: ceasewire case north north/12
    """
    from ..node.suspended import suspended as suspensions
    from ..record.fields import show_time

    with reading(node) as view:
        found = view.case(view.ref(ref))
        held = [view.message(one) for one in view.store.at([view.ref(message["ref"]) for message in found["messages"]])]
        now = int(time.time())
        suspended = [one for one in suspensions(view, now) if one["exercise"] is found["exercise"]]
    by_ref = {message["ref"]: message for message in held}
    says = {message["ref"]: summary(message["kind"], message["body"], stance_in_words(message, by_ref.get)) for message in held}
    return Answer(found, lambda screen: showing.case(screen, found, says, suspended, show_time(now)))


def status(node: Node, /, *, json: AsJson = False) -> Answer:
    """Show each log and line, what is overdue, held or refused, and every alarm.

    Example: ceasewire status north
    """
    from ..node.status import status as report

    with reading(node) as view:
        found = report(view, int(time.time()), access.closed(node, view))
    return Answer(found, lambda screen: showing.status(screen, found))


def fsck(node: Node, /, *, json: AsJson = False) -> Answer:
    """Check every byte of the store against every signature. Exit status 1 if anything is wrong.

    Example: ceasewire fsck north
    """
    checked, faults = _check(node)
    found = {
        "clean": not faults,
        "checked": checked,
        "faults": [{"place": fault.place, "code": fault.code, "detail": fault.detail} for fault in faults],
    }
    return Answer(found, lambda screen: showing.faults(screen, found), status=int(bool(faults)))


def _check(node: Path) -> tuple[dict[str, int], list[Fault]]:
    """Counts and faults; a file that cannot even be opened for its damage is a fault too."""
    from ..folder import Folder
    from ..node import fsck as checker

    folder = Folder(node)
    if not folder.card_path.exists():
        raise LocalError("node.missing", str(node))
    result, closed = checker.Result(), None
    faults = _damage("card.txt", folder.card) or _damage("charter.cwc", folder.charter)
    if not faults:

        def walk() -> None:
            nonlocal closed, result
            with folder.view() as view, progress_bar() as progress:
                closed = access.closed(node, view)
                result = checker.check(view, progress)

        faults = _damage("store.sqlite", walk)
    return result.checked.as_json(), [*_pen_faults(closed), *result.faults, *faults]


def _damage(place: str, call: Callable[[], object]) -> list[Fault]:
    """What is wrong with a file as a whole. What the user can mend (no node here, not joined, a newer store) is raised."""
    from ..node.fsck import Fault

    try:
        call()
    except CeasewireError as error:
        if isinstance(error, LocalError) and error.code not in ("store.damaged", "store.unsafe", "charter.party"):
            raise
        return [Fault(place, error.code, error.detail)]
    return []


def _pen_faults(code: str | None) -> list[Fault]:
    from ..node.fsck import Fault

    if code in (None, "log.replaced", "log.unsure"):  # which is as it should be
        return []
    if code == "log.closed":
        return [Fault("store.sqlite", code, "it is older than what has left it")]
    return [Fault("pen", code, "")]


def rebuild(node: Node, /, *, json: AsJson = False) -> Answer:
    """Build what lists and cases are read from anew, from the messages alone. Nothing that was signed or received is touched.

    Example: ceasewire rebuild north
    """
    with reading(node) as view, progress_bar() as progress:
        started = time.monotonic()
        count = view.projection.rebuild(progress)
        seconds = time.monotonic() - started
    found = {"messages": count, "seconds": round(seconds, 2), "per_minute": round(count * 60 / max(seconds, 0.001))}
    told = f"{count:,} messages in {seconds:.1f} s: {found['per_minute']:,} a minute"
    return Answer(found, lambda screen: screen.line(told))


@contextmanager
def progress_bar(what: str = "messages") -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, if somebody looks at it."""
    import sys

    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)
