"""The node: where core, store, pen and clock meet."""
