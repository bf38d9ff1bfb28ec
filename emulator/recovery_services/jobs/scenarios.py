"""Every kind of job that the service has, with its tasks and the time that it takes.

Names, tasks and times are as recorded (azure-powershell's `AsrV2ATests` and `AsrV2ARCMTests`,
azure-cli's site-recovery recordings). What was not recorded is marked [inferred]. Times are in
seconds of service time; a run varies.
"""

from __future__ import annotations

from dataclasses import replace

from emulator.recovery_services.jobs.scenario import Scenario, Task

MODERNIZED = "modernized"
"""The variant of a scenario that differs for machines of the modernized experience."""

DISCOVER = Scenario(
    "DiscoverPhysicalMachine",
    "Add physical machine",
    35,
    (Task("DiscoverPhysicalMachineTask", "Adding physical machine"),),
    target="ProtectionContainer",
    workflow=False,
    lead=-30,
)

_INSTALL = Task(
    "CreateProtectionTargetTask",
    "Installing Mobility Service and preparing target",
    "CreateProtectionTarget",
    seconds=51,
)
# The recorded machine had its agent and took 65 s; here the agent may have to be pushed, which
# takes minutes [inferred].
ENABLE = Scenario(
    "EnableDr",
    "Enable replication",
    480,
    (
        Task(
            "EnableProtectionPreflightChecksTask",
            "Prerequisites check for enabling protection",
            "EnableProtectionPrerequisitesCheck",
            seconds=3,
        ),
        _INSTALL,
        Task("EnableProtectionTask", "Enable replication", "EnableProtection", seconds=7),
        Task(
            "StartInitialReplicationTask",
            "Starting initial replication",
            "VmStartInitialReplication",
            seconds=3,
        ),
        Task("UpdateDraStateTask", "Updating the provider states", "UpdateDraState"),
    ),
    cancellable=True,
)
ENABLE_MODERNIZED = replace(
    ENABLE,
    variant=MODERNIZED,
    seconds=1650,
    jitter=0.05,
    tasks=tuple(
        replace(task, friendly="Installing Mobility Service and enabling replication")
        if task == _INSTALL
        else task
        for task in ENABLE.tasks
    ),
)
COMPLETE_ON_PRIMARY = Scenario(
    "PrimaryIrCompletion",
    "Finalize protection on the primary virtual machine",
    1,
    (Task("PrimaryIrCompletionTask", "Completing initial replication"),),  # [inferred]
    lead=0,
)
COMPLETE_ON_RECOVERY = Scenario(
    "SecondaryIrCompletion",
    "Finalize protection on the recovery virtual machine",
    3,
    (Task("SecondaryIrCompletionTask", "Completing initial replication"),),  # [inferred]
    lead=0,
)
UPDATE = Scenario(
    "UpdateVmProperties",
    "Update the virtual machine",
    3.5,
    (
        Task(
            "",
            "Update the virtual machine properties",
            "UpdateVmPropertiesTask",
            waits=True,
        ),
    ),
    lead=0,
)

_PREPARE_TEST = Task(
    "PrepareTestProtectedEntitiesTask",
    "Creating test virtual machine",
    "VmTfoPrepareTestVm",
    seconds=36,
)
TEST_FAILOVER = Scenario(
    "TestFailover",
    "Test failover",
    240,
    (
        Task(
            "TestFailoverPreflightChecksTask",
            "Prerequisites check for test failover",
            "VmTfoPrerequisitesCheck",
            seconds=7,
            restarts=True,
        ),
        Task(
            "BeginTestFailoverTask",
            "Starting test failover",
            "VmTfoInitiateFailover",
            seconds=160,
        ),
        _PREPARE_TEST,
        Task(
            "BootTestProtectedEntitiesTask",
            "Start the virtual machine",
            "VmTfoBootTestVm",
            ends_early=True,
        ),
    ),
    details="TestFailoverJobDetails",
    cancellable=True,
)
TEST_FAILOVER_MODERNIZED = replace(
    TEST_FAILOVER,
    variant=MODERNIZED,
    seconds=472,
    jitter=0.05,
    tasks=(
        TEST_FAILOVER.tasks[0],
        replace(TEST_FAILOVER.tasks[1], seconds=429),
        _PREPARE_TEST,
        replace(TEST_FAILOVER.tasks[3], ends_early=False),
    ),
)
TEST_FAILOVER_CLEANUP = Scenario(
    "TestFailoverCleanup",
    "Test failover cleanup",
    163,
    (
        Task(
            "TestFailoverCleanupPreflightChecksTask",
            "Prerequisites check for test failover cleanup",
            "VmTfoCleanupPreflightsCheck",
        ),
        Task("EndTestFailoverTask", "Ending test failover", "VmTfoEndFailover"),
        Task(
            "CleanupTestProtectedEntitiesTask",
            "Clean up the test virtual machine",
            "VmTfoDeleteTestVm",
            seconds=100,
        ),
    ),
    details="TestFailoverJobDetails",
    cancellable=True,
)
TEST_FAILOVER_CLEANUP_MODERNIZED = replace(
    TEST_FAILOVER_CLEANUP,
    variant=MODERNIZED,
    seconds=106,
    tasks=(
        replace(TEST_FAILOVER_CLEANUP.tasks[0], ends_early=True, corrected=True),
        *TEST_FAILOVER_CLEANUP.tasks[1:],
    ),
)

_FAILOVER_CHECK = Task(
    "UnplannedFailoverPreflightChecksTask",
    "Prerequisites check for failover",
    "VmUfoPrerequisitesCheck",
    seconds=3,
)
_SHUT_DOWN = Task(
    "ShutdownVmOnPrimaryForUFO",
    "Shut down the virtual machine",
    "VmShutdownVmOnPrimary",
    seconds=5,
    asked="shutdown",
)
_FAIL_OVER = Task("FailoverTask", "Start failover", "VmFailover", seconds=70)
FAILOVER = Scenario(
    "UnplannedFailover",
    "Failover",
    105,
    (
        _FAILOVER_CHECK,
        _SHUT_DOWN,
        Task(
            "PrepareForUnPlannedFailoverTask",
            "Synchronizing the latest changes",
            "VmPrepareForUnPlannedFailover",
            seconds=5,
            asked="shutdown",
        ),
        _FAIL_OVER,
        Task(
            "StartVmOnSecondary",
            "Start the replica virtual machine",
            "VmFoStartVmOnSecondary",
            seconds=30,
        ),
    ),
    details="FailoverJobDetails",
    cancellable=True,
    fails_at=-2,
    restartable=False,
)
FAILOVER_MODERNIZED = replace(
    FAILOVER,
    variant=MODERNIZED,
    seconds=468,
    tasks=(
        _FAILOVER_CHECK,
        _SHUT_DOWN,
        replace(_FAIL_OVER, seconds=428),
        Task(
            "StartVmOnSecondary",
            "Starting Azure virtual machine",
            "VmFoStartVmOnSecondary",
            seconds=37,
        ),
    ),
)
COMMIT = Scenario(
    "CommitFailover",
    "Commit",
    1.1,
    (
        Task("", "Prerequisite check", "VmCommitPrerequisitesCheck"),
        Task("", "Commit", "VmCommit"),
    ),
    lead=0,
    cancellable=True,
    restartable=False,
)
FINALIZE_FAILBACK = Scenario(
    "FinalizeFailback",
    "Commit",
    1,
    (
        Task(
            "FinalizeRestoreOnRecovery",
            "Finalizing restore on the recovery virtual machine",
        ),
        Task(
            "FinalizeRestoreOnPrimary",
            "Finalizing restore on the primary virtual machine",
        ),
    ),
    lead=0,
    cancellable=True,
    restartable=False,
)
CHANGE_POINT = Scenario(
    "ApplyRecoveryPoint",  # [inferred]
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
    235,
    (
        Task("DisableProtectionOnPrimaryTask", "Disabling protection on the source"),
        Task("DisableDrTask", "Removing the virtual machine from replication"),
    ),
)
DISABLE_MODERNIZED = replace(DISABLE, variant=MODERNIZED, seconds=90)
PURGE = Scenario(
    "PurgeVm",
    "Remove replicated item",
    15,
    (Task("PurgeVmTask", "Removing the replicated item"),),
)
SAVE_POLICY = Scenario(
    "AddProtectionProfile",
    "Create replication policy",
    0.5,
    (
        Task(
            "AddProtectionProfilePreflightsCheckTask",
            "Prerequisites check for creating the replication policy",
        ),
        Task("AddProtectionProfileTask", "Creating the replication policy"),
    ),
    target="ProtectionProfile",
    workflow=False,
    lead=0,
)
UPDATE_POLICY = Scenario(
    "ModifyProtectionProfile",
    "Update replication policy",
    0.5,
    (Task("ModifyProtectionProfileTask", "Updating the replication policy"),),  # [inferred]
    target="ProtectionProfile",
    workflow=False,
    lead=0,
)
DELETE_POLICY = Scenario(
    "RemoveProtectionProfile",
    "Delete replication policy",
    0.5,
    (Task("RemoveProtectionProfileTask", "Deleting the replication policy"),),  # [inferred]
    target="ProtectionProfile",
    workflow=False,
    lead=0,
)
SAVE_PLAN = Scenario(
    "SaveRecoveryPlan",
    "Save a recovery plan",
    0.3,
    (Task("", "Save a recovery plan task", "SaveRecoveryPlanTask"),),
    target="RecoveryPlan",
    workflow=False,
    lead=0,
)
UPDATE_PLAN = Scenario(
    "UpdateRecoveryPlan",  # [inferred]
    "Update recovery plan",
    0.3,
    (Task("UpdateRecoveryPlanTask", "Updating the recovery plan"),),
    target="RecoveryPlan",
    workflow=False,
    lead=0,
)
DELETE_PLAN = Scenario(
    "DeleteRecoveryPlan",  # [inferred]
    "Delete recovery plan",
    0.3,
    (Task("DeleteRecoveryPlanTask", "Deleting the recovery plan"),),
    target="RecoveryPlan",
    workflow=False,
    lead=0,
)
# 0.5 s in 2021 and 5 s in 2023, where the operation had not started at the first poll.
PAIR = Scenario(
    "AssociateProtectionProfile",
    "Associate replication policy",
    5,
    (
        Task(
            "CloudPairingWfPreflightChecksTask",
            "Check protection prerequisites",
            "CloudPairingPrerequisitesCheck",
        ),
        Task("CloudPairingWfPrepareSiteTask", "Prepare the server", "CloudPairingPrepareSite"),
        Task(
            "CloudPairingWfPrepareCloudForPairingTask",
            "Prepare for configuring protection",
            "CloudPairingPrepareCloud",
        ),
        Task(
            "CloudPairingWfPairCloudsTask",
            "Configure the protection settings",
            "CloudPairingPairClouds",
        ),
    ),
    target="ProtectionProfile",
    lead=0,
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
    (Task("UnpairCloudTask", "Dissociating the replication policy"),),  # [inferred]
    target="ProtectionProfile",
    lead=5,
)
PURGE_PAIR = Scenario(
    "PurgeCloudPairing",  # [inferred]
    "Remove replication policy association",
    10,
    (Task("PurgeCloudPairingTask", "Removing the association"),),
    target="ProtectionProfile",
    lead=5,
)
REMOVE_SERVER = Scenario(
    "DeleteServer",  # [inferred]
    "Delete configuration server",
    45,
    (Task("DeleteServerTask", "Deleting the configuration server"),),
    target="Server",
)
PURGE_SERVER = Scenario(
    "PurgeServer",  # [inferred]
    "Remove configuration server",
    15,
    (Task("PurgeServerTask", "Removing the configuration server"),),
    target="Server",
)
REFRESH_SERVER = Scenario(
    "RefreshFabricLayout",
    "Refresh server details",
    0.7,
    (
        Task("RefreshFabricLayoutPreflightChecksTask", "Prerequisites check for refresh"),
        Task("RefreshFabricLayoutTask", "Getting details from server"),
    ),
    target="Server",
    workflow=False,
    lead=0,
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
    scenario.key: scenario
    for scenario in (
        DISCOVER,
        ENABLE,
        ENABLE_MODERNIZED,
        COMPLETE_ON_PRIMARY,
        COMPLETE_ON_RECOVERY,
        UPDATE,
        TEST_FAILOVER,
        TEST_FAILOVER_MODERNIZED,
        TEST_FAILOVER_CLEANUP,
        TEST_FAILOVER_CLEANUP_MODERNIZED,
        FAILOVER,
        FAILOVER_MODERNIZED,
        COMMIT,
        FINALIZE_FAILBACK,
        CHANGE_POINT,
        DISABLE,
        DISABLE_MODERNIZED,
        PURGE,
        SAVE_POLICY,
        UPDATE_POLICY,
        DELETE_POLICY,
        SAVE_PLAN,
        UPDATE_PLAN,
        DELETE_PLAN,
        PAIR,
        UPDATE_PAIR,
        UNPAIR,
        PURGE_PAIR,
        REMOVE_SERVER,
        PURGE_SERVER,
        REFRESH_SERVER,
        REFRESH_HEALTH,
        EXPORT_JOBS,
        CANCEL_JOB,
        RESTART_JOB,
        RESUME_JOB,
    )
}
"""Every scenario by its name and variant."""

MODERNIZED_SCENARIOS = {
    scenario.name: scenario for scenario in SCENARIOS.values() if scenario.variant == MODERNIZED
}
"""Those that differ for machines of the modernized experience, by name."""
