"""Stand-in Pulumi providers, which create the real SDKs' resources in the local clouds.

A local stack uses the real `pulumi-aws` and `pulumi-azure-native` packages. In the stack's own
plugin folder, the engine finds two small providers with the same names and versions. They speak
the Pulumi provider protocol and turn its calls into requests to moto and to the emulator's Azure
Resource Manager. They support few types, and refuse others by name.
"""
