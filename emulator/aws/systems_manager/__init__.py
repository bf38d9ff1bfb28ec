"""The parts of AWS Systems Manager that moto does not have: managed instances, associations,
inventory and Run Command. Parameters and documents are moto's. State is in memory and per region,
as in moto.
"""
