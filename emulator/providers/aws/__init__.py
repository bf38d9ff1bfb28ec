"""The stand-in for `pulumi-aws`: EC2 and IAM of a local stack, carried to moto by boto3."""
