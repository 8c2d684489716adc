# ruff: noqa: PLC0415 - imported when called, so that commands start fast
"""How a command reaches a node: reading beside whoever writes; writing under the lock, or through the process that holds it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..errors import LocalError, PeerError

if TYPE_CHECKING:
    from ..folder import Folder
    from ..node.node import Node
    from ..node.view import View

T = TypeVar("T")
_SIGNING: Final = frozenset({"send", "send_many", "send_draft"})
_ROUND_SECONDS: Final = 0.5  # how long the lock is waited for before the control socket is tried again


@contextmanager
def own_files() -> Iterator[None]:
    """Our own files were checked when they were written: one that now breaks a rule is damage here, and no refusal of a peer."""
    try:
        yield
    except PeerError as error:
        raise LocalError("store.damaged", f"{error.explained.sentence.lower()} [{error.code}]") from error


@contextmanager
def reading(path: Path, *, to_write: bool = False) -> Iterator[View]:
    """A node's store, to read; where it is read `to_write`, one of an older version is brought to this one's first. Raises LocalError
    node.*, store.*."""
    from ..folder import Folder

    folder = Folder(path)
    with own_files(), ExitStack() as stack:
        try:
            view = stack.enter_context(folder.view())
        except LocalError as error:
            if error.code != "usage" or not to_write:
                raise
            with folder.locked(), folder.store():
                view = stack.enter_context(folder.view())
        yield view


def closed(path: Path, view: View) -> str | None:
    """Why the log signs nothing, or nothing yet, as far as that shows without the keys: the code, or None. The pen is asked first: the
    store's counter is never behind it unless the store was put back."""
    from ..folder import Folder
    from ..node.node import CLOSED, is_overtaken
    from ..node.openings import of_log
    from ..pen import Pen
    from ..record.standing import REPLACED

    try:
        counter = Pen.peek_counter(path / "pen")
    except LocalError as error:
        return error.code
    if view.store.meta(of_log(CLOSED, view.own)) is not None or view.store.counter < counter:
        return "log.closed"
    if view.channel.successors_of(view.own):
        return REPLACED
    sure = Folder(path).is_sure(view.store) and not is_overtaken(view.store, view.own)
    return None if sure else "log.unsure"


def writing(
    folder: Folder,
    passphrase: bytes | None,
    request: dict[str, Any],
    act: Callable[[Node], T],
    read: Callable[[Any], T],
    *,
    not_restored: bool = False,
) -> T:
    """Do `act` with the node, under its lock. If a serving process holds the lock, it is asked for `request`, and `read` makes the
    same of its answer. If another command holds it, the lock is waited for. After a restart of the machine, what signs asks the peers
    first, unless an officer says that the node was `not_restored`. Raises LocalError node.locked when neither comes about in
    folder.LOCK_WAIT_SECONDS."""
    from .. import folder as folders

    request = {**request, "not_restored": True} if not_restored else request
    deadline = time.monotonic() + folders.LOCK_WAIT_SECONDS
    wait = 0.0
    while True:
        with ExitStack() as stack:
            try:
                with own_files():
                    node = stack.enter_context(folder.node(passphrase, wait, not_restored=not_restored))
            except LocalError as error:
                if error.code != "node.locked":
                    raise
            else:
                if node.unsure and request["op"] in _SIGNING:
                    _ask_peers(node)
                return act(node)
        answer = _ask(folder, request)
        if answer is not None:
            return read(answer[0])
        left = deadline - time.monotonic()
        if left <= 0:
            raise LocalError("node.locked", str(folder.path))
        wait = min(left, _ROUND_SECONDS)


def _ask_peers(node: Node) -> None:
    """Show our log to the witnesses, who may know more of it, then one talk with each peer that has an address: the first answer confirms
    our log, and the messages left behind leave meanwhile."""
    from ..carriers import line, witnesses
    from ..node.exchange import Exchange

    exchange = Exchange(node)
    witnesses.show(exchange)
    for peer in exchange.peers():
        line.sync(exchange, [peer])
        if not node.unsure:
            return


def _ask(folder: Folder, request: dict[str, Any]) -> tuple[Any] | None:
    """The serving process's answer, in a tuple of one; None if nobody listens.

    Once it has been asked, an answer that does not come is an error: it may have done it, and to do it again might send twice.
    """
    from ..carriers import control

    return (control.call(folder.control_path, request),) if _listens(folder.control_path) else None


def _listens(path: Path) -> bool:
    """Whether a process listens at a socket. It is named by its folder's descriptor, since an address holds 107 bytes at most."""
    try:
        at = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(f"/proc/self/fd/{at}/{path.name}")
        return True
    except OSError:
        return False
    finally:
        os.close(at)
