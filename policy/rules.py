"""The rules: what is wrong with a resource, by its type and its properties.

Each rule is a function of a resource and the rule's own config. It yields one line for each violation,
with the way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

_INSTANCE = "aws:ec2/instance:Instance"
_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_VAULT = "azure-native:recoveryservices:Vault"
_WAVE = "pulumi-python:dynamic/asr:Wave"
_EVERYBODY = ("0.0.0.0/0", "::/0")
_REMOTE_ACCESS = {22: "SSH", 3389: "RDP"}
_ALL_PROTOCOLS = "-1"
_CANNOT_BE_UNDONE = ("failed-over", "migrated")

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Declared:
    """A resource as the program declares it.

    Attributes:
        type: its Pulumi type.
        properties: its inputs, by the names of the engine.
        stack: the name of its stack.
    """

    type: str
    properties: Mapping[str, Any]
    stack: str = ""


def metadata_tokens(resource: Declared, config: Config) -> Iterator[str]:
    """An instance's metadata service requires tokens (IMDSv2)."""
    if resource.type != _INSTANCE:
        return
    if _get(resource.properties, "metadataOptions", "httpTokens") != "required":
        yield (
            "its metadata service answers without a token (IMDSv1). Set metadataOptions.httpTokens "
            "to required"
        )


def encrypted_volumes(resource: Declared, config: Config) -> Iterator[str]:
    """All volumes of an instance are encrypted."""
    if resource.type != _INSTANCE:
        return
    devices = [
        ("rootBlockDevice", _get(resource.properties, "rootBlockDevice") or {}),
        *(
            (f"ebsBlockDevices[{number}]", device)
            for number, device in enumerate(_get(resource.properties, "ebsBlockDevices") or ())
        ),
    ]
    for name, device in devices:
        if device.get("encrypted") is not True:
            yield f"its volume {name} is not encrypted. Set encrypted to true"


def no_public_address(resource: Declared, config: Config) -> Iterator[str]:
    """No instance has a public address."""
    if resource.type == _INSTANCE and _get(resource.properties, "associatePublicIpAddress"):
        yield (
            "it gets a public address. Leave associatePublicIpAddress out, and let it reach Azure "
            "through a NAT gateway"
        )


def no_open_remote_access(resource: Declared, config: Config) -> Iterator[str]:
    """Nobody on the internet reaches RDP or SSH."""
    properties = resource.properties
    if resource.type != _INGRESS:
        return
    sources = [properties.get("cidrIpv4"), properties.get("cidrIpv6")]
    everybody = next((source for source in sources if source in _EVERYBODY), None)
    if everybody is None:
        return
    for port, service in _REMOTE_ACCESS.items():
        if _includes(properties, port):
            yield f"it opens {service} (port {port}) to {everybody}. Name the addresses that need it"


def allowed_regions(resource: Declared, config: Config) -> Iterator[str]:
    """Resources are in the allowed regions of both clouds. An empty list allows every region."""
    for key, allowed in (("location", config["azure"]), ("region", config["aws"])):
        place = resource.properties.get(key)
        if not isinstance(place, str) or not allowed:
            continue
        if _plain(place) not in map(_plain, allowed):
            yield f"it is in {place}. Use one of {', '.join(allowed)}"


def required_tags(resource: Declared, config: Config) -> Iterator[str]:
    """A vault and an instance have the required tags. Names of tags ignore case, as in Azure."""
    if resource.type not in (_INSTANCE, _VAULT):
        return
    tags = resource.properties.get("tags") or {}
    # Only the values of these tags are read: others may not be known yet in a preview.
    missing = [
        name
        for name in config["names"]
        if not any(tag.lower() == name.lower() and tags[tag] for tag in tags)
    ]
    if missing:
        part = "source" if resource.type == _INSTANCE else "target"
        yield f"it lacks the tags {', '.join(missing)}. Add them to {part}.tags"


def protected_vault(resource: Declared, config: Config) -> Iterator[str]:
    """A vault keeps what is deleted."""
    if resource.type != _VAULT:
        return
    security = _get(resource.properties, "properties", "securitySettings") or {}
    if _get(security, "softDeleteSettings", "softDeleteState") == "Disabled":
        yield "soft delete is off. Leave softDeleteState out, or set it to Enabled"


def tested_before_failover(resource: Declared, config: Config) -> Iterator[str]:
    """In the named stacks no wave fails over without a successful test failover."""
    if resource.type != _WAVE or not _matches(resource.stack, config["stacks"]):
        return
    phase = resource.properties.get("phase")
    required = _get(resource.properties, "convergence", "require_test_failover")
    if phase in _CANNOT_BE_UNDONE and required is False:
        yield (
            f"it goes to {phase} without a test failover. Leave requireTestFailover out of the wave "
            "and of convergence"
        )


def approved_before_failover(resource: Declared, config: Config) -> Iterator[str]:
    """In the named stacks nothing that cannot be undone happens without an approval of its wave."""
    if resource.type != _WAVE or not _matches(resource.stack, config["stacks"]):
        return
    due = _due(resource.properties)
    if due is None:
        return
    approval = _get(resource.properties, "guards", "approval")
    approved = _get(approval, "for")
    if approved is None:
        yield f"it goes to {due} without an approval. Add approval with by, ticket and for to the wave"
    elif approved != due and approved != "migrated":
        yield f"it goes to {due}, and {approved} is approved. Let {due} be approved too"


def _due(wave: Mapping[str, Any]) -> str | None:
    """The last phase that cannot be undone and that a run would take machines to; None if it takes none.

    Where the vault could not be read, it is the phase of the wave.
    """
    machines = _get(wave, "review", "machines")
    if not isinstance(machines, list | tuple):
        phase = wave.get("phase")
        return phase if phase in _CANNOT_BE_UNDONE else None
    planned = {each["operation"] for row in machines for each in row["operations"]}
    if "complete migration" in planned:
        return "migrated"
    return "failed-over" if "unplanned failover" in planned else None


def _includes(properties: Mapping[str, Any], port: int) -> bool:
    if properties.get("ipProtocol") == _ALL_PROTOCOLS:
        return True
    first, last = properties.get("fromPort"), properties.get("toPort")
    if not isinstance(first, int | float) or not isinstance(last, int | float):
        return False
    return first <= port <= last


def _matches(stack: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(stack, pattern) for pattern in patterns)


def _plain(region: str) -> str:
    """A region as both clouds compare it: `West Europe` is `westeurope`."""
    return region.replace(" ", "").lower()


def _get(value: Any, *keys: str) -> Any:
    """A part of a nested value; None if it is not there, or not known yet in this preview."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value
