"""Fabrics, containers, policies and their mappings."""
