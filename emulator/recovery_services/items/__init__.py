"""Protected items: their operations, their life cycle and their representation."""
