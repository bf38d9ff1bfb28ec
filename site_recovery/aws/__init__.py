"""AWS: EC2, Systems Manager and IAM over boto3, in the words of the core."""
