"""Tests of the command line. `driving` is what they stand on."""
