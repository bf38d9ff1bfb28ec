"""Replication: states, recovery points, target sizes and virtual machines."""
