"""Tests of the node. `pair` is what they stand on."""
