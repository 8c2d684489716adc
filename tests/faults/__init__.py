"""Attacks and faults, one test a row of the catalogue. `liar` forges with real keys; `driver` is killed while it works."""
