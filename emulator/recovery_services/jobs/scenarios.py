"""What a job is made of: the scenarios of the service, their tasks and how long they take.

Names of scenarios and tasks are as recorded (azure-powershell's `AsrV2ATests`, azure-cli's
site-recovery recordings); those that were not recorded are marked [inferred], and so are the
friendly names of tasks. Durations are typical, in seconds of service time; a run varies.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One step of a job. `backdated`: its recorded end lies before its start."""

    name: str
    friendly: str
    backdated: bool = False


@dataclass(frozen=True)
class Scenario:
    """One kind of job.

    Attributes:
        name: `scenarioName`.
        friendly: `friendlyName`.
        seconds: how long it takes, give or take `jitter` of it.
        tasks: its steps in order.
        target: `targetInstanceType`.
        details: `customDetails.instanceType`.
        workflow: whether `x-ms-request-id` names the job, as it does for long operations only.
        lead: seconds by which the tasks are done before the job says so (negative: after it).
        waits: seconds for which the operation is `NotStarted`.
        cancellable: whether `Cancel` is allowed while it runs.
    """

    name: str
    friendly: str
    seconds: float
    tasks: tuple[Task, ...]
    target: str = "ProtectionEntity"
    details: str = "AsrJobDetails"
    workflow: bool = True
    jitter: float = 0.1
    lead: float = 30.0
    waits: float = 0.0
    cancellable: bool = False


DISCOVER = Scenario(
    "DiscoverPhysicalMachine",
    "Add physical machine",
    35,
    (Task("DiscoverPhysicalMachineTask", "Adding physical machine"),),
    target="ProtectionContainer",
    workflow=False,
    lead=-30,
)
ENABLE = Scenario(
    "EnableDr",
    "Enable replication",
    480,
    (
        Task("EnableProtectionPrerequisitesCheckTask", "Prerequisites check for enabling"),
        Task("InstallMobilityServiceTask", "Installing Mobility Service and preparing target"),
        Task("EnableDrTask", "Enable replication"),
        Task("StartInitialReplicationTask", "Starting initial replication"),
        Task("UpdateReplicationProtectedItemTask", "Updating the provider states"),
    ),
    cancellable=True,
)
FINALIZE = Scenario(
    "IrCompletion",
    "Finalize protection on the recovery virtual machine",
    60,
    (Task("IrCompletionTask", "Completing initial replication"),),
)
UPDATE = Scenario(
    "UpdateVmProperties",
    "Update the virtual machine",
    20,
    (Task("UpdateVmPropertiesTask", "Updating the virtual machine properties"),),
    workflow=False,
)
TEST_FAILOVER = Scenario(
    "TestFailover",
    "Test failover",
    240,
    (
        Task("TestFailoverPreflightChecksTask", "Prerequisites check for test failover"),
        Task("BeginTestFailoverTask", "Create test environment"),
        Task("PrepareTestProtectedEntitiesTask", "Create test virtual machine"),
        Task("BootTestProtectedEntitiesTask", "Start the virtual machine", backdated=True),
    ),
    details="TestFailoverJobDetails",
    cancellable=True,
)
TEST_FAILOVER_CLEANUP = Scenario(
    "TestFailoverCleanup",
    "Test failover cleanup",
    163,
    (
        Task("TestFailoverCleanupPreflightChecksTask", "Prerequisites check for clean-up"),
        Task("EndTestFailoverTask", "Completing test failover"),
        Task("CleanupTestProtectedEntitiesTask", "Clean up test virtual machine"),
    ),
)
FAILOVER = Scenario(
    "UnplannedFailover",
    "Failover",
    105,
    (
        Task("UnplannedFailoverPreflightChecksTask", "Prerequisites check for failover"),
        Task("ShutdownVmOnPrimaryForUFO", "Shut down the virtual machine"),
        Task("PrepareForUnPlannedFailoverTask", "Synchronizing the latest changes"),
        Task("FailoverTask", "Start failover"),
        Task("StartVmOnSecondary", "Start the replica virtual machine"),
    ),
    details="FailoverJobDetails",
    cancellable=True,
)
COMMIT = Scenario(
    "CommitFailover",
    "Commit",
    2,
    (
        Task("VmCommitPrerequisitesCheck", "Prerequisites check for commit"),
        Task("VmCommit", "Commit"),
    ),
)
CHANGE_POINT = Scenario(
    "ApplyRecoveryPoint",
    "Change recovery point",
    110,
    (
        Task("ApplyRecoveryPointPreflightChecksTask", "Prerequisites check"),
        Task("ApplyRecoveryPointTask", "Changing the recovery point"),
    ),
)
DISABLE = Scenario(
    "DisableDr",
    "Disable replication",
    90,
    (
        Task("DisableProtectionOnPrimaryTask", "Disabling protection on the source"),
        Task("DisableDrTask", "Removing the virtual machine from replication"),
    ),
)
PURGE = Scenario(
    "PurgeVm",
    "Remove replicated item",
    15,
    (Task("PurgeVmTask", "Removing the replicated item"),),
)
SAVE_POLICY = Scenario(
    "SaveProtectionProfile",
    "Create replication policy",
    1,
    (Task("SaveProtectionProfileTask", "Creating the replication policy"),),
    target="ProtectionProfile",
    workflow=False,
    lead=0,
)
UPDATE_POLICY = Scenario(
    "UpdateProtectionProfile",
    "Update replication policy",
    1,
    (Task("UpdateProtectionProfileTask", "Updating the replication policy"),),
    target="ProtectionProfile",
    workflow=False,
    lead=0,
)
DELETE_POLICY = Scenario(
    "DeleteProtectionProfile",
    "Delete replication policy",
    1,
    (Task("DeleteProtectionProfileTask", "Deleting the replication policy"),),
    target="ProtectionProfile",
    workflow=False,
    lead=0,
)
SAVE_PLAN = Scenario(
    "AddRecoveryPlan",
    "Create recovery plan",
    1,
    (Task("AddRecoveryPlanTask", "Creating the recovery plan"),),
    target="RecoveryPlan",
    workflow=False,
    lead=0,
)
UPDATE_PLAN = Scenario(
    "UpdateRecoveryPlan",
    "Update recovery plan",
    1,
    (Task("UpdateRecoveryPlanTask", "Updating the recovery plan"),),
    target="RecoveryPlan",
    workflow=False,
    lead=0,
)
DELETE_PLAN = Scenario(
    "DeleteRecoveryPlan",
    "Delete recovery plan",
    1,
    (Task("DeleteRecoveryPlanTask", "Deleting the recovery plan"),),
    target="RecoveryPlan",
    workflow=False,
    lead=0,
)
PAIR = Scenario(
    "AssociateProtectionProfile",
    "Associate replication policy",
    25,
    (Task("PairCloudTask", "Associating the replication policy"),),
    target="ProtectionContainer",
    lead=5,
    waits=3,
)
UPDATE_PAIR = Scenario(
    "UpdateProtectionContainerMapping",  # [inferred]
    "Update replication policy association",
    15,
    (Task("UpdateProtectionContainerMappingTask", "Updating the association"),),
    target="ProtectionContainer",
    workflow=False,
    lead=5,
)
UNPAIR = Scenario(
    "DissociateProtectionProfile",
    "Dissociate replication policy",
    20,
    (Task("UnpairCloudTask", "Dissociating the replication policy"),),
    target="ProtectionContainer",
    lead=5,
)
PURGE_PAIR = Scenario(
    "PurgeCloudPairing",
    "Remove replication policy association",
    10,
    (Task("PurgeCloudPairingTask", "Removing the association"),),
    target="ProtectionContainer",
    lead=5,
)
REMOVE_SERVER = Scenario(
    "DeleteServer",
    "Delete configuration server",
    45,
    (Task("DeleteServerTask", "Deleting the configuration server"),),
    target="Server",
)
PURGE_SERVER = Scenario(
    "PurgeServer",
    "Remove configuration server",
    15,
    (Task("PurgeServerTask", "Removing the configuration server"),),
    target="Server",
)
REFRESH_SERVER = Scenario(
    "RefreshServer",
    "Refresh configuration server",
    30,
    (Task("RefreshServerTask", "Refreshing the configuration server"),),
    target="Server",
)
REFRESH_HEALTH = Scenario(
    "RefreshVaultHealth",
    "Refresh vault health",
    1,
    (Task("RefreshFailoverHealthTask", "Refreshing failover health"),),
    target="Vault",
    workflow=False,
    lead=0,
)
EXPORT_JOBS = Scenario(
    "ExportJobs",
    "Export jobs",
    1,
    (Task("ExportJobsTask", "Exporting jobs"),),
    target="Other",
    details="ExportJobDetails",
    workflow=False,
    lead=0,
)
CANCEL_JOB = Scenario(
    "CancelJob",
    "Cancel job",
    10,
    (Task("CancelWfTask", "Cancelling job"),),
    workflow=False,
    lead=5,
)
RESTART_JOB = Scenario(
    "RestartJob",
    "Restart job",
    2,
    (Task("RemediateWfTask", "Restarting job"),),
    workflow=False,
    lead=0,
)
RESUME_JOB = Scenario(
    "ResumeJob",
    "Resume job",
    2,
    (Task("ResumeWfTask", "Resuming job"),),
    workflow=False,
    lead=0,
)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        *(DISCOVER, ENABLE, FINALIZE, UPDATE, TEST_FAILOVER, TEST_FAILOVER_CLEANUP, FAILOVER),
        *(COMMIT, CHANGE_POINT, DISABLE, PURGE, SAVE_POLICY, UPDATE_POLICY, DELETE_POLICY),
        *(PAIR, UPDATE_PAIR, UNPAIR, PURGE_PAIR, REMOVE_SERVER, PURGE_SERVER, REFRESH_SERVER),
        *(REFRESH_HEALTH, CANCEL_JOB, RESTART_JOB, RESUME_JOB),
        EXPORT_JOBS,
        *(SAVE_PLAN, UPDATE_PLAN, DELETE_PLAN),
    )
}
