"""Migrating machines with Azure Site Recovery: phases, observed state, planning, convergence."""
