"""Drives machines to their phases: rounds of observing, planning and submitting."""
