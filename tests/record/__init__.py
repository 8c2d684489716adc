"""Tests of ceasewire.record."""
