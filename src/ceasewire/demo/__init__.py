"""The demo: an exercise of two parties on this machine, with their own nodes, processes, keys and disks.

North and South are neutral stand-ins. What they notify each other of are twenty real incidents of 2018 (incidents.json: dates, places,
figures, and who reported them, from the UCDP Georeferenced Event Dataset 19.1). Each side replies, asks, states; every message is receipted
by the other side; both compute one record; and a journalist with nothing but a proof file and the charter verifies a statement.
"""

from __future__ import annotations

from .run import run

__all__ = ["run"]
