"""The people of one node: who may sign in, as what, and what they have on their desk. docs/decisions/0021, docs/operators.md.

All of it lies in NODE/accounts.sqlite, belongs to this node alone, is never sent and is in no proof: to the channel an officer is a key.
Every call blocks and may come from any thread; times are POSIX seconds, which are passed in as randomness is.

    links      one-time links: the first administrator, invitations, a lost device
    sessions   who is signed in; acts that ending a session waits for
    entering   password and code; confirming once more; the release key under a password
    passkeys   WebAuthn: registering, signing in, confirming, releasing
    people     roles, disabling, preferences, the audit list
    desk       shifts, the duty roster, forms that were begun, our own names
"""

from __future__ import annotations

from pathlib import Path

from ..keyfile import Random
from .database import Database
from .desk import Desk
from .values import (
    CALENDARS,
    ROLES,
    THEMES,
    Account,
    AuditLine,
    Client,
    Duty,
    Enrolment,
    Invitation,
    Invited,
    Older,
    Passkey,
    PublicHalf,
    Saved,
    Session,
    Shift,
    may,
)

FILE = "accounts.sqlite"


class Accounts(Desk):
    """The accounts of one node, open. Each part of it says what it does."""

    @staticmethod
    def open(path: Path, random: Random) -> Accounts:
        """Those in the file at `path`, which is made if there is none. Raises LocalError pen.mode, account.damaged, store.newer,
        store.unsafe, disk.failed, node.locked, random.failed."""
        database = Database(path, random)
        try:
            return Accounts(database, random)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Let go of the file. Closing again does nothing."""
        self._db.close()


__all__ = [
    "CALENDARS",
    "FILE",
    "ROLES",
    "THEMES",
    "Account",
    "Accounts",
    "AuditLine",
    "Client",
    "Duty",
    "Enrolment",
    "Invitation",
    "Invited",
    "Older",
    "Passkey",
    "PublicHalf",
    "Saved",
    "Session",
    "Shift",
    "may",
]
