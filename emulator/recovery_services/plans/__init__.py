"""Recovery plans: groups of machines that fail over together."""
