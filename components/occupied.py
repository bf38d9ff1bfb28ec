"""Keeps a run from replacing what holds machines: their vault, and networks with machines in them.

Azure refuses to delete these, but only when the update is half done and others exist beside them.
Then neither the old config nor the new one works any more. So the hooks here ask before the first
step, in a preview too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components import record
from settings import Settings
from site_recovery import arm_ids
from site_recovery.arm_ids import VaultId
from site_recovery.azure import networks
from site_recovery.azure.connection import Connect, Connection, connector
from site_recovery.azure.item_reads import machines_in
from site_recovery.errors import MigrationError
from site_recovery.fleet import ExperienceName
from site_recovery.subnets import Holder

_VAULT = "azure-native:recoveryservices:Vault"
_NETWORK = "azure-native:network:VirtualNetwork"
_NAMED = 5
"""The most machines or interfaces that a message names; it counts the others."""


@dataclass
class Occupied:
    """The hooks of a stack's landing zone and vault.

    Attributes:
        vault_id: the vault as it is declared.
        test_network_id: likewise the test network.
        experience: how machines replicate.
        offline: whether a preview asks nothing of Azure.
        connect: connects to Azure; by default as the environment says.
        hooks: of whatever is replaced if vault or test network are others than before.
        network_hooks: of networks, whose subnets may also be changed in place.
    """

    vault_id: str
    test_network_id: str
    experience: ExperienceName
    offline: bool
    connect: Connect | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _told: str | None = None
    hooks: pulumi.ResourceHookBinding = field(init=False)
    network_hooks: pulumi.ResourceHookBinding = field(init=False)

    @classmethod
    def of(cls, stack: Settings) -> Occupied:
        """The hooks of a stack."""
        target, own = stack.target, stack.azure_subscription_id
        elsewhere = target.machines_elsewhere(own)
        subscription = str(target.machines_subscription_id) if elsewhere else own
        group = target.own_group("testNetwork") or (
            target.machines_resource_group if elsewhere else target.resource_group
        )
        return cls(
            vault_id=str(VaultId(own, target.resource_group, target.vault)),
            test_network_id=f"/subscriptions/{subscription}/resourceGroups/{group}/providers/"
            f"Microsoft.Network/virtualNetworks/{target.test_network.name}",
            experience=stack.experience,
            offline=stack.convergence.offline_preview,
        )

    def __post_init__(self) -> None:
        dry = pulumi.ResourceHookOptions(on_dry_run=True)
        created = pulumi.ResourceHook("unoccupied", self._before_create, opts=dry)
        changed = pulumi.ResourceHook("unoccupied-subnets", self._before_update, opts=dry)
        self.hooks = pulumi.ResourceHookBinding(before_create=[created])
        self.network_hooks = pulumi.ResourceHookBinding(
            before_create=[created], before_update=[changed]
        )

    async def _before_create(self, args: pulumi.ResourceHookArgs) -> None:
        """A resource is made for the first time, or in place of one that is replaced."""
        async with self._turn:
            if self._told is None:
                self._told = "" if self._asks_nothing else await self._look()
        if self._told:
            raise MigrationError(self._told)

    async def _look(self) -> str:
        """Why nothing may be replaced, or an empty text."""
        try:
            recorded = await asyncio.to_thread(record.resources)
        except MigrationError as error:
            # Most of what is made replaces nothing, and a preview looks at the machines as well.
            pulumi.log.warn(f"nobody looked whether machines are in what is replaced: {error}")
            return ""
        for vault in _others(recorded, _VAULT, self.vault_id):
            parsed = VaultId.parse(vault)
            async with self._reach(parsed.subscription) as connection:
                machines = await machines_in(connection, parsed)
            if machines:
                return (
                    f"target.vault: {_listed(machines)} replicate in vault {_place(vault)}, and the "
                    f"config makes it {_place(self.vault_id)}: a vault with machines in it cannot be "
                    "renamed or moved. Put target.vault and target.resourceGroup back; or migrate "
                    "these machines, or take them out of their waves with pulumi up, first."
                )
        if self.experience != "classic":
            # A wave of the modernized experience cleans its tests up, and tests anew.
            return ""
        for network in _others(recorded, _NETWORK, self.test_network_id, _TEST):
            held = await self._held(network)
            if holders := [holder for each in held.values() for holder in each]:
                return (
                    f"target.testNetwork: {_named(holders)} of test failovers are in test network "
                    f"{_place(network)}, and the config makes it {_place(self.test_network_id)}. "
                    f"Put it back; or {_CLEAN_UP}."
                )
        return ""

    async def _before_update(self, args: pulumi.ResourceHookArgs) -> None:
        """A network is changed in place."""
        before, now = (_subnets(each or {}) for each in (args.old_inputs, args.new_inputs))
        changed = {name: prefix for name, prefix in before.items() if now.get(name) != prefix}
        if not changed or self._asks_nothing:
            return
        held = await self._held(args.id)
        for name, prefix in changed.items():
            if holders := held.get(name):
                part, way_out = _PARTS[args.name == _TEST]
                raise MigrationError(
                    f"target.{part}.subnet: {name} ({prefix}) of {arm_ids.name(args.id)} would be "
                    f"another one, and {_named(holders)} are in it: Azure refuses that. Put it "
                    f"back; or {way_out}."
                )

    async def _held(self, network: str) -> dict[str, Sequence[Holder]]:
        """What is in each subnet of a network, by its name in lower case."""
        async with self._reach(arm_ids.segment(network, "subscriptions")) as connection:
            found = (await networks.read(connection, {network: ()})).get(network)
        return {each.name.lower(): each.holders for each in found.subnets} if found else {}

    def _reach(self, subscription: str) -> AbstractAsyncContextManager[Connection]:
        reach: Connect = self.connect or connector()
        reached: AbstractAsyncContextManager[Connection] = reach(subscription)
        return reached

    @property
    def _asks_nothing(self) -> bool:
        return self.offline and pulumi.runtime.is_dry_run()


_TEST = "test"
"""The name of the test network's resources; see `landing_zone`."""
_CLEAN_UP = (
    "set the phases of the machines in it to protected and run pulumi up, which cleans their tests "
    "up, first"
)
_PARTS = {
    True: (
        "testNetwork",
        _CLEAN_UP,
    ),
    False: ("network", "declare a network of another name, which leaves this one as it is"),
}


def _others(
    recorded: Collection[Mapping[str, Any]], kind: str, declared: str, name: str = ""
) -> list[str]:
    """The recorded ids of a type that are not the declared one."""
    ids = (
        str(each["id"])
        for each in recorded
        if each.get("type") == kind
        and each.get("id")
        and (not name or str(each["urn"]).endswith(f"::{name}"))
    )
    return [each for each in dict.fromkeys(ids) if not arm_ids.same(each, declared)]


def _subnets(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The prefixes of a network's subnets, by their names in lower case."""
    subnets = inputs.get("subnets")
    known = [each for each in subnets or () if isinstance(each, Mapping)]
    return {str(each.get("name")).lower(): str(each.get("addressPrefix")) for each in known}


def _place(resource_id: str) -> str:
    return f"{arm_ids.name(resource_id)} of {arm_ids.segment(resource_id, 'resourceGroups')}"


def _named(holders: Sequence[Holder]) -> str:
    return _listed([arm_ids.name(each.resource_id) for each in holders])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
