"""Tests of ceasewire.exchange."""
