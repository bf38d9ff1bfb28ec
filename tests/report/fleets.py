"""Stacks as their record and their vault show them, of any size and in every state."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from report import record
from report.live import Live, key
from report.model import Report, report
from report.prices import Prices
from report.record import StackRecord
from site_recovery.declared.tags import TAG_INSTANCE
from site_recovery.jobs import Job, ServiceError
from site_recovery.snapshot import ProtectedItem, Snapshot, VirtualMachine

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
_GROUP = "/subscriptions/1/resourceGroups"
_VAULT = f"{_GROUP}/rg/providers/Microsoft.RecoveryServices/vaults/rsv"
CONTAINER = f"{_VAULT}/replicationFabrics/f/replicationProtectionContainers/c"
_VMS = f"{_GROUP}/rg-machines/providers/Microsoft.Compute/virtualMachines"
_LANDING_ZONE = {
    "resource_group_id": f"{_GROUP}/rg-machines",
    "network_id": "n",
    "subnet_name": "s",
    "test_network_id": "t",
    "storage_account_id": "a",
}
PRICES = Prices.model_validate(
    {
        "currency": "EUR",
        "replication": {"perMachineMonth": 25},
        "virtualMachines": {"Standard_D2s_v5": 0.1},
    }
)


def wave_resource(
    name: str, phase: str, machines: Iterable[str], /, **outputs: Any
) -> dict[str, Any]:
    """A wave as a stack exports it. A machine's instance is `i-` and its name."""
    return {
        "type": "pulumi-python:dynamic/asr:Wave",
        "urn": f"urn:pulumi:dev::ec2-to-azure::Wave::{name}",
        "outputs": {
            "experience": "modernized",
            "vault_id": _VAULT,
            "container_id": CONTAINER,
            "machines_site_id": "site",
            "landing_zone": _LANDING_ZONE,
            "phase": phase,
            "machines": {
                machine: {
                    "instance_id": f"i-{machine}",
                    "private_ip": "10.0.0.4",
                    "platform": "linux",
                    "target": {},
                }
                for machine in machines
            },
            "convergence": {"require_test_failover": True},
            **outputs,
        },
    }


def item_resource(name: str, phase: str, **outputs: Any) -> dict[str, Any]:
    """The record of a machine as a stack exports it."""
    empty = dict.fromkeys(("item_id", "azure_vm_id", "test_vm_id", "last_test_failover"), "")
    return {
        "type": "pulumi-python:dynamic/asr:Machine",
        "urn": f"urn:pulumi:dev::ec2-to-azure::Machine::{name}",
        "outputs": {"name": name, "observed_phase": phase, "health": "Normal", **empty, **outputs},
    }


def recorded(*resources: Mapping[str, Any], **deployment: Any) -> StackRecord:
    """The record of stack `dev`."""
    return record.read(
        "dev",
        {
            "manifest": {"time": "2026-03-20T11:00:00+00:00"},
            "resources": list(resources),
            **deployment,
        },
    )


@dataclass
class Vault:
    """A vault to which machines are added; the vault's time is `NOW`."""

    items: list[ProtectedItem] = field(default_factory=list)
    machines: list[VirtualMachine] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)

    def ran(
        self, target: str, scenario: str, ago: float, took: float | None, *errors: ServiceError
    ) -> None:
        """Add a job.

        Args:
            target: the machine or recovery plan.
            scenario: its kind.
            ago: hours since its start.
            took: minutes; None while it runs.
            errors: with which it failed.
        """
        started = NOW - timedelta(hours=ago)
        state = "InProgress" if took is None else "Failed" if errors else "Succeeded"
        name = f"job-{len(self.jobs)}"
        ended = None if took is None else started + timedelta(minutes=took)
        job = Job(f"{_VAULT}/replicationJobs/{name}", name, scenario, state, target, errors)
        self.jobs.append(Job(**{**vars(job), "started": started, "ended": ended}))

    def replicates(self, name: str, *allowed: str, **values: Any) -> None:
        """Add a protected item."""
        self.items.append(
            ProtectedItem(
                f"{CONTAINER}/replicationProtectedItems/{name}",
                name,
                friendly_name=name,
                provider="InMageRcm",
                tags={TAG_INSTANCE: f"i-{name}"},
                allowed_operations=frozenset(allowed),
                **{"health": "Normal", **values},
            )
        )

    def runs(self, name: str, of: str, size: str = "Standard_D2s_v5") -> None:
        """Add a virtual machine in Azure."""
        self.machines.append(
            VirtualMachine(f"{_VMS}/{name}", name, {TAG_INSTANCE: f"i-{of}"}, size=size)
        )

    def seen(self, record: StackRecord) -> Live:
        """What a look at it shows."""
        newest = sorted(self.jobs, key=lambda job: str(job.started), reverse=True)
        snapshot = Snapshot(
            items=tuple(self.items),
            provider="InMageRcm",
            virtual_machines=tuple(self.machines),
            jobs={job.name: job for job in newest},
        )
        return Live({key(wave.site): snapshot for wave in record.waves}, NOW)


def protected(vault: Vault, name: str, days: float, **values: Any) -> None:
    """A machine that replicates and whose initial replication is done."""
    vault.ran(name, "EnableDr", 24 * days, 27)
    vault.ran(name, "SecondaryIrCompletion", 24 * days - 3 - len(vault.jobs) % 7, 0.1)
    vault.replicates(
        name,
        *("TestFailover", "UnplannedFailover", "DisableProtection"),
        **{"rpo": timedelta(minutes=4), **values},
    )


def of_size(count: int, seed: int = 1, prices: Prices | None = PRICES) -> Report:
    """A report with `count` machines in three waves and in all states."""
    drawn = random.Random(seed)
    names = [
        f"{drawn.choice(('web', 'app', 'db', 'legacy'))}-{number:04}" for number in range(count)
    ]
    third = max(1, count // 3)
    waves = {
        "pilot": ("migrated", names[:third]),
        "web": ("test-failover", names[third : 2 * third]),
        "data": ("protected", names[2 * third :]),
    }
    vault = Vault()
    outcomes: dict[str, Any] = {}
    checks: dict[str, Any] = {}
    for wave, (_, machines) in waves.items():
        for name in machines:
            _machine(vault, wave, name, drawn, outcomes, checks)
    record = recorded(
        *map(_reached, vault.machines, range(len(vault.machines))),
        *(
            wave_resource(
                wave,
                phase,
                machines,
                outcomes={name: outcomes[name] for name in machines if name in outcomes},
                checks={name: checks[name] for name in machines if name in checks},
            )
            for wave, (phase, machines) in waves.items()
        ),
    )
    return report(record, vault.seen(record), prices)


def _reached(vm: VirtualMachine, number: int) -> dict[str, Any]:
    """The record of a machine that has a virtual machine; every fifth one has two interfaces."""
    test = vm.name.endswith("-test")
    addresses = [f"10.20.{number // 250}.{number % 250 + 4}"]
    if number % 5 == 0:
        addresses.append(f"10.20.128.{number % 250 + 4}")
    return item_resource(
        vm.tags[TAG_INSTANCE].removeprefix("i-"),
        "test-failover" if test else "failed-over",
        private_ips=addresses,
        **{"test_vm_id" if test else "azure_vm_id": vm.id},
    )


_NO_QUOTA = ServiceError(
    "The virtual machine could not be created",
    "28074",
    "The subscription has no cores left in the region.",
    "Ask for a larger quota, or choose a smaller size.",
)
_SLOW = ServiceError(
    "The data change rate of the machine is beyond the supported limits",
    "539",
    "More than 20 MB/s are written to a disk.",
    "Choose a premium disk type, or move the writes elsewhere.",
    "Warning",
)


def _machine(
    vault: Vault,
    wave: str,
    name: str,
    drawn: random.Random,
    outcomes: dict[str, Any],
    checks: dict[str, Any],
) -> None:
    chance = drawn.random()
    days = {"pilot": 50, "web": 41, "data": 12}[wave] + drawn.uniform(0, 0.05)
    if wave == "data" and chance < 0.15:
        return
    if wave == "data" and chance < 0.5:
        vault.ran(name, "EnableDr", 9, 27)
        vault.replicates(
            name, protection_state="InitialReplication", progress=drawn.randrange(1, 99)
        )
        return
    errors = (_SLOW,) if chance > 0.9 else ()
    values: dict[str, Any] = {"health": "Warning" if errors else "Normal", "health_errors": errors}
    if wave == "data":
        protected(vault, name, days, **values)
        return
    tested = NOW - timedelta(hours=20)
    values["last_test_failover"] = tested
    vault.ran(name, "TestFailover", 21, drawn.uniform(8, 25))
    if wave == "web" and chance < 0.1:
        protected(vault, name, days, health="Critical")
        vault.ran(name, "TestFailover", 2, 7, _NO_QUOTA)
        outcomes[name] = {
            "status": "failed",
            "reason": "job-failed",
            "message": f"test failover failed: {_NO_QUOTA}",
        }
        return
    if wave == "web":
        protected(vault, name, days, **values)
        vault.items[-1] = ProtectedItem(
            **{
                **vars(vault.items[-1]),
                "allowed_operations": frozenset({"TestFailoverCleanup"}),
                "test_failover_state": "WaitingForCompletion",
            }
        )
        vault.runs(f"{name}-test", name)
        checks[name] = {
            "passed": chance < 0.8,
            "messages": ["port 443 answers" if chance < 0.8 else "port 443: no answer in 60 s"],
        }
        return
    protected(vault, name, days, **values)
    vault.ran(name, "TestFailoverCleanup", 18, drawn.uniform(3, 9))
    vault.ran(name, "UnplannedFailover", 12, drawn.uniform(9, 40))
    if chance < 0.4:
        vault.items[-1] = ProtectedItem(
            **{
                **vars(vault.items[-1]),
                "allowed_operations": frozenset({"CompleteMigration", "DisableProtection"}),
                "active_location": "Recovery",
            }
        )
    else:
        vault.items.pop()
        vault.ran(name, "DisableDr", 6, 2)
    vault.runs(name, name)
    checks[name] = {"passed": True, "messages": ["port 443 answers", "agent is ready"]}
