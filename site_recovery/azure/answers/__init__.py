"""What Azure answers, parsed into objects of the core: entry by entry, each once."""
