"""A wave: the reconciler that drives its machines, and a record of each machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pulumi
from pydantic import TypeAdapter

from components import record
from components.landing_zone import LandingZone
from components.migration_server import MigrationServer
from components.promotion import Promotion
from components.readiness import readiness
from dynamic_providers.migration_wave import MigrationWave as Reconciler
from dynamic_providers.protected_item import ProtectedItem
from dynamic_providers.wave.all_waves import packed
from dynamic_providers.wave.inputs import ConvergenceInputs, MachineInputs, OtherWave
from dynamic_providers.wave.room import MadeSubnet, MadeSubnets
from settings import MachineSettings, Network, Preflight, Settings, Target, WaveSettings
from site_recovery import arm_ids
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.declared import own_names
from site_recovery.declared.hooks import Hooks
from site_recovery.fleet import Hardware, Platform
from site_recovery.guards import Guards
from site_recovery.promotion import Forerunner

_GUARDS = TypeAdapter(Guards)


@dataclass(frozen=True)
class MigrationWaveArgs:
    """The inputs of a wave.

    Attributes:
        wave: its name in the settings.
        all_waves: what `all_waves` says of all waves of the stack.
        settings: the stack's settings.
        preflight: facts of the machines from AWS.
        prefix: the prefix of names that must be unique in the AWS account.
        vault_id: the vault.
        policy_id: the replication policy.
        server: the server that the machines replicate through.
        server_group_id: its security group.
        fence_id: the security group that fences a machine; empty if none is fenced.
        machine_group_ids: the security groups that the stack gives its machines.
        landing_zone: where failed-over machines live.
        requires: resources that must exist before a machine can be protected.
        promotion: the stack that goes first.
    """

    wave: str
    all_waves: pulumi.Input[str]
    settings: Settings
    preflight: Preflight
    prefix: str
    vault_id: pulumi.Input[str]
    policy_id: pulumi.Input[str]
    server: MigrationServer
    server_group_id: pulumi.Input[str]
    fence_id: pulumi.Input[str]
    machine_group_ids: Sequence[pulumi.Input[str]]
    landing_zone: LandingZone
    requires: Sequence[pulumi.Resource]
    promotion: Promotion


def all_waves(settings: Settings, preflight: Preflight, promotion: Promotion) -> pulumi.Input[str]:
    """What each wave of a stack has to know of all of them."""
    return promotion.told(
        lambda before: packed(
            {
                name: OtherWave(
                    phase=wave.phase,
                    machines={m: _machine(settings, preflight, m) for m in wave.machines},
                    require_test_failover=settings.requires_test_failover(name),
                    guards=replace(settings.guards_of(name), promoted=before(name)),
                )
                for name, wave in settings.waves.items()
            }
        )
    )


class WaveRecord(pulumi.ComponentResource):
    """A wave and the record of each of its machines.

    A record is named after its machine only, so it stays the same resource when the machine moves
    to another wave.

    Attributes:
        reconciler: drives all machines of the wave.
        items: the record of each machine.
    """

    reconciler: Reconciler
    items: dict[str, ProtectedItem]

    def __init__(self, name: str, wave: WaveSettings) -> None:
        super().__init__("ec2-to-azure:components:MigrationWave", name, None, None)
        self._name, self._settings = name, wave

    def record(self) -> None:
        """Declare the records of the machines, once the reconciler is declared."""
        phase = str(self._settings.phase)
        self.items = {
            machine: ProtectedItem(
                machine,
                wave=self.reconciler,
                machine=machine,
                phase=phase,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for machine in self._settings.machines
        }
        self.register_outputs({"outcomes": self.reconciler.outcomes})

    def table(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The entries of the stack's output `machines`, with the names of the machines."""
        for machine, item in self.items.items():
            yield (
                machine,
                {
                    "wave": self._name,
                    "observedPhase": item.observed_phase,
                    "azureVm": _or_none(item.azure_vm_id),
                    "azureVmName": item.azure_vm_id.apply(_name_or_none),
                    "testVm": _or_none(item.test_vm_id),
                    "privateIp": _or_none(item.private_ip),
                    "privateIps": _addresses(item),
                    "powerState": _or_none(item.power_state),
                    "lastTest": _or_none(item.last_test_failover),
                    "item": _or_none(item.item_id),
                    "health": item.health,
                    "checks": self._checks(machine),
                },
            )

    def _checks(self, machine: str) -> pulumi.Output[dict[str, Any] | None]:
        """Whether the checks of a machine passed, and how each ended; None before they were made."""

        def told(records: Mapping[str, Any] | None) -> dict[str, Any] | None:
            # An older version of the program recorded none.
            checked = (records or {}).get(machine)
            if checked is None:
                return None
            return {key: checked[key] for key in ("passed", "vmId", "at", "messages")}

        return self.reconciler.checks.apply(told)

    def summary(self) -> dict[str, Any]:
        """The wave in the stack's outputs: its desired phase, and the outcome of each machine."""
        return {
            "phase": str(self._settings.phase),
            "machines": self.reconciler.outcomes,
        }


class MigrationWave(WaveRecord):
    """A wave with one reconciler that drives all its machines."""

    def __init__(self, name: str, args: MigrationWaveArgs) -> None:
        settings, wave = args.settings, args.settings.waves[args.wave]
        super().__init__(name, wave)
        registration = args.server.registration
        convergence = settings.convergence
        ready = readiness(
            args.wave,
            args.prefix,
            settings,
            args.preflight,
            args.server,
            args.server_group_id,
            self,
            args.requires,
        )
        self.reconciler = Reconciler(
            name,
            experience=settings.experience,
            vault_id=args.vault_id,
            container_id=registration.container_id,
            machines_site_id=registration.machines_site_id,
            policy_id=args.policy_id,
            process_server_id=registration.process_server_id,
            master_target_id=registration.master_target_id,
            run_as_accounts=_accounts(args),
            landing_zone={
                "resource_group_id": args.landing_zone.machines_resource_group_id,
                "network_id": args.landing_zone.network_id,
                "subnet_name": settings.target.network.subnet.name,
                "test_network_id": args.landing_zone.test_network_id,
                "test_subnet_name": settings.target.test_network.subnet.name,
                "storage_account_id": args.landing_zone.storage_account_id,
            },
            phase=str(wave.phase),
            machines={
                machine: _machine(settings, args.preflight, machine).wire()
                for machine in wave.machines
            },
            holds=ready.holds,
            bios_ids=ready.bios_ids,
            all_waves=args.all_waves,
            plugin={
                "subscription": settings.azure_subscription_id,
                "tenant": args.preflight.plugin_tenant,
            },
            region={
                "subscription": settings.machines_subscription_id,
                "location": settings.azure_location,
            },
            made_subnets=_made_subnets(settings.target).wire(),
            stack=record.stack(),
            convergence=ConvergenceInputs(
                wait_seconds=convergence.wait.total_seconds(),
                poll_seconds=convergence.poll.total_seconds(),
                on_pending=convergence.on_pending,
                require_test_failover=settings.requires_test_failover(args.wave),
                offline_preview=convergence.offline_preview,
            ).wire(),
            recovery_point=str(wave.recovery_point),
            recovery_plan=_plan(args.wave, wave),
            guards=_guards(args),
            source={
                "region": settings.aws_region,
                "fence_id": args.fence_id,
                "own_groups": args.machine_group_ids,
                "servers": [args.server.private_ip],
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.requires),
        )
        self.record()


def _guards(args: MigrationWaveArgs) -> pulumi.Input[dict[str, Any]]:
    guards, wave = args.settings.guards_of(args.wave), args.wave

    def dumped(before: Callable[[str], Forerunner | None]) -> dict[str, Any]:
        whole: dict[str, Any] = _GUARDS.dump_python(
            replace(guards, promoted=before(wave)), mode="json", by_alias=True, exclude_none=True
        )
        return whole

    return args.promotion.told(dumped)


def _made_subnets(target: Target) -> MadeSubnets:
    def made(part: str, network: Network) -> MadeSubnet | None:
        if target.adopts(part):
            return None
        return MadeSubnet(name=network.subnet.name, prefix=network.subnet.address_prefix)

    return MadeSubnets(
        production=made("network", target.network), test=made("testNetwork", target.test_network)
    )


def _name_or_none(vm_id: str | None) -> str | None:
    return arm_ids.name(vm_id) if vm_id else None


def _or_none(value: pulumi.Output[str | None]) -> pulumi.Output[str | None]:
    """Turn the empty text that a record has for a missing value into None."""
    return value.apply(lambda text: text or None)


def _addresses(item: ProtectedItem) -> pulumi.Output[list[str]]:
    """The private addresses of a machine; an older version of the program recorded one of them."""

    def known(both: Mapping[str, Any]) -> list[str]:
        return list(both["all"] or filter(None, [both["first"]]))

    return pulumi.Output.all(all=item.private_ips, first=item.private_ip).apply(known)


def _accounts(args: MigrationWaveArgs) -> pulumi.Output[dict[str, str]]:
    """Ids of the accounts for push installation on the wave's machines, by platform."""
    if args.settings.replication.agent.installation != "push":
        return pulumi.Output.from_input({})
    names = args.settings.replication.run_as_accounts
    wanted = {"windows": names.windows, "linux": names.linux}
    members = args.settings.waves[args.wave].machines
    platforms = sorted(
        {args.preflight.facts[name].platform for name in members if name in args.preflight.facts}
    )

    def choose(accounts: Mapping[str, str]) -> dict[str, str]:
        for platform in platforms:
            if wanted[platform] not in accounts:
                known = ", ".join(sorted(accounts)) or "none"
                raise pulumi.RunError(
                    f"replication.runAsAccounts.{platform}: the configuration server has no account "
                    f"{wanted[platform]!r} (it has: {known}). Add it there with cspsconfigtool.exe, "
                    "or name one that it has."
                )
        return {platform: accounts[wanted[platform]] for platform in platforms}

    return pulumi.Output.from_input(args.server.registration.run_as_accounts).apply(choose)


def _plan(wave: str, settings: WaveSettings) -> dict[str, Any] | None:
    """A wave's recovery plan, named after the stack and the wave."""
    if settings.recovery_plan is None:
        return None
    return asdict(settings.recovery_plan.plan(own_names.plan(pulumi.get_stack(), wave)))


def _machine(settings: Settings, preflight: Preflight, name: str) -> MachineInputs:
    declared, facts = settings.machines[name], preflight.facts.get(name)
    platform, target = _platform(declared, facts), settings.target_of(name)
    cut_over = facts is not None and facts.cut_over
    after = settings.terminates_after(name)
    rollback = settings.rollback_of(name)
    since = facts.migrated_at if facts is not None and facts.state == "stopped" else None
    return MachineInputs(
        instance_id=declared.instance_id,
        private_ip=facts.private_ip if facts else None,
        platform=platform,
        source_problem=None if cut_over else preflight.gone.get(name),
        cut_over=cut_over or None,
        rolls_back=rollback is not None or None,
        deletes_kept=(rollback is not None and not rollback.keep_azure_vm) or None,
        after_failover=settings.after_failover_of(name),
        terminate_after_seconds=after.total_seconds() if after is not None else None,
        terminates_at=since + after if after is not None and since is not None else None,
        unmanaged=preflight.unmanaged.get(name),
        target=target.with_tags_of(facts.tags if facts else {}).on(platform),
        cutover=settings.cutover_of(name),
        checks=settings.checks_of(name) or None,
        hooks=None if (hooks := settings.hooks_of(name)) == Hooks() else hooks,
        hardware=_hardware(facts),
        disks=facts.disk_orders(target.disks) if facts is not None and target.disks else None,
        interfaces=list(facts.interfaces)
        if facts is not None and target.interfaces is not None
        else None,
    )


def _hardware(facts: MachineFacts | None) -> Hardware | None:
    """The hardware of the instance; None if EC2 does not describe its instance type."""
    if facts is None or facts.vcpus is None or facts.memory_mib is None:
        return None
    return Hardware(
        vcpus=facts.vcpus,
        memory_gib=facts.memory_mib / 1024,
        data_disks=max(0, len(facts.disks) - 1),
        interfaces=max(1, len(facts.interfaces)),
        firmware=facts.firmware,
    )


def _platform(declared: MachineSettings, facts: MachineFacts | None) -> Platform:
    """The machine's platform.

    An instance that EC2 no longer knows can only belong to a migrated machine. Nothing depends on
    the platform of such a machine.
    """
    if facts is not None:
        return facts.platform
    return "windows" if (declared.system or "").startswith("windows") else "linux"
