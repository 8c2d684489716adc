"""The deterministic simulator: a whole channel in one process, from one seed. docs/simulator.md."""
