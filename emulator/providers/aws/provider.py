"""The `aws` provider: its types and functions over one AWS."""

from __future__ import annotations

from typing import Any

from emulator.providers.aws import (
    cloud,
    functions,
    iam,
    instances,
    secrets,
    security_groups,
    single_tags,
    systems_manager,
)
from emulator.providers.errors import ProviderError
from emulator.providers.provider import StandInProvider


class AwsProvider(StandInProvider):
    """Stands in for `pulumi-aws`."""

    def __init__(self) -> None:
        self._cloud = cloud.Cloud()
        kinds = (
            security_groups.SecurityGroup,
            security_groups.IngressRule,
            security_groups.EgressRule,
            security_groups.InterfaceAttachment,
            instances.Instance,
            single_tags.Tag,
            iam.Role,
            iam.RolePolicy,
            iam.RolePolicyAttachment,
            iam.InstanceProfile,
            secrets.Secret,
            secrets.SecretVersion,
            secrets.SecretPolicy,
            systems_manager.Parameter,
            systems_manager.Document,
            systems_manager.Association,
        )
        super().__init__(
            "aws",
            cloud.CONFIGURABLE,
            [kind(self._cloud) for kind in kinds],
            functions.table(self._cloud),
        )

    def use(self, config: dict[str, Any]) -> None:
        """Take region, credentials and default tags."""
        self._cloud.use(config)

    def explain(self, error: Exception) -> ProviderError | None:
        """An error of boto3, in one line."""
        return cloud.explain(error)
