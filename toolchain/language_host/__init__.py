"""A Pulumi language host for Python programs, for engines that came without one.

The official host comes with an official Pulumi and is used whenever there is one. An engine built
from its Go modules has none: this package is then what runs the program, its dynamic providers
and its policy packs.
"""
