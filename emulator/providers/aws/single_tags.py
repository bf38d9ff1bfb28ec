"""One tag on an EC2 resource that the program does not manage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.providers.aws.cloud import Cloud
from emulator.providers.aws.common import REGION
from emulator.providers.resource import ResourceType
from emulator.providers.schema import Property


class Tag(ResourceType):
    """`aws:ec2/tag:Tag`; its id is `<resource id>,<key>`, as in the real provider."""

    token = "aws:ec2/tag:Tag"  # noqa: S105 (a type token)
    inputs: Mapping[str, Property] = {
        "key": Property(required=True, replace=True),
        "resourceId": Property(required=True, replace=True),
        "value": Property(required=True),
        "region": REGION,
    }

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def create(self, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """CreateTags."""
        return f"{inputs['resourceId']},{inputs['key']}", self._set(inputs)

    def read(self, resource_id: str, state: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """DescribeTags."""
        resource, _, key = resource_id.partition(",")
        filters = [
            {"Name": "resource-id", "Values": [resource]},
            {"Name": "key", "Values": [key]},
        ]
        found = self._ec2(state).describe_tags(Filters=filters)["Tags"]
        if not found:
            return None
        return resource_id, {
            "key": key,
            "resourceId": resource,
            "value": found[0]["Value"],
            "region": state.get("region") or self._cloud.region,
        }

    def update(
        self, resource_id: str, state: Mapping[str, Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """CreateTags, which overwrites."""
        return self._set(inputs)

    def delete(self, resource_id: str, state: Mapping[str, Any]) -> None:
        """DeleteTags, even if someone changed the tag's value."""
        ec2 = self._ec2(state)
        ec2.delete_tags(Resources=[state["resourceId"]], Tags=[{"Key": state["key"]}])

    def _set(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        self._ec2(inputs).create_tags(
            Resources=[inputs["resourceId"]],
            Tags=[{"Key": inputs["key"], "Value": inputs["value"]}],
        )
        return {
            **{name: inputs[name] for name in ("key", "resourceId", "value")},
            "region": inputs.get("region") or self._cloud.region,
        }

    def _ec2(self, known: Mapping[str, Any]) -> Any:
        return self._cloud.client("ec2", known.get("region"))
