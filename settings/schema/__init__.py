"""The models of the config: one file for each part."""
