"""Pulumi dynamic providers: thin adapters between the engine and `site_recovery`."""
