"""AWS Systems Manager, as far as moto has none.

These are managed instances, associations, inventory and Run Command.
Parameters and documents are moto's. State is in memory, for each region, as moto's is.
"""
