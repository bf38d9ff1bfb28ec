"""Jobs of a vault: what they are made of, and how they are polled."""
