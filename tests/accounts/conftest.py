"""Accounts with two people, made once and copied for each test, since every password costs a third of a second."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from accounts.authenticator import ORIGIN, Authenticator, totp_code
from ceasewire.accounts import FILE, Accounts, Client, Session

NOW = 1_790_000_010
"""When each test begins; a whole step of the authenticator app."""
PASSWORD = "a sentence of nobody in particular"
HERE = Client("192.0.2.1")


@dataclass
class Team:
    """Kestrel, administrator, by password and code; Heron, releaser, by passkey; each signed in at NOW - 900."""

    accounts: Accounts
    path: Path
    secret: str
    kestrel: Session
    kestrel_token: str
    heron: Session
    heron_token: str
    passkey: Authenticator
    now: int = field(default=NOW)

    def code(self, now: int | None = None) -> str:
        """What Kestrel's authenticator app shows."""
        return totp_code(self.secret, self.now if now is None else now)

    def everything_on_disk(self) -> bytes:
        """The bytes of the file and of what lies beside it."""
        return b"".join(one.read_bytes() for one in sorted(self.path.parent.iterdir()))


def founded(path: Path) -> Team:
    """The two, in a new file."""
    then = NOW - 900
    accounts = Accounts.open(path, os.urandom)
    first = accounts.invite("administrator", None, None, then)
    enrolment = accounts.register_password(first.secret, "Kestrel", PASSWORD, then)
    token, kestrel = accounts.confirm_totp(first.secret, totp_code(enrolment.secret, then), then, HERE)
    second = accounts.invite("releaser", "Heron", kestrel.account, then)
    passkey = Authenticator()
    options = accounts.passkey_registration(second.secret, None, ORIGIN, then)
    heron_token, heron = accounts.finish_passkey(second.secret, None, passkey.create(options), origin=ORIGIN, now=then, client=HERE)
    return Team(accounts, path, enrolment.secret, kestrel, token, heron, heron_token, passkey)


@pytest.fixture(scope="session")
def founders(tmp_path_factory: pytest.TempPathFactory) -> Team:
    team = founded(tmp_path_factory.mktemp("founders") / FILE)
    team.accounts.close()
    return team


@pytest.fixture
def team(founders: Team, tmp_path: Path) -> Iterator[Team]:
    shutil.copyfile(founders.path, tmp_path / FILE)
    (tmp_path / FILE).chmod(0o600)
    accounts = Accounts.open(tmp_path / FILE, os.urandom)
    passkey = Authenticator(founders.passkey.key, founders.passkey.id, founders.passkey.handle)
    yield Team(
        accounts,
        tmp_path / FILE,
        founders.secret,
        founders.kestrel,
        founders.kestrel_token,
        founders.heron,
        founders.heron_token,
        passkey,
    )
    accounts.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Accounts]:
    """Accounts of nobody."""
    accounts = Accounts.open(tmp_path / FILE, os.urandom)
    yield accounts
    accounts.close()
