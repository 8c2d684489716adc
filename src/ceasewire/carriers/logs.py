"""What a running node says of itself: one JSON object a line on standard error.

Never a body, a name or a key: events are fixed words, and values are codes, counts and slugs of the charter. JSON escapes whatever
control characters a value might hold, so no peer can write a line of its own here (FAULTS H11).
"""

from __future__ import annotations

import sys
from typing import cast

import structlog

Log = structlog.typing.FilteringBoundLogger


def open_log() -> Log:
    """The log of this process."""
    made = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    return cast("Log", made)
