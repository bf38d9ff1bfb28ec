"""Which requests change EC2 or IAM, and what the guests have to hear of them at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

# The names of operations that only read begin with one of these.
_READS = re.compile(r"(Describe|Get|List)")
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_OF_INSTANCES = frozenset(
    {"StartInstances", "StopInstances", "RebootInstances", "TerminateInstances"}
)
_OF_INTERFACES = frozenset(
    {
        "AssociateAddress",
        "AttachNetworkInterface",
        "ModifyInstanceAttribute",
        "ModifyNetworkInterfaceAttribute",
    }
)
_OF_THE_NETWORK = re.compile(
    r"\w*(SecurityGroup|NetworkAcl|Route|NatGateway|InternetGateway|VpcEndpoint|PrefixList)\w*"
)
_OF_GROUPS = re.compile(r"\w*(SecurityGroup|PrefixList)\w*")
_INSTANCE = re.compile(r"InstanceId(\.\d+)?")


@dataclass(frozen=True)
class Change:
    """A request that changes which machines run, or who reaches them.

    Attributes:
        action: EC2's name of the operation.
        instances: the ids of the instances that it names.
        interfaces: the ids of the network interfaces that it names.
        groups: whether it changes nothing but what security groups and prefix lists say.
    """

    action: str
    instances: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    groups: bool = False


def changes_anything(body: bytes) -> bool:
    """Whether a request may change EC2 or IAM, which use the protocol of forms."""
    action = _ACTION.search(body)
    return action is not None and not _READS.match(action[1].decode())


def of(body: bytes) -> Change | None:
    """The change that guests feel at once, or None."""
    match = _ACTION.search(body)
    action = match[1].decode() if match else ""
    if _READS.match(action):
        return None
    if action in _OF_INSTANCES or action in _OF_INTERFACES:
        given = parse_qsl(body.decode("latin-1"))
        return Change(
            action,
            tuple(value for name, value in given if _INSTANCE.fullmatch(name)),
            tuple(value for name, value in given if name == "NetworkInterfaceId"),
        )
    if not _OF_THE_NETWORK.fullmatch(action):
        return None
    return Change(action, groups=_OF_GROUPS.fullmatch(action) is not None)
