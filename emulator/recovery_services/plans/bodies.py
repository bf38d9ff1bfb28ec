"""Request bodies of recovery plans, as in the published contract."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from emulator.recovery_services.wire.bodies import Body, ProviderPart

Direction = Literal["PrimaryToRecovery", "RecoveryToPrimary"]
FailoverType = Literal[
    "ReverseReplicate",
    "Commit",
    "PlannedFailover",
    "UnplannedFailover",
    "DisableProtection",
    "TestFailover",
    "TestFailoverCleanup",
    "Failback",
    "FinalizeFailback",
    "CancelFailover",
    "ChangePit",
    "RepairReplication",
    "SwitchProtection",
    "CompleteMigration",
]
PointType = Literal[
    "Latest", "LatestProcessed", "LatestCrashConsistent", "LatestApplicationConsistent"
]


class Member(Body):
    """A machine in a group; the service determines `virtualMachineId` by itself."""

    id: str = Field(min_length=1)
    virtual_machine_id: str | None = None


class Action(Body):
    """An action before or after a group; `custom_details` has its kind (`instanceType`)."""

    action_name: str = Field(min_length=1)
    failover_types: list[FailoverType] = Field(min_length=1)
    failover_directions: list[Direction] = Field(min_length=1)
    custom_details: ProviderPart


class ManualDetails(Body):
    """`ManualActionDetails`: a manual step; a person does it and then resumes the plan's job."""

    description: str | None = None


class ScriptDetails(Body):
    """`ScriptActionDetails`: a script beside a server."""

    path: str = Field(min_length=1)
    timeout: str | None = None
    fabric_location: Literal["Primary", "Recovery"]


class RunbookDetails(Body):
    """`AutomationRunbookActionDetails`: a runbook of Azure Automation."""

    runbook_id: str | None = None
    timeout: str | None = None
    fabric_location: Literal["Primary", "Recovery"]


class Group(Body):
    """One group of a plan."""

    group_type: Literal["Shutdown", "Failover", "Boot"]
    replication_protected_items: list[Member] | None = None
    start_group_actions: list[Action] | None = None
    end_group_actions: list[Action] | None = None


class CreateProperties(Body):
    """A new plan."""

    primary_fabric_id: str = Field(min_length=1)
    recovery_fabric_id: str = Field(min_length=1)
    failover_deployment_model: Literal["NotApplicable", "Classic", "ResourceManager"] | None = None
    groups: list[Group]
    provider_specific_input: list[dict[str, Any]] | None = None


class CreateBody(Body):
    """ReplicationRecoveryPlans_Create."""

    properties: CreateProperties


class UpdateProperties(Body):
    """The changes to a plan: a complete new list of groups, or nothing."""

    groups: list[Group] | None = None


class UpdateBody(Body):
    """ReplicationRecoveryPlans_Update."""

    properties: UpdateProperties = UpdateProperties()


class TestFailoverProperties(Body):
    """The request of a plan's test failover."""

    failover_direction: Direction
    network_type: str
    network_id: str | None = None
    provider_specific_details: list[ProviderPart] | None = Field(default=None, max_length=1)


class TestFailoverBody(Body):
    """ReplicationRecoveryPlans_TestFailover."""

    properties: TestFailoverProperties


class FailoverProperties(Body):
    """The request of a plan's unplanned failover."""

    failover_direction: Direction
    source_site_operations: Literal["Required", "NotRequired"]
    provider_specific_details: list[ProviderPart] | None = Field(default=None, max_length=1)


class FailoverBody(Body):
    """ReplicationRecoveryPlans_UnplannedFailover."""

    properties: FailoverProperties


class PlannedFailoverProperties(Body):
    """The request of a plan's planned failover."""

    failover_direction: Direction
    provider_specific_details: list[ProviderPart] | None = Field(default=None, max_length=1)


class PlannedFailoverBody(Body):
    """ReplicationRecoveryPlans_PlannedFailover."""

    properties: PlannedFailoverProperties


class FailoverPart(Body):
    """The provider-specific part of a failover request."""

    recovery_point_type: PointType
    use_multi_vm_sync_point: str | None = None
