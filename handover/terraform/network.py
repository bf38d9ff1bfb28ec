"""What azurerm calls the inputs of a resource of azure-native: interfaces, addresses, security groups.

Each function takes the inputs of one resource. It leaves there what azurerm has no argument for, so
that this can be named, and raises `NotTakenError` where azurerm does not take what Azure has.
"""

from __future__ import annotations

from handover.terraform import words
from handover.terraform.hcl import Block
from handover.terraform.ids import canonical
from handover.terraform.reading import Said, block, drop, id_of, optional, place, said
from handover.terraform.taken import Taken
from handover.terraform.words import word


def interface(taken: Taken) -> tuple[Said, list[Block]]:
    """`azurerm_network_interface`. Its security group is told by a resource of its own."""
    take = taken.take
    drop(taken, "id", "networkSecurityGroup")
    taken.take_if("nicType", "Standard")
    auxiliary = {"auxiliary_mode": take("auxiliaryMode"), "auxiliary_sku": take("auxiliarySku")}
    arguments = {
        "name": take("networkInterfaceName"),
        **place(taken),
        "accelerated_networking_enabled": take("enableAcceleratedNetworking"),
        **{name: None if value == "None" else value for name, value in auxiliary.items()},
        "dns_servers": take("dnsSettings.dnsServers"),
        "edge_zone": take("extendedLocation.name"),
        "internal_dns_name_label": take("dnsSettings.internalDnsNameLabel"),
        "ip_forwarding_enabled": take("enableIPForwarding"),
        "tags": take("tags"),
    }
    return said(arguments), [_configuration(each) for each in taken.each("ipConfigurations")]


def public_address(taken: Taken) -> tuple[Said, list[Block]]:
    """`azurerm_public_ip`."""
    take = taken.take
    drop(taken, "id", "ipAddress")
    allocation = word(take("publicIPAllocationMethod"), words.ALLOCATION, "its allocation")
    version, protection = take("publicIPAddressVersion"), take("ddosSettings.protectionMode")
    sku, tier = take("sku.name"), take("sku.tier")
    kinds = {one.take("ipTagType"): one.take("tag") for one in taken.each("ipTags")}
    arguments = {
        "name": take("publicIpAddressName"),
        **place(taken),
        "allocation_method": allocation,
        "ddos_protection_mode": optional(protection, words.DDOS, "its DDoS protection"),
        "ddos_protection_plan_id": id_of(take("ddosSettings.ddosProtectionPlan.id")),
        "domain_name_label": take("dnsSettings.domainNameLabel"),
        "domain_name_label_scope": take("dnsSettings.domainNameLabelScope"),
        "edge_zone": take("extendedLocation.name"),
        "idle_timeout_in_minutes": take("idleTimeoutInMinutes"),
        "ip_version": optional(version, words.VERSION, "its version"),
        "public_ip_prefix_id": id_of(take("publicIPPrefix.id")),
        "reverse_fqdn": take("dnsSettings.reverseFqdn"),
        # Azure's own default is not azurerm's.
        "sku": word(sku or "Basic", words.PUBLIC_SKU, "its SKU"),
        "sku_tier": optional(tier, words.TIER, "its tier"),
        "zones": take("zones"),
        "ip_tags": kinds,
        "tags": take("tags"),
    }
    # The full name follows from the label.
    drop(taken, "dnsSettings.fqdn")
    return said(arguments), []


def security_group(taken: Taken) -> tuple[Said, list[Block]]:
    """`azurerm_network_security_group`."""
    drop(taken, "id")
    arguments = {"name": taken.take("networkSecurityGroupName"), **place(taken)}
    rules = [_rule(each) for each in taken.each("securityRules")]
    return said({**arguments, "tags": taken.take("tags")}), rules


def _configuration(taken: Taken) -> Block:
    take = taken.take
    drop(taken, "id", "type")
    allocation = word(take("privateIPAllocationMethod"), words.ALLOCATION, "its allocation")
    version, address = take("privateIPAddressVersion"), take("privateIPAddress")
    return block(
        "ip_configuration",
        name=take("name"),
        subnet_id=id_of(take("subnet.id")),
        private_ip_address_allocation=allocation,
        # An address that Azure chose may be another one after the machine was stopped.
        private_ip_address=address if allocation == "Static" else None,
        private_ip_address_version=optional(version, words.VERSION, "its version"),
        primary=take("primary"),
        public_ip_address_id=id_of(take("publicIPAddress.id")),
        gateway_load_balancer_frontend_ip_configuration_id=id_of(take("gatewayLoadBalancer.id")),
    )


def _rule(taken: Taken) -> Block:
    take = taken.take
    drop(taken, "id", "type", "etag", "provisioningState")
    ends = {
        name: value
        for end, wire in (("source", "source"), ("destination", "destination"))
        for name, value in {
            f"{end}_port_range": take(f"{wire}PortRange"),
            f"{end}_port_ranges": take(f"{wire}PortRanges"),
            f"{end}_address_prefix": take(f"{wire}AddressPrefix"),
            f"{end}_address_prefixes": take(f"{wire}AddressPrefixes"),
            f"{end}_application_security_group_ids": [
                canonical(each.take("id"))
                for each in taken.each(f"{wire}ApplicationSecurityGroups")
            ],
        }.items()
    }
    return block(
        "security_rule",
        name=take("name"),
        description=take("description"),
        priority=take("priority"),
        direction=word(take("direction"), words.DIRECTION, "the direction of a rule"),
        access=word(take("access"), words.ACCESS, "the access of a rule"),
        protocol=word(take("protocol"), words.PROTOCOL, "the protocol of a rule"),
        **ends,
    )
