"""From TOML and cards to a charter: what `ceasewire charter draft` does. spec/charter.md lists every key.

The same TOML and the same cards, in whatever order, give the same bytes. A key that is not known is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from .. import limits
from ..errors import LocalError
from .amendment import CHANGEABLE
from .card import open_card
from .charter import CLOCKS, LEVELS, QUOTAS, UNRELEASED, ZONE_KINDS, Charter, SignedCharter, Witness, Zone, draft, party_order
from .fields import Wrong, parse_position
from .kinds import KINDS
from .notation import quoted
from .officers import Officer, read_officer

Toml = Mapping[str, Any]  # what tomllib gives

_KEYS: Final = {
    "name", "title", "level", "exercise", "provisions", "kinds", "clocks", "quotas", "witnesses", "quorum", "zones", "officers",
    "releases", "replaces",
}  # fmt: skip


def from_toml(toml: Toml, cards: Sequence[bytes]) -> SignedCharter:
    """An unsigned charter. `cards` are card files (spec/charter.md), in any order.

    Raises LocalError charter.toml; PeerError charter.*, card.*, key.*, sig.invalid, enc.*.
    """
    _known(toml, _KEYS, "the charter")
    witnesses = tuple(_witness(item) for item in _tables(toml, "witnesses"))
    ordered = sorted(cards, key=lambda card: party_order(open_card(card)[0]))
    return draft(
        Charter(
            name=_text(toml, "name"),
            title=_text(toml, "title"),
            level=_choice(toml, "level", LEVELS),
            exercise=_flag(toml, "exercise"),
            cards=tuple(ordered),
            provisions=_provisions(toml),
            kinds=_kinds(toml),
            clocks=_numbers(toml, "clocks", CLOCKS),
            quotas=_numbers(toml, "quotas", QUOTAS, least=1),
            witnesses=witnesses,
            quorum=_count(toml, "quorum", len(witnesses)),
            zones=_zones(toml),
            officers=_officers(toml, [open_card(card)[0].slug for card in ordered]),
            releases=_releases(toml),
            replaces=_digest(toml, "replaces"),
        )
    )


def amended(charter: Charter, toml: Toml) -> Charter:
    """The charter with the keys of a TOML that an amendment may change, each as a whole; clocks, quotas and releases one by one.

    Raises LocalError charter.toml; PeerError charter.malformed, officer.malformed, enc.*, key.*.
    """
    _known(toml, set(CHANGEABLE), "an amendment")
    return Charter.decode(
        replace(
            charter,
            provisions=_provisions(toml) if "provisions" in toml else charter.provisions,
            kinds=_kinds(toml) if "kinds" in toml else charter.kinds,
            clocks=_numbers(toml, "clocks", {name: (number, charter.clocks[name]) for name, (number, _) in CLOCKS.items()}),
            quotas=_numbers(toml, "quotas", {name: (number, charter.quotas[name]) for name, (number, _) in QUOTAS.items()}, least=1),
            zones=_zones(toml) if "zones" in toml else charter.zones,
            officers=_officers(toml, [party.slug for party in charter.parties]) if "officers" in toml else charter.officers,
            releases={**charter.releases, **_releases(toml)},
        ).encode()
    )


def _provisions(toml: Toml) -> tuple[tuple[str, str], ...]:
    return tuple((_text(item, "id"), _text(item, "text")) for item in _tables(toml, "provisions", "id", "text"))


def _zones(toml: Toml) -> tuple[Zone, ...]:
    return tuple(_zone(item) for item in _tables(toml, "zones", "id", "name", "kind", "outline"))


def _wrong(what: str) -> LocalError:
    return LocalError("charter.toml", what)


def _known(table: Toml, keys: set[str], where: str) -> None:
    unknown = sorted(table.keys() - keys)
    if unknown:
        raise _wrong(f"{where} has no key {unknown[0]}; it has {', '.join(sorted(keys))}")


def _text(table: Toml, key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise _wrong(f"{key} is missing" if value is None else f"{key} must be a text")
    return value


def _flag(table: Toml, key: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise _wrong(f"{key} must be true or false")
    return value


def _count(table: Toml, key: str, default: int, least: int = 0) -> int:
    value = table.get(key, default)
    if type(value) is not int or not least <= value < 2**32:
        raise _wrong(f"{key} must be a whole number {f'from {least} ' if least else ''}below 2^32")
    return value


def _choice(table: Toml, key: str, words: Sequence[str]) -> str:
    value = _text(table, key, words[0])
    if value not in words:
        raise _wrong(f"{key} must be one of {', '.join(words)}")
    return value


def _tables(toml: Toml, key: str, *keys: str) -> list[Toml]:
    value = toml.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _wrong(f"{key} must be written as [[{key}]]")
    for item in value:
        if keys:
            _known(item, set(keys), f"[[{key}]]")
    return value


def _numbers(toml: Toml, key: str, defaults: Mapping[str, tuple[int, int]], least: int = 0) -> dict[str, int]:
    table = toml.get(key, {})
    if not isinstance(table, dict):
        raise _wrong(f"{key} must be written as [{key}]")
    _known(table, set(defaults), f"[{key}]")
    return {name: _count(table, name, default, least) for name, (_, default) in defaults.items()}


def _kinds(toml: Toml) -> tuple[int, ...]:
    value = toml.get("kinds", list(KINDS))
    if not isinstance(value, list) or not value or not all(isinstance(kind, str) and kind in KINDS for kind in value):
        raise _wrong(f"kinds must be a list of {', '.join(KINDS)}")
    return tuple(sorted({KINDS[kind] for kind in value}))


def _officers(toml: Toml, slugs: Sequence[str]) -> tuple[Officer, ...]:
    """`[[officers]]`, sorted by party and id. `slugs` of the parties in charter order."""
    found = []
    for item in _tables(toml, "officers", "party", "name", "role", "key", "rp_id", "origin"):
        slug = _text(item, "party")
        if slug not in slugs:
            raise _wrong(f"[[officers]]: there is no party {quoted(slug)}; there is {', '.join(slugs)}")
        try:
            found.append(read_officer({key: value for key, value in item.items() if key != "party"}, slugs.index(slug)))
        except Wrong as wrong:
            raise _wrong(f"[[officers]]: {wrong}") from None
    return tuple(sorted(found, key=lambda one: (one.party, one.id)))


def _releases(toml: Toml) -> dict[int, int]:
    """`[releases]`: kind -> how many officers, where that is not the default."""
    table = toml.get("releases", {})
    if not isinstance(table, dict):
        raise _wrong("releases must be written as [releases]")
    _known(table, {name for name, number in KINDS.items() if number not in UNRELEASED}, "[releases]")
    counts = {KINDS[name]: _count(table, name, 0) for name in table}
    if any(count >= limits.RELEASES for count in counts.values()):
        raise _wrong(f"[releases]: fewer than {limits.RELEASES} officers a kind")
    return dict(sorted(counts.items()))


def _witness(item: Toml) -> Witness:
    _known(item, {"name", "vkey", "url"}, "[[witnesses]]")
    return Witness(_text(item, "name"), _text(item, "vkey"), _text(item, "url", ""))


def _zone(item: Toml) -> Zone:
    outline = item.get("outline", [])
    try:
        if not isinstance(outline, list):
            raise Wrong("a list of [latitude, longitude]")
        points = tuple(parse_position(point) for point in outline)
    except Wrong as wrong:
        raise _wrong(f"outline: {wrong}") from None
    return Zone(_text(item, "id"), _text(item, "name", _text(item, "id")), _choice(item, "kind", ZONE_KINDS), points)


def _digest(toml: Toml, key: str) -> bytes:
    try:
        return bytes.fromhex(_text(toml, key, ""))
    except ValueError:
        raise _wrong(f"{key} must be the old channel's id in hexadecimal") from None
