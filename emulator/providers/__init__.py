"""Stand-in Pulumi providers: they carry the real SDKs' resources to the local clouds.

A local stack uses the real `pulumi-aws` and `pulumi-azure-native` packages. The engine finds, in
the stack's own plugin folder, two small providers of the same names and versions that speak the
Pulumi provider protocol and turn its calls into requests to moto and to the emulator's Azure
Resource Manager. They know few types, and refuse by name what they do not know.
"""
