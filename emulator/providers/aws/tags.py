"""Tags: lists of keys and values in EC2, maps in programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.providers.aws.cloud import Cloud


def to_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as lists, for the services."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def to_map(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Tags as a map, without those that AWS itself sets."""
    return {tag["Key"]: tag["Value"] for tag in tags or () if not tag["Key"].startswith("aws:")}


def wanted(cloud: Cloud, inputs: Mapping[str, Any]) -> dict[str, str]:
    """All tags that a resource should have: the provider's default tags, overridden by its own."""
    return {**cloud.default_tags, **inputs.get("tags", {})}


def outputs(cloud: Cloud, live: Mapping[str, str], declared: Mapping[str, str]) -> dict[str, Any]:
    """The outputs `tags` and `tagsAll` for the tags that a resource has.

    A tag that equals a default tag counts as the provider's, unless the program declares it too.
    """
    defaults = cloud.default_tags
    own = {k: v for k, v in live.items() if k in declared or defaults.get(k) != v}
    return {"tags": own, "tagsAll": dict(live)}


def specification(kind: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """The `TagSpecifications` of an EC2 call; EC2 refuses an empty one."""
    return [{"ResourceType": kind, "Tags": to_list(tags)}] if tags else []


def change(ec2: Any, resource_id: str, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Change the tags of an EC2 resource."""
    gone = [key for key in old if key not in new]
    if gone:
        ec2.delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in gone])
    changed = {key: value for key, value in new.items() if old.get(key) != value}
    if changed:
        ec2.create_tags(Resources=[resource_id], Tags=to_list(changed))
