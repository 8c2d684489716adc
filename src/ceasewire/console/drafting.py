"""A form that somebody fills: what it is about, what stands in it, and what becomes of it. The pages of pages/compose.py and
pages/release.py are made with it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ..errors import LocalError
from ..node import writing
from ..node.composing import in_force
from ..node.view import View
from ..node.writing import Written
from ..record.bodies import Kind
from ..record.bodies_incident import NOTIFICATION_FIELD
from ..record.fields import Field, Json, show_time
from ..record.kinds import KINDS, UNDERSTOOD
from ..record.message import SEED_BYTES
from ..record.saying import summary
from . import between, moments, places
from .form_parts import Group, Showing, fields_of_correction, may_go
from .forms import MISSING, Around, Filled, Given, Reading, Trouble, filled

_FIELD: Final = re.compile(r"(?:[a-z_]+: )?([a-z_]+)(?: or [a-z, ]+)?(?: is missing|: )")


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


@dataclass(frozen=True, slots=True)
class About:
    """A message that another is about: its reference, kind, body as it stands now, and what it says in a line."""

    ref: str
    kind: str
    body: Mapping[str, Json]
    line: str


def about(view: View, ref: str) -> About:
    """The message of a reference. Raises LocalError ref.malformed, ref.missing."""
    kind, body = writing.as_it_stands(view, ref)
    return About(ref, kind, body, summary(kind, body))


def around(view: View, now: int, zone: str) -> Around:
    """What every form of this node must know."""
    charter = in_force(view).charter
    parties = tuple((card.slug, card.name) for card in view.channel.charter.parties)
    zones = tuple((zone_.zone_id, zone_.name) for zone_ in charter.zones)
    return Around(view.channel, parties, charter.provisions, zones, zone if zone in moments.ZONES else moments.ZONES[0], now)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One form: the kind, what is typed in, what it must know, and the message it is about, if there is one."""

    kind: Kind
    given: Given
    around: Around
    about: About | None = None

    @property
    def corrects(self) -> str | None:
        """The kind of the message that a correction corrects."""
        return self.about.kind if self.kind.name == "correction" and self.about else None

    @property
    def facts(self) -> tuple[str, ...]:
        """The fields of the notification that it is about, which a reply or a finding agrees to or disputes."""
        said = self.about.body if self.about and self.about.kind == "notification" else {}
        chosen = [path.removeprefix("f.fact.") for path in self.given if path.startswith("f.fact.") and self.given[path] != [""]]
        return tuple(name for name in NOTIFICATION_FIELD.numbers if name in chosen or (name in said and name not in _NO_FACT))

    def read(self) -> tuple[Json, Reading]:
        """The message's JSON as far as it is right, and the reading with what is wrong."""
        reading = Reading(self._meant(), self.around)
        if self.kind.name != "correction":
            found = reading.message(self.kind)
            between.check(self.kind, found, reading)
            return between.completed(self.kind, found, reading), reading
        found = reading.fields(self.kind.all_fields, "f", "correction", ("of", "fields", "removed"))
        if self.about is not None:
            found |= self._changes(reading, self.about)
        return found, reading

    def _meant(self) -> Given:
        """An event without a time is of the moment at which the form was opened; a message about another names it."""
        given = dict(self.given)
        if self.kind.name == "notification" and not "".join(given.get("f.occurred_from", [])).strip():
            given["f.occurred_from"] = [moments.typed(show_time(self.around.now))]
        if self.about is not None and not "".join(given.get("f.re", [])).strip():
            given["f.re"] = [self.about.ref]
        return given

    def _changes(self, reading: Reading, about: About) -> dict[str, Json]:
        """What a correction replaces and removes: where the form says something else than the message does."""
        fields = fields_of_correction(about.kind)
        now = reading.fields(fields, "c", about.kind)
        reading.squared(UNDERSTOOD[KINDS[about.kind]], now, "c")
        was = Reading(self.as_it_was(), self.around).fields(fields, "c", about.kind)
        replaced = {name: value for name, value in now.items() if was.get(name) != value and (name, value) != ("sources", [])}
        gone = [name for name in was if name not in now and not reading.wrong_at(f"c.{name}")]
        if not between.placed(about.kind, {**was, **replaced}.keys() - set(gone)):
            replaced.pop("location_precision", None)
        for name in gone:
            if name not in may_go(about.kind):
                reading.fail(f"c.{name}", MISSING)
        if not replaced and not gone and not reading.troubles:
            reading.fail("", _("Nothing is changed yet."))
        return ({"fields": replaced} if replaced else {}) | ({"removed": gone} if gone else {})

    def as_it_was(self) -> Filled:
        """What stands in the form of a correction before anybody changes it."""
        if self.corrects is None or self.about is None:
            return {}
        return filled(fields_of_correction(self.about.kind), "c", self.about.kind, self.about.body)

    def groups(self, troubles: Mapping[str, Trouble], spare: Mapping[str, int]) -> list[Group]:
        """What the page shows."""
        new: frozenset[str] = frozenset()
        fields: dict[str, Field] = {}
        if self.corrects is not None and self.about is not None:
            fields = fields_of_correction(self.corrects)
            new = frozenset(f"c.{name}" for name in fields if name not in self.about.body)
        showing = Showing(self.given, self.around, troubles, spare, new, self.facts)
        own = showing.groups(self.kind)
        if self.corrects is None:
            return own
        changed = [replace(one, folded=one.folded and not one.open) for one in showing.groups(_CORRECTED[self.corrects], "c", fields)]
        return [*own[:1], *changed, *own[1:]]

    def written(self, view: View, json: Json, seed: bytes) -> Written:
        """The message that this becomes. Raises LocalError as writing.write."""
        return writing.write(view, self.kind.name, json, seed)


_NO_FACT: Final = frozenset({"exercise", "precedence", "re", "links", "respond_by", "embargo", "language", "translations", "historical"})
_CORRECTED: Final = {kind.name: kind for kind in UNDERSTOOD.values()}


def draw_seed() -> bytes:
    """A seed for a message that is about to be shown."""
    return os.urandom(SEED_BYTES)


def beside(error: LocalError, sheet: Sheet) -> tuple[str, Trouble]:
    """Where a refusal of the whole message is shown, and how: beside the field that it names, else above the form."""
    detail = error.detail or error.explained.sentence
    match = _FIELD.match(detail)
    name = match[1] if match else ""
    prefix = "c" if sheet.corrects is not None and name not in sheet.kind.all_fields else "f"
    known = name in sheet.kind.all_fields or prefix == "c"
    said = detail.partition(": ")[2] if match and detail.startswith(f"{sheet.kind.name}: ") else detail
    if said in between.SAID:
        field, text = between.SAID[said]
        return f"{'c' if sheet.corrects is not None and field not in sheet.kind.all_fields else 'f'}.{field}", Trouble(text)
    if known and name and f"{said}:".startswith(f"{name} is missing:"):
        return f"{prefix}.{name}", Trouble(MISSING)
    why = said.removeprefix(f"{name}: ") if known and name else said
    return (f"{prefix}.{name}" if known and name else ""), Trouble(_("This cannot be sent so: %(why)s."), {"why": why.rstrip(".")})


def squares(json: Mapping[str, Json]) -> dict[str, str]:
    """The square kilometre of each position of a message's JSON once it is rounded, by its field."""
    found = {}
    for name in ("location", "observer_position"):
        point, precision = json.get(name), str(json.get("location_precision") or "near")
        if isinstance(point, list) and precision in ("exact", "near"):
            found[name] = places.shown(places.becomes(point, precision))
    return found
