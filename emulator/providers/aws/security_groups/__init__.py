"""Security groups, their rules, and their attachment to network interfaces."""

from emulator.providers.aws.security_groups.attachment import InterfaceAttachment
from emulator.providers.aws.security_groups.group import SecurityGroup
from emulator.providers.aws.security_groups.rule import EgressRule, IngressRule

__all__ = ["EgressRule", "IngressRule", "InterfaceAttachment", "SecurityGroup"]
