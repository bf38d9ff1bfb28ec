"""EC2 instances."""

from emulator.providers.aws.instances.instance import Instance

__all__ = ["Instance"]
