"""Who is on watch at this node, and who hands the watch over to whom. A watch that is offered lasts until whoever it is offered to takes
it: nobody is put on watch by another. Whoever is signed in nowhere watches nothing, whatever shift goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..accounts import Account, Accounts, Shift, may

KEY: Final = "handover"  # among what is kept of a person's forms; no kind of message is called so


@dataclass(frozen=True, slots=True)
class Offer:
    """A watch that goes on, to whom it is offered, and the note for them."""

    shift: Shift
    to: int
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class Watch:
    """The shifts that go on, in order of their beginning, of those who are signed in and of those who are not; and what is offered."""

    on: list[Shift]
    away: list[Shift]
    offers: list[Offer]

    def of(self, account: int) -> Shift | None:
        """This person's own shift, if it goes on."""
        return next((one for one in [*self.on, *self.away] if one.account == account), None)

    def offered_by(self, account: int) -> Offer | None:
        """What this person has offered and nobody took yet."""
        return next((one for one in self.offers if one.shift.account == account), None)

    def offered_to(self, account: int) -> list[Offer]:
        """What this person may take."""
        return [one for one in self.offers if one.to == account]

    def leaves_nobody(self, account: int) -> bool:
        """Whether nobody is on watch once this person's shift has ended."""
        return [one.account for one in self.on] == [account]


def watch(accounts: Accounts, now: int) -> Watch:
    """Who watches now, POSIX seconds. It blocks."""
    going = accounts.on_shift()
    names = {one.id: one.name for one in successors(accounts)} if going else {}
    on: list[Shift] = []
    away: list[Shift] = []
    offers = []
    for one in going:
        (on if one.account in names and accounts.sessions(one.account, now) else away).append(one)
        kept = accounts.draft(one.account, KEY)
        if kept is not None and kept["to"] in names and kept["shift"] == one.id:
            offers.append(Offer(one, kept["to"], names[kept["to"]], kept["note"]))
    return Watch(on, away, offers)


def successors(accounts: Accounts) -> list[Account]:
    """Who may watch: all but readers and those who are let in no more. It blocks."""
    return [one for one in accounts.accounts() if one.disabled is None and may(one.role, "drafter")]


def offer(accounts: Accounts, shift: Shift, to: int, note: str, now: int) -> None:
    """Offer a watch. Raises LocalError account.full and usage for a note that cannot be kept."""
    accounts.save_draft(shift.account, KEY, {"shift": shift.id, "to": to, "note": accounts.handover_note(note)}, now)


def take(accounts: Accounts, one: Offer, now: int) -> None:
    """The shift that was offered ends, with its note. Raises as Accounts.shift_end."""
    accounts.shift_end(one.shift.account, one.note, now)
    accounts.drop_draft(one.shift.account, KEY)
