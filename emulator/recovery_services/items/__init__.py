"""Protected items: their operations, their life and how they are answered."""
