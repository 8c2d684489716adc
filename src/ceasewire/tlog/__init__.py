"""Transparency logs as C2SP and RFC 9162 write them. Knows nothing of ceasefires.

Imports only `ceasewire.errors`, `ceasewire.limits`, the two crypto libraries and pure parts of the standard library:
no clock, no randomness, no disk, no network. Whatever signs or reads is passed in as a function.
"""
