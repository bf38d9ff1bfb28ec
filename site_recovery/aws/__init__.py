"""AWS: EC2, Systems Manager and IAM over botocore, in the words of the core."""
