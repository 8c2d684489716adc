"""Ceasewire: the liaison channel of a ceasefire, for sides that do not trust each other."""

__version__ = "0.1.0"
