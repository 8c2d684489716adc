"""The one rule of exchange, without state, clock or network. PROTOCOL section 7.

1. Send what the peer's last cosignature does not cover: our own log first, from there on, oldest first.
2. Then what the peer wants, of any log that we hold.
3. A run ends at a checkpoint. As many runs as fit one bundle ride in it; more bundles follow until all is covered.
4. Both ends go on until neither has anything that the other lacks. A lost bundle costs a repetition, never a message.
5. A bundle with an old counter (a replay, or one overtaken) still brings messages; what it says of heads, wants and keys is
   ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Entries start..stop-1 of a log."""

    log: int
    start: int
    stop: int


def due(own: int, held: Mapping[int, int], covered: int, wants: Mapping[int, int]) -> list[Span]:
    """What to send a peer, most urgent first.

    `held` log -> size held here; `covered` the largest size of our own log that the peer cosigned; `wants` what its newest bundle
    asks for (a want of our own log from below `covered` is a peer that lost its copy).
    """
    start = min(covered, wants.get(own, covered))
    spans = [Span(own, start, held[own])] if held.get(own, 0) > start else []
    for log, want in sorted(wants.items()):
        if log != own and held.get(log, 0) > want:
            spans.append(Span(log, want, held[log]))
    return spans


def lacking(held: Mapping[int, int], heads: Mapping[int, int], sender: int, own: int) -> dict[int, int]:
    """What to want of a peer: third logs of which it holds more than we do. Its own log it sends by itself; ours we wrote."""
    return {log: held.get(log, 0) for log, size in heads.items() if log not in (sender, own) and size > held.get(log, 0)}
