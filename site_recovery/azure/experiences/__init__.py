"""What differs between classic and modernized: request bodies and what the service answers."""
