"""The differences between classic and modernized in request bodies and responses."""
