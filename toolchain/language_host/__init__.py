"""A Pulumi language host for Python programs, for engines that came without one.

An official Pulumi includes the official host, which is then used. An engine that was built from its
Go modules has none: then this package runs the program, its dynamic providers and policy packs.
"""
