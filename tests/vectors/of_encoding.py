"""Vectors of the encoding and of fingerprints."""

from __future__ import annotations

import hashlib

from ceasewire.record import fingerprint

from .base import Vectors, cbor


def add(v: Vectors) -> None:
    """Everything of this file."""
    for name, what, value in (
        ("integers", "the integers of each width, and the first and last", [0, 23, 24, 255, 256, 2**32, 2**63 - 1, -1, -(2**63)]),
        ("map", "keys in rising order", {0: b"", 1: "a", 24: [True, False], 256: {}}),
        ("text", "tab, newline, marks of direction, joiners", "a\t\n\u200c\u200d\u200e\u200f\u067e\U0001f54a"),
        ("depth-8", "eight deep", [[[[[[[[0]]]]]]]]),
    ):
        v.ok("encoding", name, what, cbor(value))
    for code, name, what, data in (
        ("enc.malformed", "empty", "no bytes", ""),
        ("enc.malformed", "cut", "an array that ends too early", "8201"),
        ("enc.malformed", "reserved", "a reserved additional information", "1c"),
        ("enc.malformed", "huge-array", "an array of 2^63", "9b8000000000000000"),
        ("enc.malformed", "huge-bytes", "a byte string of 2^40", "5b0000010000000000"),
        ("enc.trailing", "two-items", "two items", "0000"),
        ("enc.noncanonical", "width", "1 in two bytes", "1801"),
        ("enc.noncanonical", "length", "a length in two bytes", "780161"),
        ("enc.noncanonical", "key-order", "keys out of order", "a202000100"),
        ("enc.noncanonical", "indefinite-bytes", "an indefinite byte string", "5f4100ff"),
        ("enc.noncanonical", "indefinite-text", "an indefinite text", "7f6161ff"),
        ("enc.noncanonical", "indefinite-array", "an indefinite array", "9f01ff"),
        ("enc.noncanonical", "indefinite-map", "an indefinite map", "bf0100ff"),
        ("enc.dup_key", "same", "one key twice", "a201000100"),
        ("enc.dup_key", "widths", "one key in two widths", "a20100180100"),
        ("enc.type", "float", "a float", "f93c00"),
        ("enc.type", "nan", "not a number", "f97e00"),
        ("enc.type", "null", "null", "f6"),
        ("enc.type", "undefined", "undefined", "f7"),
        ("enc.type", "simple", "a simple value", "f820"),
        ("enc.type", "tag", "a tag", "c11a514b67b0"),
        ("enc.type", "bignum", "a big number", "c249010000000000000000"),
        ("enc.type", "shared", "a shared reference to itself", "d81c81d81d00"),
        ("enc.type", "text-key", "a text as a key", "a1616100"),
        ("enc.type", "bool-key", "true as a key", "a1f500"),
        ("enc.range", "2-63", "2^63", "1b8000000000000000"),
        ("enc.range", "below", "-2^63 - 1", "3b8000000000000000"),
        ("enc.range", "negative-key", "a key below zero", "a12000"),
        ("enc.depth", "9-arrays", "nine arrays deep", "81" * 9 + "00"),
        ("enc.depth", "9-maps", "nine maps deep", "a100" * 9 + "00"),
        ("enc.depth", "1000-arrays", "a thousand deep", "81" * 1000 + "00"),
        ("enc.text", "not-utf8", "not UTF-8", "61ff"),
        ("enc.text", "overlong", "an overlong form", "62c080"),
        ("enc.text", "surrogate", "a surrogate", "63eda080"),
        ("enc.text", "nul", "U+0000", "6100"),
        ("enc.text", "escape", "U+001B", "611b"),
        ("enc.text", "c1", "U+0085", "62c285"),
        ("enc.text", "override", "U+202E, which turns what follows round", "63e280ae"),
        ("enc.text", "isolate", "U+2066", "63e281a6"),
        ("enc.text", "noncharacter", "U+FFFE", "63efbfbe"),
    ):
        v.bad("encoding", code, name, what, bytes.fromhex(data))
    v.bad("encoding", "enc.size", "41-bytes", "one byte more than is allowed", cbor(bytes(39)), max_bytes=40)
    v.ok("encoding", "40-bytes", "as many bytes as are allowed", cbor(bytes(38)), max_bytes=40)
    for name, digest in (("proquints", bytes([127, 0, 0, 1, 63, 84, 220, 193]) + bytes(24)), ("sha256", hashlib.sha256(b"").digest())):
        v.ok("fingerprint", name, "eight words for the first 128 bits", digest, {"words": fingerprint.words(digest)})
