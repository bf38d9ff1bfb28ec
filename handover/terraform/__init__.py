"""The same resources for Terraform's provider azurerm: import blocks and what they are imported into.

Sources: the schemas, importers and read functions of azurerm 5.2.0, and the metadata of 4.73.0 that
`@cdktn/provider-azurerm` ships. A virtual machine that a failover made has no OS profile and attaches
its disks; azurerm imports such a machine since 4.42.0.
"""
