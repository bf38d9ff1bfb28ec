"""Base of the Systems Manager types: their client, and tags, which have API calls of their
own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from emulator import partitions
from emulator.providers.aws import tags
from emulator.providers.aws.cloud import Cloud, code_of
from emulator.providers.errors import ProviderError
from emulator.providers.resource import ResourceType


class Tagged(ResourceType):
    """A type of Systems Manager.

    Attributes:
        kind: the service's `ResourceTypeForTagging`.
        gone: the error codes that mean that the resource does not exist.
        tagged_apart: a change of only these leaves the resource itself alone.
    """

    kind: ClassVar[str]
    gone: ClassVar[frozenset[str]]
    tagged_apart = frozenset({"tags", "tagsAll"})

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def client(self, known: Mapping[str, Any]) -> Any:
        """The client of the resource's region."""
        return self._cloud.client("ssm", known.get("region"))

    def arn(self, known: Mapping[str, Any], path: str) -> str:
        """The ARN of a resource in its region; `path` begins with its kind."""
        region = known.get("region") or self._cloud.region
        return partitions.arn("ssm", region, self._cloud.account, path)

    def region(self, known: Mapping[str, Any]) -> str:
        """The resource's region."""
        return known.get("region") or self._cloud.region

    def is_gone(self, error: ClientError) -> bool:
        """Whether an error means that the resource does not exist."""
        return code_of(error) in self.gone

    def required(self, resource_id: str, known: Mapping[str, Any]) -> dict[str, Any]:
        """The live state.

        Raises:
            ProviderError: there is none any more.
        """
        found = self.read(resource_id, known)
        if found is None:
            raise ProviderError(f"{self.kind} {resource_id} was deleted by someone else")
        return found[1]

    def differs(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
        """Whether anything but tags changes."""
        return any(
            inputs.get(name) != state.get(name)
            for name in self.inputs
            if name in inputs and name not in self.tagged_apart
        ) or any(
            state.get(name) not in (None, of.default, [], {})
            for name, of in self.inputs.items()
            if name not in inputs and not of.computed and name not in self.tagged_apart
        )

    def wanted_tags(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """`Tags` of a create call; the service refuses an empty list."""
        wanted = tags.wanted(self._cloud, inputs)
        return {"Tags": tags.to_list(wanted)} if wanted else {}

    def change_tags(
        self, resource_id: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> None:
        """AddTagsToResource and RemoveTagsFromResource."""
        before, after = state.get("tagsAll", {}), tags.wanted(self._cloud, inputs)
        of = {"ResourceType": self.kind, "ResourceId": resource_id}
        gone = [key for key in before if key not in after]
        if gone:
            self.client(inputs).remove_tags_from_resource(**of, TagKeys=gone)
        if after and after != before:
            self.client(inputs).add_tags_to_resource(**of, Tags=tags.to_list(after))

    def tag_outputs(self, resource_id: str, known: Mapping[str, Any]) -> dict[str, Any]:
        """`tags` and `tagsAll`, by ListTagsForResource."""
        live = self.client(known).list_tags_for_resource(
            ResourceType=self.kind, ResourceId=resource_id
        )
        return tags.outputs(self._cloud, tags.to_map(live["TagList"]), known.get("tags", {}))
