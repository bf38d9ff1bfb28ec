"""The stand-in for `pulumi-azure-native`: resources in Azure Resource Manager, over HTTP. One
implementation serves every type; a type is a path, an api-version and a table of its properties.
"""
