"""What the accounts of a node give out: values without any secret but where one is said. Times are POSIX seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

ROLES: Final = ("reader", "drafter", "releaser", "administrator")
"""Each may do all that those before it may."""
CALENDARS: Final = ("gregorian", "solar_hijri")
THEMES: Final = ("auto", "light", "dark")


def may(role: str, least: str) -> bool:
    """Whether someone of that role may do what asks for `least`. ValueError for what is no role."""
    return ROLES.index(role) >= ROLES.index(least)


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever asks: the network address it comes from, and the value of its device cookie ("" if it has none)."""

    address: str
    device: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A new link. `secret` is shown this once; `expires` in POSIX seconds."""

    secret: str = field(repr=False)
    role: str
    expires: int


@dataclass(frozen=True, slots=True)
class Invited:
    """What a link that is still good leads to. `account` is None for somebody new, whose `name` is "" if they choose it."""

    role: str
    name: str
    account: int | None
    expires: int


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in. `id` names the session and opens nothing. `csrf` belongs into its forms. Until `fresh_until` the person has
    confirmed lately who they are. `how`: link, password or passkey. `client`: loopback, private, public or unknown. `enrolled`: whether
    the person has a password or a passkey. `device` is the value of the device cookie, given right after a sign-in and else ""."""

    id: str
    account: int
    name: str
    role: str
    csrf: str = field(repr=False)
    language: str
    calendar: str
    theme: str
    fresh_until: int
    created: int
    seen: int
    client: str
    how: str
    enrolled: bool
    device: str = field(default="", repr=False)

    def may(self, least: str) -> bool:
        """Whether the person's role is `least` or more."""
        return may(self.role, least)


@dataclass(frozen=True, slots=True)
class Account:
    """One person. `disabled`: since when, or None. `seen`: when they last did anything here, or None."""

    id: int
    name: str
    role: str
    disabled: int | None
    made: int
    seen: int | None
    password: bool
    passkeys: int
    language: str
    calendar: str
    theme: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a person puts into their authenticator app: `uri` as a QR code, or `secret` (base32) by hand."""

    uri: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey of a person; `id` is the credential's, in base64url."""

    id: str
    label: str
    made: int
    used: int | None
    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class PublicHalf:
    """A key by which a person can release messages, as `keys` names an officer's: `ed25519:HEX`, or `webauthn_es256:HEX` with the web
    address that it was made for."""

    key: str
    rp_id: str = ""
    origin: str = ""

    @property
    def json(self) -> dict[str, Any]:
        """The part of an officer's JSON that this is."""
        return {"key": self.key} | ({"rp_id": self.rp_id, "origin": self.origin} if self.rp_id else {})


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what, about what or whom. `who` is an account's number and `name` its name; None and "" for nobody known."""

    id: int
    time: int
    who: int | None
    name: str
    what: str
    about: str
    client: str


@dataclass(frozen=True, slots=True)
class Older:
    """Audit lines that gave way to newer ones: how many of one kind, from when to when."""

    what: str
    count: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A person's watch; `end` is None while it lasts. `note` is for whoever takes over."""

    id: int
    account: int
    name: str
    start: int
    end: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Duty:
    """A line of the duty roster: who is on duty from when to when, and as what."""

    id: int
    account: int
    name: str
    start: int
    end: int
    role: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A form that was begun: which, since when it stands so, and what was typed (JSON)."""

    key: str
    time: int
    json: Any
