"""The models of the config: one part of it a file."""
