"""AWS Systems Manager, as far as moto has none: managed instances, associations, Run Command.

Parameters and documents are moto's. State is in memory, for each region, as moto's is.
"""
