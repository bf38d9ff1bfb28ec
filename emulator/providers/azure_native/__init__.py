"""The stand-in for `pulumi-azure-native`: resources carried to Azure Resource Manager over HTTP.

One engine serves every type; a type is a path, an api-version and a table of its properties.
"""
