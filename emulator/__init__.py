"""An emulator of Azure Resource Manager and Azure Site Recovery, with an AWS estate beside it."""
