"""A wave of machines: the reconciler that drives them, and a record of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.configuration_server import ConfigurationServer
from components.landing_zone import LandingZone
from dynamic_providers.migration_wave import MigrationWave as Reconciler
from dynamic_providers.protected_item import ProtectedItem
from settings import Settings
from site_recovery.ec2 import MachineFacts

_OS_TYPES = {"windows": "Windows", "linux": "Linux"}


@dataclass(frozen=True)
class Machine:
    """A machine of the wave.

    Attributes:
        facts: what EC2 says of it; None when its source is gone.
        gone: why there are no facts. A machine that runs in Azure already does without them.
    """

    facts: MachineFacts | None
    gone: str | None = None


@dataclass(frozen=True)
class MigrationWaveArgs:
    """What a wave is made from.

    Attributes:
        wave: its name in the settings.
        settings: the stack's settings.
        machines: every machine of the wave, by name.
        vault_id: the vault.
        policy_id: the replication policy.
        server: the configuration server that the machines replicate through.
        landing_zone: where they go.
        requires: what must stand before a machine can be protected.
    """

    wave: str
    settings: Settings
    machines: Mapping[str, Machine]
    vault_id: pulumi.Input[str]
    policy_id: pulumi.Input[str]
    server: ConfigurationServer
    landing_zone: LandingZone
    requires: Sequence[pulumi.Resource]


class MigrationWave(pulumi.ComponentResource):
    """One reconciler for all machines of a wave, and one resource a machine that records it.

    A machine's record is named after the machine alone, so a machine that moves to another wave
    stays the resource that it is.

    Attributes:
        reconciler: drives all machines of the wave.
        items: the record of each machine.
    """

    reconciler: Reconciler
    items: dict[str, ProtectedItem]

    def __init__(
        self, name: str, args: MigrationWaveArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ec2-to-azure:components:MigrationWave", name, None, opts)
        settings, wave = args.settings, args.settings.waves[args.wave]
        registration = args.server.registration
        convergence = settings.convergence
        self.reconciler = Reconciler(
            name,
            vault_id=args.vault_id,
            container_id=registration.container_id,
            policy_id=args.policy_id,
            process_server_id=registration.process_server_id,
            master_target_id=registration.master_target_id,
            run_as_accounts=_accounts(args),
            target={
                "resource_group_id": args.landing_zone.machines_resource_group_id,
                "network_id": args.landing_zone.network_id,
                "subnet_name": settings.target.network.subnet.name,
                "test_network_id": args.landing_zone.test_network_id,
                "storage_account_id": args.landing_zone.storage_account_id,
            },
            phase=str(wave.phase),
            machines={
                machine: _declared(settings, machine, args.machines[machine])
                for machine in wave.machines
            },
            other_machines=[
                machine
                for other, its in settings.waves.items()
                if other != args.wave
                for machine in its.machines
            ],
            convergence={
                "wait_seconds": convergence.wait.total_seconds(),
                "poll_seconds": convergence.poll.total_seconds(),
                "on_pending": convergence.on_pending,
                "require_test_failover": settings.requires_test_failover(args.wave),
                "offline_preview": convergence.offline_preview,
            },
            recovery_point=str(wave.recovery_point),
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.requires),
        )
        self.items = {
            machine: ProtectedItem(
                machine,
                wave=self.reconciler,
                machine=machine,
                phase=str(wave.phase),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for machine in wave.machines
        }
        self.register_outputs({"results": self.reconciler.results})


def _accounts(args: MigrationWaveArgs) -> pulumi.Output[dict[str, str]]:
    """The ids of the accounts that the wave's operating system families need, by family."""
    names = args.settings.replication.run_as_accounts
    wanted = {"windows": names.windows, "linux": names.linux}
    families = sorted({m.facts.platform for m in args.machines.values() if m.facts})

    def choose(accounts: Mapping[str, str]) -> dict[str, str]:
        for family in families:
            if wanted[family] not in accounts:
                known = ", ".join(sorted(accounts)) or "none"
                raise pulumi.RunError(
                    f"replication.runAsAccounts.{family}: the configuration server has no account "
                    f"{wanted[family]!r} (it has: {known}). Add it there with cspsconfigtool.exe, "
                    "or name one that it has."
                )
        return {family: accounts[wanted[family]] for family in families}

    return pulumi.Output.from_input(args.server.registration.run_as_accounts).apply(choose)


def _declared(settings: Settings, name: str, machine: Machine) -> dict[str, Any]:
    """A machine as the reconciler takes it; what is not known or not said is left out."""
    declared, facts = settings.machines[name], machine.facts
    target = declared.target
    values = {
        "instance_id": declared.instance_id,
        "private_ip": facts.private_ip if facts else None,
        "os_type": _OS_TYPES[facts.platform] if facts else None,
        "source_problem": machine.gone,
        "vm_name": settings.vm_name(name),
        "vm_size": target.vm_size,
        "disk_type": target.disk_type,
        "availability_zone": target.availability_zone,
        "license_type": target.license_type,
        "tags": target.tags,
    }
    return {key: value for key, value in values.items() if value is not None}
