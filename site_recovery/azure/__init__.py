"""Azure: Resource Manager and Site Recovery over the SDK, in the words of the core."""
