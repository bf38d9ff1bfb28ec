"""Checks of the declared machines against AWS and Azure before anything runs."""
