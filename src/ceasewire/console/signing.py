"""What a page shows of a message that somebody is about to sign: all of it, in words and as JSON, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..record.cautions import cautions
from ..record.fields import Json
from ..record.phrases import PHRASES
from ..record.saying import texts
from ..record.text import foreign_digits
from . import wording
from .drafting import squares
from .wording import Care, Line, Value


@dataclass(frozen=True, slots=True)
class Text:
    """A message before it is signed. `added` are the fields that a correction says for the first time; `squares` the grid square of each
    position as it is rounded; `phrase` what a flash's does not mean; `rest` the hash that officers sign; `numbers` those in the figures
    of the text's own script, beside the same in 0 to 9."""

    kind: str
    body: Mapping[str, Json]
    lines: list[Line]
    cares: list[Care]
    cautions: tuple[str, ...]
    squares: Mapping[str, str]
    exact: str
    rest: str = ""
    phrase: str = ""
    added: tuple[str, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()


def text(kind: str, body: Mapping[str, Json], when: Callable[[str], str], rest: str = "", was: Mapping[str, Json] | None = None) -> Text:
    """What is shown; `when` writes a time whole, `was` is the body of what a correction corrects, as it stands."""
    said = {name: value for name, value in body.items() if name != "releases"}
    fields = said.get("fields")
    added = tuple(name for name in fields if name not in was) if isinstance(fields, dict) and was is not None else ()
    cares, numbers = _cares(said)
    known = PHRASES.get(str(said.get("phrase")))
    return Text(
        kind,
        said,
        [Line(line.name, as_written(line.value, when)) for line in _lines(kind, said)],
        cares,
        cautions(said),
        squares(said),
        exact(said),
        rest,
        known.not_means if known and kind == "flash" else "",
        added,
        numbers,
    )


def _cares(said: Mapping[str, Json]) -> tuple[list[Care], tuple[tuple[str, str], ...]]:
    """What is to be looked at with care; apart from it the numbers in figures of the text's own script, which are ordinary."""
    found = wording.cares(said)
    if any(foreign_digits(one) for value in said.values() for one in texts(value)):
        return found, ()
    own = [one for one in found if one.kind == "other_digits"]
    return [one for one in found if one not in own], tuple(pair for one in own for pair in one.numbers)


def _lines(kind: str, said: Mapping[str, Json]) -> list[Line]:
    """The fields; what an amendment changes is told as the terms that change, and not as the bytes that it is."""
    changes = {"changes": said["changes"]} if kind == "amendment" and isinstance(said.get("changes"), dict) else {}
    others = {name: value for name, value in said.items() if name not in changes}
    return [*wording.lines(kind, others), *(Line(name, wording.field("", name, changes)) for name in changes)]


def as_written(value: Value, when: Callable[[str], str]) -> Value:
    """A place by the name that is signed, not by the one that this node's people know it under; a time with its day."""
    if value.how == "time":
        return Value("text", when(value.value))
    how = "text" if value.how == "place" else value.how
    items, labels = (tuple(as_written(one, when) for one in several) for several in (value.items, value.labels))
    return replace(value, how=how, items=items, labels=labels)


def exact(said: Json) -> str:
    """JSON for people to compare: what nobody can see is escaped."""
    plain = json.dumps(said, ensure_ascii=False, indent=2)
    return "".join(one if one == "\n" or one.isprintable() else json.dumps(one)[1:-1] for one in plain)
