"""Microsoft.Network: virtual networks, their subnets, security groups, interfaces, addresses."""
