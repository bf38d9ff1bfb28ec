"""Servers of Site Recovery: their installation and registration."""
