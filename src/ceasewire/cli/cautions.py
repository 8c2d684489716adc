"""What `send` warns of, on standard error: the same that a page warns of (record.cautions)."""

from __future__ import annotations

from ..record.cautions import STAND, VICTIMS, cautions

__all__ = ["STAND", "VICTIMS", "cautions"]
