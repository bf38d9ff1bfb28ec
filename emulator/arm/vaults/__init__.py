"""Microsoft.RecoveryServices without Site Recovery: vaults and what belongs to them."""
