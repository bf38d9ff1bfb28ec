"""Measured claims: what the emulator answers in a second, as ratios to a baseline of the run."""
