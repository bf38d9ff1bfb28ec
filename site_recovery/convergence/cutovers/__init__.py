"""Cutovers: the sources of failovers are prepared, and given back."""
