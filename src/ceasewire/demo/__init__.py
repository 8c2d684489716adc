"""The demo: an exercise of two parties and a guarantor on this machine, with their own nodes, processes, keys and disks.

North and South are neutral stand-ins. Sixty real incidents are reported for the record (incidents.json: dates, places, figures, and who
reported them, from the UCDP Georeferenced Event Dataset 19.1). Then one day is played: violations notified both ways, an allegation without
a source, denials, questions, findings, a convoy announced and struck, flashes, a correction, a withdrawal, a closing by both, a statement
for the press released by two officers. All three compute one record, tell it in words, and a journalist with nothing but a proof file and
the charter verifies what was said.
"""

from __future__ import annotations

from .run import run

__all__ = ["run"]
