"""The stand-in for `pulumi-aws`: resources of a local stack, created in moto with boto3."""
