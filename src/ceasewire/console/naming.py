"""Without-prejudice names: our own names for parties and places, over what was signed. They are this node's alone: in nothing that is
signed, in no proof, and in no other command's output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..record.text import folded

KINDS: Final = ("party", "place")


def plain(text: str) -> str:
    """A place's name in the form in which two spellings of it are one."""
    return " ".join(folded(text).split())


@dataclass(frozen=True, slots=True)
class Naming:
    """`written`: slug -> the name that the charter gives a party. `parties`, `places`: what we call them, by slug and by plain name."""

    written: Mapping[str, str]
    parties: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(written: Mapping[str, str], own: Mapping[str, Mapping[str, str]]) -> Naming:
        """`own`: kind of KINDS -> their name -> ours."""
        parties = {theirs: ours for theirs, ours in own.get("party", {}).items() if theirs in written}
        return Naming(written, parties, {plain(theirs): ours for theirs, ours in own.get("place", {}).items()})

    @property
    def shown(self) -> dict[str, str]:
        """What pages call each party, by slug."""
        return {slug: self.party(slug) for slug in self.written}

    def party(self, slug: str) -> str:
        """What pages call a party, or a witness or a party of another time, whose name is its slug."""
        return self.parties.get(slug) or self.written.get(slug, slug)

    def written_party(self, slug: str) -> str | None:
        """What the record calls it, if we call it otherwise."""
        name = self.written.get(slug)
        return name if name is not None and name != self.party(slug) else None

    def place(self, text: str) -> str:
        """What pages call a place."""
        return self.places.get(plain(text), text)

    def written_place(self, text: str) -> str | None:
        """What the message calls it, if we call it otherwise."""
        return text if self.place(text) != text else None
