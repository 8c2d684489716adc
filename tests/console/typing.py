"""What people may write: any message of a kind, made from its schema, as JSON that `ceasewire send` takes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ceasewire.record.bodies import Kind, Source
from ceasewire.record.bodies_incident import VIOLATION
from ceasewire.record.fields import Code, Field, FieldType, Flag, Many, Octets, Party, Position, Ref, Struct, Text, Time, Uint, show_time
from ceasewire.record.special import Casualties, Estimate, FieldNumber
from ceasewire.record.words import VIOLATIONS

SLUGS = ("north", "south")
REFS = ("north/0", "south/3", "south/12", "north/7")
LETTERS = st.text("abc XYZ 09\"'<>&;{}%\nپښتو\u200bé,.", min_size=1, max_size=12).filter(str.strip)
SHA = st.binary(min_size=32, max_size=32).map(bytes.hex)


def text(type_: Text, name: str) -> st.SearchStrategy[str]:
    if type_ is VIOLATION:
        return st.sampled_from(list(VIOLATIONS))
    return st.sampled_from(["ps", "en-GB"]) if type_.pattern else LETTERS


def value(type_: FieldType, name: str) -> st.SearchStrategy[Any]:
    """Any JSON of a type, as a form writes it: lists in the order of their words, nothing twice."""
    match type_:
        case Text():
            return text(type_, name)
        case Code(words=words):
            return st.sampled_from(list(words))
        case FieldNumber(numbers=numbers):
            return st.sampled_from(list(numbers))
        case Party():
            return st.sampled_from(SLUGS)
        case Flag():
            return st.booleans()
        case Uint(most=most):
            return st.integers(0, most)
        case Time():
            return st.integers(0, 253_402_300_799).map(show_time)
        case Position():
            return st.tuples(st.integers(-9_000_000, 9_000_000), st.integers(-18_000_000, 18_000_000)).map(
                lambda p: [x / 100_000 for x in p]
            )
        case Octets(length=length):
            return st.binary(min_size=length, max_size=length).map(bytes.hex)
        case Ref():
            return st.sampled_from(REFS)
        case Estimate():
            return st.lists(st.integers(0, 10_000_000), min_size=3, max_size=3)
        case Casualties():
            harms = st.dictionaries(st.sampled_from(["killed", "wounded", "missing", "detained"]), value(Estimate(), ""), min_size=1)
            return st.dictionaries(st.sampled_from(["civilians", "unattributed", *SLUGS]), harms, min_size=1)
        case Source(given=given):
            named = struct(given.fields).filter(lambda one: not (one["class"] == "protected" and "text" in one))
            return st.one_of(named, LETTERS)
        case Struct(fields=fields):
            return struct(fields)
        case Many(item=item):
            return many(type_, item, name)
    raise TypeError(type_)


def many(type_: Many, item: FieldType, name: str) -> st.SearchStrategy[Any]:
    order = None
    if isinstance(item, Code):
        order = list(item.words)
    elif isinstance(item, FieldNumber):
        order = list(item.numbers)
    elif isinstance(item, Party):
        order = list(SLUGS)
    if name == "provisions":
        return st.lists(st.sampled_from(["3.1", "4"]), min_size=1, max_size=2, unique=True).map(sorted)
    if item is VIOLATION:
        listed = list(VIOLATIONS)
        return st.lists(value(item, ""), min_size=1, max_size=4, unique=True).map(lambda found: sorted(found, key=listed.index))
    if order is not None:
        return st.lists(value(item, ""), min_size=1, max_size=len(order), unique=True).map(lambda found: sorted(found, key=order.index))
    lists = st.lists(value(item, ""), min_size=1, max_size=3, unique_by=repr)
    return lists.map(lambda found: found[0] if isinstance(item, Ref) and len(found) == 1 else found)


def struct(fields: dict[str, Field] | Any) -> st.SearchStrategy[dict[str, Any]]:
    needed = {name: value(one.type, name) for name, one in fields.items() if one.required}
    other = {name: value(one.type, name) for name, one in fields.items() if not one.required}
    found = st.fixed_dictionaries(needed, optional=other)
    return found.filter(bool)


def message(kind: Kind, *, without: tuple[str, ...] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """Any message of a kind by its fields alone; the rules between fields may still refuse it."""
    return struct({name: one for name, one in kind.all_fields.items() if name not in without})
