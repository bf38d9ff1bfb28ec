"""The landing zone in Azure: resource groups, networks and the cache storage account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components import machines_subscription
from components.occupied import Occupied
from components.sdk import network, resources, storage
from settings import Network, Target
from site_recovery.declared import own_names
from site_recovery.ownership import STACK_TAG


@dataclass(frozen=True)
class LandingZoneArgs:
    """The inputs of the landing zone.

    Attributes:
        subscription_id: the Azure subscription of the vault.
        location: the Azure region of everything in it.
        target: the names and addresses.
        tags: the tags of everything in it.
        occupied: keeps what holds machines from being replaced; None where nothing may be there.
    """

    subscription_id: str
    location: str
    target: Target
    tags: Mapping[str, str]
    occupied: Occupied | None = None


@dataclass(frozen=True)
class _Place:
    """A subscription, and the provider of what is in it; None for that of the stack."""

    subscription_id: str
    provider: pulumi.ProviderResource | None = None

    def group_id(self, group: str) -> str:
        """The id of a resource group."""
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{group}"


class LandingZone(pulumi.ComponentResource):
    """Resource groups, networks and cache storage, with two lifetimes.

    The resource group of the migration holds what serves the migration: cache storage, the test
    network, and the vault, which is a component of its own. It is deleted with the stack. The
    resource group of the machines holds the production network and the migrated virtual machines.
    Destroying the stack keeps it, because deleting a resource group in Azure deletes every machine
    in it. What `target.adopt` names is neither created, changed nor deleted here.

    The test network is not connected to any other, and its subnet has no default outbound access
    to the internet. So a machine that boots there in a test reaches neither its production twin
    nor the systems that its twin uses.

    The machines, and so their group and both networks, may be in another subscription
    (`target.machinesSubscriptionId`): a network interface is in the subscription of its network. The
    test network is in the machines' group then.

    The subnet of each network that is made here has a network security group of its own, with the
    rules that Azure gives to every group, unless the config names one that exists.

    Attributes:
        resource_group_name: the resource group of the migration.
        machines_resource_group_id: where virtual machines are created.
        network_id: the production network.
        test_network_id: the isolated test network.
        storage_account_id: the cache storage account.
    """

    resource_group_name: pulumi.Output[str]
    machines_resource_group_id: pulumi.Output[str]
    network_id: pulumi.Output[str]
    test_network_id: pulumi.Output[str]
    storage_account_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: LandingZoneArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ec2-to-azure:components:LandingZone", name, None, opts)
        target = args.target
        self._replaced = args.occupied.hooks if args.occupied is not None else None
        own, machines = _Place(args.subscription_id), _Place(args.subscription_id)
        if target.machines_elsewhere(args.subscription_id):
            elsewhere = str(target.machines_subscription_id)
            machines = _Place(elsewhere, machines_subscription.provider(elsewhere, self))
        group = self._group("migration", "resourceGroup", target.resource_group, own, args)
        machines_group = self._group(
            "machines",
            "machinesResourceGroup",
            target.machines_resource_group,
            machines,
            args,
            retain=True,
        )
        self._groups = {
            own.group_id(target.resource_group).lower(): group,
            machines.group_id(target.machines_resource_group).lower(): machines_group,
        }
        of_machines = (target.machines_resource_group, machines_group.name)
        production = self._network(
            "production", "network", target.network, of_machines, machines, args, retain=True
        )
        test = self._network(
            "test",
            "testNetwork",
            target.test_network,
            (target.resource_group, group.name) if machines == own else of_machines,
            machines,
            args,
            isolated=True,
        )
        account = self._account(group.name, own, args)
        self.resource_group_name = group.name
        self.machines_resource_group_id = machines_group.id
        self.network_id = production.id
        self.test_network_id = test.id
        self.storage_account_id = account.id
        self.register_outputs(
            {
                "resourceGroupName": self.resource_group_name,
                "machinesResourceGroupId": self.machines_resource_group_id,
                "networkId": self.network_id,
                "testNetworkId": self.test_network_id,
                "storageAccountId": self.storage_account_id,
            }
        )

    def _group(
        self,
        name: str,
        part: str,
        group: str,
        place: _Place,
        args: LandingZoneArgs,
        *,
        retain: bool = False,
    ) -> resources.ResourceGroup:
        if args.target.adopts(part):
            return resources.ResourceGroup.get(name, place.group_id(group), self._found(place))
        return resources.ResourceGroup(
            name,
            resource_group_name=group,
            location=args.location,
            tags=args.tags,
            opts=self._made(place, retain=retain),
        )

    def _existing_group(self, name: str, group: str, place: _Place) -> pulumi.Output[str]:
        """The name of a group that exists, or that is made here. A preview fails without either."""
        if (one_of_ours := self._groups.get(place.group_id(group).lower())) is not None:
            ours: pulumi.Output[str] = one_of_ours.name
            return ours
        found = resources.ResourceGroup.get(name, place.group_id(group), self._found(place))
        # Its name is known; what depends on it begins when it has been found.
        known: pulumi.Output[str] = found.id.apply(lambda _: group)
        return known

    def _network(
        self,
        name: str,
        part: str,
        settings: Network,
        group: tuple[str, pulumi.Input[str]],
        place: _Place,
        args: LandingZoneArgs,
        *,
        retain: bool = False,
        isolated: bool = False,
    ) -> network.VirtualNetwork:
        group_name, made = group
        if own := args.target.own_group(part):
            group_name, made = own, self._existing_group(f"{name}-network", own, place)
        if args.target.adopts(part):
            where = f"{place.group_id(group_name)}/providers/Microsoft.Network/virtualNetworks"
            return network.VirtualNetwork.get(name, f"{where}/{settings.name}", self._found(place))
        opts = self._made(place, retain=retain)
        # Many policies of landing zones refuse a subnet that has none.
        rules: pulumi.Input[str] = settings.subnet.network_security_group or (
            network.NetworkSecurityGroup(
                name,
                network_security_group_name=own_names.security_group(settings.name),
                resource_group_name=made,
                location=args.location,
                tags=args.tags,
                opts=opts,
            ).id
        )
        if args.occupied is not None:
            changing = pulumi.ResourceOptions(hooks=args.occupied.network_hooks)
            opts = pulumi.ResourceOptions.merge(opts, changing)
        return _virtual_network(name, settings, rules, made, args, opts, isolated=isolated)

    def _account(
        self, group_name: pulumi.Input[str], place: _Place, args: LandingZoneArgs
    ) -> storage.StorageAccount:
        target = args.target
        own = target.own_group("cacheStorageAccount")
        if own:
            group_name = self._existing_group("cache", own, place)
        if target.adopts("cacheStorageAccount"):
            where = f"{place.group_id(own or target.resource_group)}/providers/Microsoft.Storage"
            account_id = f"{where}/storageAccounts/{target.cache_storage_account}"
            return storage.StorageAccount.get("cache", account_id, self._found(place))
        return storage.StorageAccount(
            "cache",
            account_name=target.cache_storage_account,
            resource_group_name=group_name,
            location=args.location,
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=storage.SkuName.STANDARD_LRS),
            enable_https_traffic_only=True,
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            tags=args.tags,
            opts=self._made(place),
        )

    def _found(self, place: _Place) -> pulumi.ResourceOptions:
        """The options of a resource that is there already."""
        return pulumi.ResourceOptions(parent=self, provider=place.provider)

    def _made(self, place: _Place, *, retain: bool = False) -> pulumi.ResourceOptions:
        """The options of a resource that this stack makes. A renamed stack keeps it as it is."""
        return pulumi.ResourceOptions(
            parent=self,
            provider=place.provider,
            retain_on_delete=retain,
            # What is kept is not deleted when another takes its place.
            hooks=None if retain else self._replaced,
            ignore_changes=[f'tags["{STACK_TAG}"]'],
        )


def _virtual_network(
    name: str,
    settings: Network,
    rules: pulumi.Input[str],
    resource_group_name: pulumi.Input[str],
    args: LandingZoneArgs,
    opts: pulumi.ResourceOptions,
    *,
    isolated: bool = False,
) -> network.VirtualNetwork:
    # Subnets are declared inside their network: separate resources would race with it.
    subnet = network.SubnetArgs(
        network_security_group=network.NetworkSecurityGroupArgs(id=rules),
        name=settings.subnet.name,
        address_prefix=settings.subnet.address_prefix,
        default_outbound_access=False if isolated else None,
    )
    return network.VirtualNetwork(
        name,
        virtual_network_name=settings.name,
        resource_group_name=resource_group_name,
        location=args.location,
        address_space=network.AddressSpaceArgs(address_prefixes=[settings.address_space]),
        subnets=[subnet],
        tags=args.tags,
        opts=opts,
    )
