"""Benchmarks of the emulator. Each result is also given as a ratio to a baseline of the same run."""
