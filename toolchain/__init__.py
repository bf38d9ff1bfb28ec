"""How this checkout gets what it runs on: packages, a Pulumi engine, its environment."""
