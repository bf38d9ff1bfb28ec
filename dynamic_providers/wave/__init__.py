"""The helpers of `MigrationWave`: its inputs, its review in a preview, its calls to the vault."""
