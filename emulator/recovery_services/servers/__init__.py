"""Servers of Site Recovery: how they install and register themselves."""
