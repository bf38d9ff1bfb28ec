"""Packages, a Pulumi engine and the environment for this checkout."""
