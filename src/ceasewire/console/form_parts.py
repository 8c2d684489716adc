"""What a page shows of a form: for each field its input, made from the same types that `forms` reads, and the groups in which they stand.

Nothing of a kind can be missing here: a field that no group names stands in the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ..record.bodies import COMMON, Kind, Source
from ..record.bodies_incident import VIOLATION
from ..record.bodies_record import CORRECTED, removable, replaceable
from ..record.fields import Code, Field, FieldType, Flag, Many, Octets, Party, Position, Ref, Struct, Text, Time, Uint
from ..record.special import Casualties, FieldNumber
from ..record.text import Mark, marks_in_writing
from ..record.words import KINDS, VIOLATIONS
from .forms import APART, CLAIMS, ESTIMATE, HARMS, NO_SOURCE, Around, Given, Trouble

SPARE: Final = 1  # empty rows below those that are filled; a button asks for more
_LONG: Final = 1000  # bytes: what may be longer has several lines


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a list: its value, its words (`of` names the list of labels.py, "" for words that a person wrote), whether it is chosen."""

    value: str
    words: str
    of: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """One input, or several that belong together. `shape` says which the page makes; `name` whose label it has, "" for none."""

    path: str
    name: str
    shape: str
    value: str = ""
    choices: tuple[Choice, ...] = ()
    parts: tuple[Ask, ...] = ()
    trouble: Trouble | None = None
    marks: tuple[Mark, ...] = ()
    required: bool = False
    most: int = 0
    more: bool = False
    help: str = ""
    new: bool = False

    @property
    def id(self) -> str:
        """The element's name in the page."""
        return self.path.replace(".", "-")

    @property
    def filled(self) -> bool:
        """Whether anything in it is filled in, or wrong."""
        return bool(self.value and not self.parts) or self.trouble is not None or any(one.filled for one in self.parts)


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that stand together. `folded`: behind a line that opens them; `open` if something in them is filled or wrong. `warns`: what
    is said before them."""

    title: str
    asks: tuple[Ask, ...]
    folded: bool = False
    open: bool = False
    warns: str = ""


@dataclass(frozen=True, slots=True)
class Showing:
    """A form as it stands: what is filled in, what is wrong, how many more empty rows each list shows, and the fields of a correction that
    the message did not have."""

    given: Given
    around: Around
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
    spare: Mapping[str, int] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    facts: tuple[str, ...] = ()

    def one(self, path: str) -> str:
        """The first value at a path."""
        found = self.given.get(path) or [""]
        return found[0]

    def ask(self, type_: FieldType, path: str, name: str, *, required: bool = False) -> Ask:
        """The input of a type."""
        made = self._ask(type_, path, name)
        told = HELP.get(f"{path.partition('.')[2]}") or HELP.get(name, "")
        return _with(made, required=required, trouble=self.troubles.get(path), help=told, new=path in self.new)

    def _ask(self, type_: FieldType, path: str, name: str) -> Ask:
        value = self.one(path)
        match type_:
            case Text(most=most, pattern=pattern):
                long = most >= _LONG or "\n" in value
                shape = "prose" if long and not pattern else "text"
                return Ask(path, name, "zone_id" if name == "zone_id" else shape, value, most=most, marks=tuple(marks_in_writing(value)))
            case Octets():
                return Ask(path, name, "code", value)
            case Code(words=words):
                return Ask(path, name, "select", value, self._choices(words, name, [value]))
            case FieldNumber(numbers=numbers):
                return Ask(path, name, "select", value, self._choices(numbers, "field", [value]))
            case Party():
                return Ask(path, name, "select", value, self._parties([value]))
            case Flag():
                return Ask(path, name, "select", value, self._choices(("yes", "no"), "flag", [value]))
            case Uint():
                return Ask(path, name, "number", value)
            case Time():
                return Ask(path, name, "time", value)
            case Position():
                return Ask(path, name, "position", parts=tuple(Ask(f"{path}.{n}", n, "text", self.one(f"{path}.{n}")) for n in _PLACE))
            case Ref():
                return Ask(path, name, "code", value)
            case Source(given=given):
                return self._source(given, path, name)
            case Struct(fields=fields):
                return Ask(path, name, "struct", parts=self._parts(fields, path))
            case Casualties():
                return Ask(path, name, "casualties", parts=tuple(self._losses(path, group) for group in self.around.groups))
            case Many():
                return self._many(type_, path, name)
        raise TypeError(f"no form has a {type_}")

    def _parts(self, fields: Mapping[str, Field], path: str) -> tuple[Ask, ...]:
        """What stands in one row; what it needs is told only once the row is begun."""
        return tuple(self.ask(one.type, f"{path}.{name}", name) for name, one in fields.items())

    def _choices(self, words: Iterable[str], of: str, chosen: Sequence[str]) -> tuple[Choice, ...]:
        return tuple(Choice(word, word, of, word in chosen) for word in words)

    def _parties(self, chosen: Sequence[str]) -> tuple[Choice, ...]:
        return tuple(Choice(slug, name, "", slug in chosen) for slug, name in self.around.parties)

    def _source(self, given: Struct, path: str, name: str) -> Ask:
        class_, text = self._parts(given.fields, path)
        if path.endswith(".0"):
            none = Choice(NO_SOURCE, "no_source", "class", class_.value == NO_SOURCE)
            class_ = _with(class_, choices=(*class_.choices, none))
        return Ask(path, name, "source", parts=(class_, text))

    def _losses(self, path: str, group: str) -> Ask:
        """One line of the table of casualties: four estimates of three numbers."""
        name = dict(self.around.parties).get(group, "")
        harms = []
        for harm in HARMS:
            where = f"{path}.{group}.{harm}"
            figures = tuple(Ask(f"{where}.{one}", one, "number", self.one(f"{where}.{one}")) for one in ESTIMATE)
            wrong = next((self.troubles[at] for at in (where, *(one.path for one in figures)) if at in self.troubles), None)
            harms.append(Ask(where, harm, "estimate", parts=figures, trouble=wrong))
        return Ask(f"{path}.{group}", group, "losses", value=name, parts=tuple(harms))

    def _many(self, type_: Many, path: str, name: str) -> Ask:
        item, chosen = type_.item, list(self.given.get(path, ()))
        match item:
            case Text() if item is VIOLATION:
                return Ask(path, name, "violations", chosen[0] if chosen else "", self._choices(VIOLATIONS, "violation", chosen))
            case Text() if name == "provisions" and self.around.provisions:
                ids = {row: self.one(row) for row in self._rows(path)}
                listed = tuple(Choice(number, f"{number} {words}", "", number in ids.values()) for number, words in self.around.provisions)
                return Ask(path, name, "provisions", choices=listed)
            case Code(words=words):
                return Ask(path, name, "checks", choices=self._choices(words, name, chosen))
            case FieldNumber(numbers=numbers):
                known = [fact for fact in numbers if not self.facts or fact in self.facts or fact in chosen]
                return Ask(path, name, "checks", choices=self._choices(known, "field", chosen))
            case Party():
                return Ask(path, name, "checks", choices=self._parties(chosen))
            case Ref():
                return Ask(path, name, "code", self.one(path))
            case Position():
                return Ask(path, name, "prose", self.one(path))
            case Octets():
                return Ask(path, name, "prose", self.one(path))
        filled = self._rows(path)
        last = max((int(row.rpartition(".")[2]) for row in filled), default=-1)
        empty = min(type_.most - len(filled), SPARE + self.spare.get(path, 0))
        rows = [*filled, *(f"{path}.{number}" for number in range(last + 1, last + 1 + empty))]
        return Ask(path, name, "rows", parts=tuple(self.ask(item, row, "") for row in rows), more=len(rows) < type_.most)

    def _rows(self, path: str) -> list[str]:
        """The rows of which anything is filled in."""
        start = f"{path}."
        numbers = {
            int(number)
            for one, values in self.given.items()
            if one.startswith(start) and any(values) and (number := one.removeprefix(start).partition(".")[0]).isdecimal()
        }
        return [f"{path}.{number}" for number in sorted(numbers)]

    # --- Groups ---

    def groups(self, kind: Kind, prefix: str = "f", fields: Mapping[str, Field] | None = None) -> list[Group]:
        """All fields of a kind, in the groups that its page has."""
        there = dict(kind.all_fields if fields is None else fields)
        there.pop("of", None)
        wanted = GROUPED.get(kind.name, ()) if fields is None or prefix == "c" else ()
        made = [self._group(kind, prefix, one, {name: there.pop(name) for name in one.names if name in there}) for one in wanted]
        own = {name: one for name, one in there.items() if name not in COMMON}
        if own:
            made.append(self._group(kind, prefix, Grouping(_("What is said"), ()), own))
        rest = {name: one for name, one in there.items() if name in COMMON}
        last = _("About the correction itself") if kind.name == "correction" else _("For the record")
        made.append(self._group(kind, prefix, Grouping(last, (), folded=True), rest))
        return [one for one in made if one.asks]

    def _group(self, kind: Kind, prefix: str, wanted: Grouping, fields: Mapping[str, Field]) -> Group:
        names = [name for name in fields if (kind.name, name) not in APART and name not in _ELSEWHERE]
        asks = tuple(
            self.ask(fields[n].type, f"{prefix}.{n}", n, required=prefix == "f" and needed(kind.name, n, fields[n])) for n in names
        )
        opened = any(self._touched(one.path) for one in asks if one.path != "f.re" or one.trouble)
        return Group(wanted.title, asks, wanted.folded, opened, wanted.warns)

    def _touched(self, path: str) -> bool:
        below = f"{path}."
        filled = any((one == path or one.startswith(below)) and any(values) for one, values in self.given.items())
        return filled or any(one == path or one.startswith(below) for one in self.troubles)


def needed(kind: str, name: str, field_: Field) -> bool:
    """Whether a person must fill in a field: what is known without being asked stays out, and who says so is always asked of a claim."""
    asked = (name == "sources" and kind in CLAIMS) or name in _NEEDED.get(kind, ())
    return (field_.required and name not in ("exercise", "occurred_from")) or asked


def _with(one: Ask, **changes: object) -> Ask:
    return replace(one, **changes)  # type: ignore[arg-type]


def fields_of_correction(kind: str) -> dict[str, Field]:
    """The fields of a kind that a correction may replace, as its form shows them."""
    return replaceable(CORRECTED[KINDS[kind]])


def may_go(kind: str) -> list[str]:
    """The fields of a kind that a correction may remove."""
    return removable(CORRECTED[KINDS[kind]])


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which fields stand together, in order."""

    title: str
    names: tuple[str, ...]
    folded: bool = False
    warns: str = ""


_PLACE: Final = ("grid", "lat", "lon")
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {  # by the rules between fields: see between.py
    "notification": ("place",),
    "notice": ("window_from", "window_to", "area"),
    **dict.fromkeys(("reply", "finding", "evidence", "withdrawal", "closing"), ("re",)),
    "evidence": ("re", "evidence"),
}
_ELSEWHERE: Final = frozenset({"fields", "removed"})  # of a correction: the corrected message's own form

GROUPED: Final[Mapping[str, tuple[Grouping, ...]]] = {
    "notification": (
        Grouping(_("Where"), ("place", "location", "location_precision")),
        Grouping(_("When"), ("occurred_from",)),
        Grouping(_("What"), ("types", "accused", "count", "count_unit", "sources")),
        Grouping(_("Consequence"), ("damage", "casualties")),
        Grouping(_("Request"), ("request", "precedence")),
        Grouping(_("In words"), ("narrative", "present_situation"), folded=True),
        Grouping(_("More on the time"), ("occurred_to", "occurred_precision", "ongoing"), folded=True),
        Grouping(_("More on the place"), ("place_other", "zone", "zone_id", "controlled_by", "protected_object"), folded=True),
        Grouping(
            _("Weapons, and who is accused"),
            ("means", "count_quality", "direction", "accused_unit", "basis_of_attribution", "how_observed", "confidence", "severity",
             "reporter_level"),
            folded=True,
        ),
        Grouping(_("What we did"), ("own_fire_returned", "own_fire_ordered_by", "channel_tried_first", "steps_taken"), folded=True),
        Grouping(_("The press"), ("press_intention", "press_time", "embargo"), folded=True),
        Grouping(
            _("Where our observer stands"),
            ("observer_position", "bearing", "distance"),
            folded=True,
            warns=_("They will see where your people stand. Observer position, bearing and distance help correct fire."),
        ),
    ),
    "reply": (
        Grouping(_("Our answer"), ("stance", "account", "reason", "until", "new_respond_by")),
        Grouping(_("Answers to their questions"), ("answers",), folded=True),
        Grouping(_("A joint inquiry"), ("joint_inquiry",), folded=True),
        Grouping(_("What was ordered, and the remedy"), ("orders", "discipline", "remedy", "remedy_by"), folded=True),
        Grouping(_("Who may publish"), ("publish", "embargo"), folded=True),
    ),
    "notice": (
        Grouping(_("What"), ("activity", "phase", "text")),
        Grouping(_("When"), ("window_from", "window_to", "lead_time")),
        Grouping(_("Where"), ("area", "location", "location_precision", "zone_id", "route")),
        Grouping(_("Who"), ("people", "vehicles", "marks", "contact")),
        Grouping(_("What we ask"), ("assurance_asked", "precedence")),
    ),
    "finding": (
        Grouping(_("The finding"), ("re", "finding", "attribution", "attributed_to", "confidence", "narrative", "sources")),
        Grouping(
            _("How it was found"), ("mandate", "team", "visits", "access_refused_by", "methods", "exhibits", "chronology"), folded=True
        ),
        Grouping(_("What each side says"), ("agreed", "disputed", "dissent", "comments"), folded=True),
        Grouping(_("Remedy"), ("remedy", "remedy_by"), folded=True),
    ),
    "request": (Grouping(_("What we ask"), ("questions", "text", "precedence")),),
    "flash": (Grouping(_("The phrase"), ("phrase",)), Grouping(_("Where"), ("place", "location", "location_precision", "text"))),
    "evidence": (Grouping(_("The evidence"), ("re", "evidence", "text")),),
    "withdrawal": (Grouping(_("What is withdrawn"), ("re", "reason")),),
    "closing": (Grouping(_("What is closed"), ("re", "text")),),
    "correction": (Grouping(_("Why"), ("reason",)),),
    "acknowledgement": (Grouping(_("What was read, or who is on duty"), ("re", "state", "watch", "on_duty", "nothing_to_report")),),
    "channel_status": (
        Grouping(_("What is said"), ("status", "from", "until", "reason", "text")),
        Grouping(_("How a person is reached"), ("duty_telephone", "contacts", "roster")),
    ),
}  # fmt: skip

HELP: Final[Mapping[str, str]] = {
    "place": _("The name as your side writes it."),
    "place_other": _("The name as the other side writes it."),
    "location_precision": _("Nobody learns more than this: the position is rounded before it is signed."),
    "occurred_from": _("Left empty: when you opened this form."),
    "re": _("References such as north/12, with spaces between them."),
    "respond_by": _("Later than the charter's clock asks, never earlier."),
    "embargo": _("Not to be published before this."),
    "translations": _("The original prevails."),
    "route": _("One point a line: a grid reference, or latitude and longitude."),
    "exhibits": _("One SHA-256 a line, in hexadecimal digits."),
    "sha256": _("64 hexadecimal digits."),
    "language": _("A tag such as ps, prs, en."),
    "casualties": _("The best figure alone, or the lowest, the best and the highest."),
    "historical": _("Reported for the record: it starts no clock and no alarm."),
    "exercise": _("Left empty: as the charter says."),
    "precedence": _("How soon they must answer."),
    "bearing": _("In degrees, from 0 to 359."),
    "distance": _("In metres."),
    "size": _("In bytes."),
    "field": _("The name of the field that is translated."),
    "reason": _("Why, for the other parties to read."),
    "orders": _("Given to our own people since."),
}
