"""The replication policy, and its mapping to the server's protection container."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pulumi

from components.sdk import recoveryservices
from dynamic_providers.container_mapping import ProtectionContainerMapping
from settings import Replication
from site_recovery.azure.experiences.registry import EXPERIENCES
from site_recovery.fleet import ExperienceName

_MULTI_VM_SYNC = "true"
"""Machines of a wave get recovery points of the same moment. InMageRcm expects a boolean as text."""


@dataclass(frozen=True)
class ReplicationSettingsArgs:
    """The inputs of the policy and its mapping.

    Attributes:
        experience: `classic` or `modernized`.
        policy_name: the name of the policy in the vault, and of the mapping.
        resource_group_name: the vault's resource group.
        vault_name: the vault.
        container_id: the registered server's protection container.
        replication: retention and frequencies.
        poll: the time between two polls of the vault.
    """

    experience: ExperienceName
    policy_name: str
    resource_group_name: pulumi.Input[str]
    vault_name: pulumi.Input[str]
    container_id: pulumi.Input[str]
    replication: Replication
    poll: timedelta


class ReplicationSettings(pulumi.ComponentResource):
    """A policy and the mapping that lets machines of the container use it.

    The mapping is not an azure-native resource, because azure-native deletes by HTTP DELETE, which
    Site Recovery treats as a purge.

    Attributes:
        policy_id: the policy's ARM id.
        mapping: machines can be protected only once it exists.
    """

    policy_id: pulumi.Output[str]
    mapping: ProtectionContainerMapping

    def __init__(
        self, name: str, args: ReplicationSettingsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ec2-to-azure:components:ReplicationSettings", name, None, opts)
        policy = recoveryservices.ReplicationPolicy(
            "policy",
            policy_name=args.policy_name,
            resource_group_name=args.resource_group_name,
            resource_name_=args.vault_name,
            properties=recoveryservices.CreatePolicyInputPropertiesArgs(
                provider_specific_input=_policy(args.experience, args.replication)
            ),
            # Policy and mapping cannot be replaced while machines use them: a renamed stack keeps
            # both.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["policyName"]),
        )
        self.policy_id = policy.id
        self.mapping = ProtectionContainerMapping(
            "mapping",
            container_id=args.container_id,
            policy_id=policy.id,
            mapping_name=args.policy_name,
            experience=args.experience,
            poll_seconds=args.poll.total_seconds(),
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["mapping_name"]),
        )
        self.register_outputs({"policyId": self.policy_id})


def _policy(experience: ExperienceName, replication: Replication) -> Any:
    instance_type = EXPERIENCES[experience].instance_type
    if experience == "modernized":
        return recoveryservices.InMageRcmPolicyCreationInputArgs(
            instance_type=instance_type,
            recovery_point_history_in_minutes=replication.recovery_point_retention_hours * 60,
            app_consistent_frequency_in_minutes=replication.app_consistent_frequency_minutes,
            crash_consistent_frequency_in_minutes=replication.crash_consistent_frequency_minutes,
            enable_multi_vm_sync=_MULTI_VM_SYNC,
        )
    return recoveryservices.InMageAzureV2PolicyInputArgs(
        instance_type=instance_type,
        recovery_point_history=replication.recovery_point_retention_hours * 60,
        app_consistent_frequency_in_minutes=replication.app_consistent_frequency_minutes,
        crash_consistent_frequency_in_minutes=replication.crash_consistent_frequency_minutes,
        recovery_point_threshold_in_minutes=replication.recovery_point_threshold_minutes,
        multi_vm_sync_status=recoveryservices.SetMultiVmSyncStatus.ENABLE,
    )
