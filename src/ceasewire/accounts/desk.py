"""What lies on the officers' desk: shifts with their handover notes, the duty roster, forms that were begun, and our own names for parties
and places. None of it is sent."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from .. import limits
from ..errors import LocalError, PeerError
from ..record.encoding import check_text
from .links import check_role
from .people import People
from .schema import draft, duty, own_name, person, shift
from .values import Duty, Saved, Shift

KINDS: Final = ("party", "place")
_KEY_BYTES: Final = 100


class Desk(People):
    """The part of Accounts that the pages of a shift use."""

    # --- Shifts ---

    def shift_start(self, account: int, now: int) -> Shift:
        """Begin a watch; one that this person has begun goes on. Raises LocalError account.missing."""
        with self._db.writing() as connection:
            self._person(connection, account)
            going = connection.execute(select(shift.c.id).where(shift.c.account == account, shift.c.end.is_(None))).scalar()
            if going is None:
                going = connection.execute(insert(shift).values(account=account, start=now, note="")).lastrowid
                old = select(shift.c.id).where(shift.c.end.is_not(None)).order_by(shift.c.id.desc()).limit(-1).offset(limits.SHIFTS - 1)
                connection.execute(delete(shift).where(shift.c.id.in_(old)))
                self._line(connection, account, "shift_started", "", now)
            return self._shift(connection, going)

    def shift_end(self, account: int, note: str, now: int) -> Shift:
        """End one's watch, with a note for whoever takes over. Raises LocalError account.missing if none was begun, account.full for a
        note that is too long."""
        text = self.handover_note(note)
        with self._db.writing() as connection:
            going = connection.execute(select(shift.c.id).where(shift.c.account == account, shift.c.end.is_(None))).scalar()
            if going is None:
                raise LocalError("account.missing", "no shift was begun")
            connection.execute(update(shift).where(shift.c.id == going).values(end=now, note=text))
            self._line(connection, account, "shift_ended", "", now)
            return self._shift(connection, going)

    @staticmethod
    def handover_note(text: str) -> str:
        """A note for whoever takes over, as it is kept. Raises LocalError account.full for one that is too long, usage for what no text may
        hold."""
        return _text(text, limits.HANDOVER_BYTES, "a note")

    def shifts(self, limit: int = 50) -> list[Shift]:
        """The newest shifts first, and those that go on."""
        with self._db.reading() as connection:
            rows = connection.execute(_SHIFTS.order_by(shift.c.start.desc(), shift.c.id.desc()).limit(limit)).all()
        return [Shift(*row) for row in rows]

    def on_shift(self) -> list[Shift]:
        """The shifts that go on."""
        with self._db.reading() as connection:
            return [Shift(*row) for row in connection.execute(_SHIFTS.where(shift.c.end.is_(None)).order_by(shift.c.start)).all()]

    def _shift(self, connection: Connection, id: int) -> Shift:
        return Shift(*connection.execute(_SHIFTS.where(shift.c.id == id)).one())

    # --- The duty roster ---

    def roster(self, start: int, end: int) -> list[Duty]:
        """Who is on duty at any time from `start` until `end`, in order of time."""
        chosen = select(duty.c.id, duty.c.account, person.c.name, duty.c.start, duty.c.end, duty.c.role)
        during = chosen.select_from(duty.join(person, duty.c.account == person.c.id)).where(duty.c.start < end, duty.c.end > start)
        with self._db.reading() as connection:
            return [Duty(*row) for row in connection.execute(during.order_by(duty.c.start, duty.c.id)).all()]

    def add_duty(self, account: int, start: int, end: int, role: str, *, by: int, now: int) -> int:
        """Put a person on duty; the line's number. `by` is an administrator. Raises LocalError account.role, account.missing, account.full,
        usage."""
        check_role(role)
        if not start < end:
            raise LocalError("usage", "a duty ends after it begins")
        with self._db.writing() as connection:
            self._allow(connection, by, "administrator")
            who = self._person(connection, account)
            if (connection.execute(select(func.count()).select_from(duty)).scalar() or 0) >= limits.DUTIES:
                raise LocalError("account.full", f"a roster has {limits.DUTIES} lines at most")
            made = connection.execute(insert(duty).values(account=account, start=start, end=end, role=role))
            self._line(connection, by, "duty_set", who.name, now)
            return made.lastrowid

    def remove_duty(self, id: int, by: int, now: int) -> None:
        """Take a line off the roster. Raises LocalError account.role, account.missing."""
        with self._db.writing() as connection:
            self._allow(connection, by, "administrator")
            if connection.execute(delete(duty).where(duty.c.id == id)).rowcount != 1:
                raise LocalError("account.missing", "no such duty")
            self._line(connection, by, "duty_removed", str(id), now)

    # --- Forms that were begun ---

    def save_draft(self, account: int, key: str, value: Any, now: int) -> None:
        """Keep what a person typed so far (JSON), under a key of the page's. Of too many the oldest gives way. Raises LocalError
        account.full for one that is too large, account.missing."""
        text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
        if len(text) > limits.FORM_BYTES or not 0 < len(key.encode("utf-8", "replace")) <= _KEY_BYTES:
            raise LocalError("account.full", f"a form has {limits.FORM_BYTES} bytes at most")
        with self._db.writing() as connection:
            self._person(connection, account)
            row = sqlite_insert(draft).values(account=account, key=key, time=now, json=text)
            connection.execute(row.on_conflict_do_update(index_elements=[draft.c.account, draft.c.key], set_={"time": now, "json": text}))
            kept = select(draft.c.key).where(draft.c.account == account).order_by(draft.c.time.desc(), draft.c.key == key)
            old = connection.execute(kept.limit(-1).offset(limits.FORMS_PER_ACCOUNT)).scalars().all()
            connection.execute(delete(draft).where(draft.c.account == account, draft.c.key.in_(old), draft.c.key != key))

    def draft(self, account: int, key: str) -> Any | None:
        """What was kept under the key, or None."""
        with self._db.reading() as connection:
            text = connection.execute(select(draft.c.json).where(draft.c.account == account, draft.c.key == key)).scalar()
        return None if text is None else json.loads(text)

    def drafts(self, account: int) -> list[Saved]:
        """All that was kept of a person's forms, the newest first."""
        with self._db.reading() as connection:
            rows = connection.execute(select(draft).where(draft.c.account == account).order_by(draft.c.time.desc(), draft.c.key)).all()
        return [Saved(row.key, row.time, json.loads(row.json)) for row in rows]

    def drop_draft(self, account: int, key: str) -> None:
        """Keep it no longer; nothing happens if there is none."""
        with self._db.writing() as connection:
            connection.execute(delete(draft).where(draft.c.account == account, draft.c.key == key))

    # --- Our own names ---

    def names(self) -> dict[str, dict[str, str]]:
        """Our own names: kind -> theirs -> ours."""
        found: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
        with self._db.reading() as connection:
            for row in connection.execute(select(own_name).order_by(own_name.c.theirs)).all():
                found[row.kind][row.theirs] = row.ours
        return found

    def set_name(self, kind: str, theirs: str, ours: str, by: int, now: int) -> None:
        """Call a party or a place by our own name; by "" no longer. Raises LocalError account.role for a reader, account.full, usage."""
        if kind not in KINDS or not theirs:
            raise LocalError("usage", f"a name is of a {' or a '.join(KINDS)}")
        values = {
            "kind": kind,
            "theirs": _text(theirs, limits.OWN_NAME_BYTES, "a name"),
            "ours": _text(ours, limits.OWN_NAME_BYTES, "a name"),
        }
        with self._db.writing() as connection:
            self._allow(connection, by, "drafter")
            if not values["ours"].strip():
                connection.execute(delete(own_name).where(own_name.c.kind == kind, own_name.c.theirs == values["theirs"]))
            else:
                row = sqlite_insert(own_name).values(**values)
                merged = {"ours": values["ours"]}
                connection.execute(row.on_conflict_do_update(index_elements=[own_name.c.kind, own_name.c.theirs], set_=merged))
            if (connection.execute(select(func.count()).select_from(own_name)).scalar() or 0) > limits.OWN_NAMES:
                raise LocalError("account.full", f"a node has {limits.OWN_NAMES} names of its own at most")
            self._line(connection, by, "name_set", kind, now)


_SHIFTS: Final = select(shift.c.id, shift.c.account, person.c.name, shift.c.start, shift.c.end, shift.c.note).select_from(
    shift.join(person, shift.c.account == person.c.id)
)


def _text(text: str, most: int, what: str) -> str:
    """A person's text as it is kept. Raises LocalError account.full for one that is too long, usage for what no text may hold."""
    bare = text.replace("\r\n", "\n").strip()
    try:
        check_text(bare)
        size = len(bare.encode())
    except (PeerError, UnicodeEncodeError):
        raise LocalError("usage", f"{what} holds characters that no text may hold") from None
    if size > most:
        raise LocalError("account.full", f"{what} has {most} bytes at most")
    return bare
