"""Forms made from the table of kinds: every field of every kind can be filled, and what comes out is what `send` takes."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ceasewire.console.form_parts import Ask, Showing
from ceasewire.console.forms import Around, Filled, Reading, filled
from ceasewire.node.writing import BY_PEOPLE
from ceasewire.record.fields import Wrong
from ceasewire.record.kinds import KINDS, UNDERSTOOD
from console.typing import SLUGS, message
from helpers import START, make_channel

AROUND = Around(
    make_channel().channel,
    tuple((slug, slug.title()) for slug in SLUGS),
    (("3.1", "Hold fire."), ("4", "Answer.")),
    (("z1", "Zone one"),),
    now=START,
)
FORMED = [UNDERSTOOD[KINDS[name]] for name in BY_PEOPLE if name != "correction"]


def posted(form: Filled) -> Filled:
    """What a browser sends of a form."""
    lines = {name: [one.replace("\n", "\r\n") for one in values] for name, values in form.items()}
    return parse_qs(urlencode(lines, doseq=True), keep_blank_values=True)


def through(kind: Any, said: dict[str, Any]) -> tuple[dict[str, Any], Reading]:
    reading = Reading(posted(filled(kind.all_fields, "f", kind.name, said)), AROUND)
    return reading.message(kind), reading


def sensible(said: dict[str, Any]) -> dict[str, Any]:
    """The same with no fact both agreed to and disputed, which no form can say."""
    disputed = (
        [fact for fact in said.get("disputed", ()) if fact not in said.get("agreed", ())] if "stance" in said else said.get("disputed")
    )
    return {name: one for name, one in said.items() if name != "disputed"} | ({"disputed": disputed} if disputed else {})


@pytest.mark.parametrize("kind", FORMED, ids=lambda kind: kind.name)
@settings(max_examples=10, phases=[Phase.explicit, Phase.generate])
@given(data=st.data())
def test_what_a_form_says_is_what_was_filled_in(kind: Any, data: st.DataObject) -> None:
    said = sensible(data.draw(message(kind, without=("of", "fields", "removed"))))
    found, reading = through(kind, said)
    troubles = {path: one.text for path, one in reading.troubles.items()}
    troubles.pop("f.sources", None)  # must be chosen in a claim, and is not always drawn
    assert troubles == {}
    assert found == said
    for name, value in found.items():  # each is what its field takes
        try:
            kind.all_fields[name].type.read(value, AROUND.names)
        except Wrong as wrong:
            pytest.fail(f"{name}: {wrong}")


def inputs(ask: Ask) -> list[str]:
    """The names of all inputs that a page makes of an ask."""
    if ask.shape == "provisions":
        return [f"{ask.path}.{n}" for n, _ in enumerate(ask.choices)]
    if ask.parts:
        return [one for part in ask.parts for one in inputs(part)]
    return [ask.path]


@pytest.mark.parametrize("kind", FORMED, ids=lambda kind: kind.name)
def test_no_field_of_a_kind_is_missing_in_its_form(kind: Any) -> None:
    showing = Showing({}, AROUND)
    groups = showing.groups(kind)
    names = [ask.name for group in groups for ask in group.asks]
    assert len(names) == len(set(names))
    apart = {"agreed", "disputed"} if kind.name == "reply" else set()
    assert set(names) == kind.all_fields.keys() - apart
    required = {ask.name for group in groups for ask in group.asks if ask.required}
    asked = {name for name, one in kind.all_fields.items() if one.required} - {"exercise", "occurred_from"}
    assert required == asked | ({"sources"} if kind.name in ("notification", "finding") else set())


def read(**given: str) -> Reading:
    form = {f"f.{name.replace('__', '.')}": [value] for name, value in given.items()}
    reading = Reading(form, AROUND)
    reading.said = reading.message(UNDERSTOOD[1])  # type: ignore[attr-defined]
    return reading
