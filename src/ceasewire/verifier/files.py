"""Which proof a file is, by its beginning alone, and its verification."""

from __future__ import annotations

from ..record.misconduct import is_misconduct
from ..record.silence import is_silence
from . import message, misconduct, silence
from .report import Report, Trust


def verify(data: bytes, trust: Trust) -> Report:
    """Verify a proof of any kind. Never raises: what is wrong is in the report."""
    if is_misconduct(data):
        return misconduct.verify(data, trust)
    if is_silence(data):
        return silence.verify(data, trust)
    return message.verify(data, trust)
