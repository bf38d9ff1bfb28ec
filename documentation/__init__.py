"""Writes the generated parts of docs/."""
