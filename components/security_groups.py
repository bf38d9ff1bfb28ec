"""Which connections are allowed between the machines and their server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import pulumi

from components.sdk import ec2, vpc
from dynamic_providers.fence_clearance import FenceClearance
from settings.schema.proxy import Proxy
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.aws.service_endpoints import ManagementEndpoints
from site_recovery.fleet import Platform
from site_recovery.reachability.connections import PUSH_INSTALLATION, TO_THE_SERVER

ANYWHERE = "0.0.0.0/0"
"""Azure's endpoints have no fixed addresses, so only the port can be restricted."""


@dataclass(frozen=True)
class Attachment:
    """A machine's network interface and platform."""

    network_interface_id: str
    platform: Platform


@dataclass(frozen=True)
class SecurityGroupsArgs:
    """The inputs of the groups.

    Attributes:
        vpc_id: the machines' VPC.
        region: its AWS region.
        prefix: the prefix of the groups' names.
        push: whether the server installs the agents itself.
        server_group_id: the group of a server that already exists; None makes one.
        machines: by machine, where its group is attached.
        fences: whether machines are fenced before they fail over.
        fenced: whether the cutover of a machine began once and is not taken back.
        management: how a fenced machine reaches Systems Manager.
        proxy: the proxy through which server and machines reach Azure and AWS.
    """

    vpc_id: str
    region: str
    prefix: str
    push: bool
    server_group_id: str | None
    machines: Mapping[str, Attachment]
    fences: bool = False
    fenced: bool = False
    management: ManagementEndpoints = field(default_factory=ManagementEndpoints)
    proxy: Proxy | None = None


def open_way(management: ManagementEndpoints, vpc_id: str) -> str:
    """What a fence lets out beside replication and Systems Manager; empty if that is nothing."""
    if not management.missing:
        return ""
    return (
        f"the fence of a cutover lets tcp 443 out to every address: {vpc_id} has no interface "
        f"endpoint with private DNS for {', '.join(management.missing)}, and AWS publishes no "
        "addresses of Systems Manager that a rule can name. So what a fenced machine sends to 443 "
        "elsewhere still leaves it. docs/cutover.md says how to close that."
    )


def attachments(facts: Mapping[str, MachineFacts]) -> dict[str, Attachment]:
    """Where to attach the machines' groups: the first interface of each that has one."""
    return {
        machine: Attachment(found.network_interface_id, found.platform)
        for machine, found in facts.items()
        if found.network_interface_id
    }


class SecurityGroups(pulumi.ComponentResource):
    """One group for the server and one for the machines of each platform.

    A machine keeps the groups that it has. Ours is attached in addition, and detached again when
    the machine leaves or the stack is destroyed.

    Attributes:
        server_group_id: the server's group.
        fence_id: the group that fences a machine: nothing comes in, and only replication and
            Systems Manager go out. Empty if no machine is fenced. Machines that have it keep it
            when the stack is destroyed: see `FenceClearance`.
        machine_group_ids: the groups of the machines, in the order of their platforms.
        rules: every rule, for resources that need the network.
        attachments: by machine, for resources that need this machine.
    """

    server_group_id: pulumi.Output[str]
    fence_id: pulumi.Output[str]
    machine_group_ids: list[pulumi.Output[str]]
    rules: list[pulumi.Resource]
    attachments: dict[str, pulumi.Resource]

    def __init__(
        self, name: str, args: SecurityGroupsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ec2-to-azure:components:SecurityGroups", name, None, opts)
        self.rules = []
        server: pulumi.Input[str]
        if args.server_group_id is not None:
            server = args.server_group_id
        else:
            server = self._group("server", "Site Recovery server", args).id
            self._egress(
                "server-to-azure-443", server, 443, "Azure and AWS endpoints", cidr=ANYWHERE
            )
            self._to_proxy("server", server, args.proxy)
        machines = {
            platform: self._machines(platform, server, args)
            for platform in sorted({machine.platform for machine in args.machines.values()})
        }
        self.machine_group_ids = [group.id for group in machines.values()]
        self.attachments = {
            machine: ec2.NetworkInterfaceSecurityGroupAttachment(
                machine,
                network_interface_id=attachment.network_interface_id,
                security_group_id=machines[attachment.platform].id,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for machine, attachment in args.machines.items()
        }
        self.server_group_id = pulumi.Output.from_input(server)
        declares_fence = args.fences or args.fenced
        self.fence_id = pulumi.Output.from_input(
            self._fence(server, args) if declares_fence else ""
        )
        self.register_outputs({"serverGroupId": self.server_group_id})

    def between(self, machines: Iterable[str]) -> list[pulumi.Resource]:
        """Everything that must exist before the server and these machines can connect.

        Not those of the whole fleet: with every dependency the SDK looks through all that it
        depends on, which for hundreds of machines takes longer than the rest of the program.
        """
        attached = (self.attachments[one] for one in machines if one in self.attachments)
        return [*self.rules, *attached]

    def _machines(
        self, platform: Platform, server: pulumi.Input[str], args: SecurityGroupsArgs
    ) -> ec2.SecurityGroup:
        machines = self._group(platform, f"{platform} machines that migrate to Azure", args)
        for port, why in TO_THE_SERVER.items():
            self._allow(f"{platform}-to-server-{port}", machines.id, server, port, why)
        for port, why in PUSH_INSTALLATION[platform].items() if args.push else ():
            self._allow(f"server-to-{platform}-{port}", server, machines.id, port, why)
        return machines

    def _fence(self, server: pulumi.Input[str], args: SecurityGroupsArgs) -> pulumi.Output[str]:
        fence = self._kept_while_used("fence", "Machines that are being cut over to Azure", args)
        if not args.fences:
            # Sources have it since an earlier config, and nothing has to get through it any more.
            return fence
        for port, why in TO_THE_SERVER.items():
            self._allow(f"fence-to-server-{port}", fence, server, port, why)
        if args.management.missing:
            # No prefix list of AWS has the addresses of Systems Manager ("AWS-managed prefix lists").
            self._egress("fence-to-aws-443", fence, 443, "Systems Manager", cidr=ANYWHERE)
            self._to_proxy("fence", fence, args.proxy)
        else:
            endpoints = {a for its in args.management.addresses.values() for a in its}
            for address in sorted(endpoints):
                name, why = f"fence-to-{address}-443", "Systems Manager: an endpoint of the VPC"
                self._egress(name, fence, 443, why, cidr=f"{address}/32")
        return fence

    def _to_proxy(self, name: str, source: pulumi.Input[str], proxy: Proxy | None) -> None:
        if proxy is None:
            return
        try:
            cidr = f"{IPv4Address(proxy.host)}/32"
        except ValueError:
            cidr = ANYWHERE
        if (cidr, proxy.port) != (ANYWHERE, 443):
            why = "The proxy to Azure and AWS"
            self._egress(f"{name}-to-proxy-{proxy.port}", source, proxy.port, why, cidr=cidr)

    def _group(self, name: str, description: str, args: SecurityGroupsArgs) -> ec2.SecurityGroup:
        full_name = f"{args.prefix}-{name}"
        return ec2.SecurityGroup(
            name,
            name=full_name,
            description=description,
            vpc_id=args.vpc_id,
            tags={"Name": full_name},
            # A renamed stack keeps its groups: machines replicate over the connections they allow.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["name", "tags"]),
        )

    def _kept_while_used(
        self, name: str, description: str, args: SecurityGroupsArgs
    ) -> pulumi.Output[str]:
        """A group that outlives the stack if machines have it; its id, for whoever needs it.

        Its rules need the clearance, so on destroy they go before it. Another stack of the name may
        find the group of an earlier one, and EC2 takes a name once in a VPC: so AWS gets a beginning.
        """
        full_name = f"{args.prefix}-{name}"
        group = ec2.SecurityGroup(
            name,
            name_prefix=f"{full_name}-",
            description=description,
            vpc_id=args.vpc_id,
            tags={"Name": full_name},
            opts=pulumi.ResourceOptions(
                parent=self,
                # An older stack gave it the name.
                ignore_changes=["name", "namePrefix", "tags"],
                retain_on_delete=True,
            ),
        )
        clearance = FenceClearance(
            name,
            group_id=group.id,
            tag=full_name,
            region=args.region,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["tag"]),
        )
        return clearance.group_id

    def _allow(
        self,
        name: str,
        source: pulumi.Input[str],
        destination: pulumi.Input[str],
        port: int,
        why: str,
    ) -> None:
        self._egress(name, source, port, why, destination=destination)
        self.rules.append(
            vpc.SecurityGroupIngressRule(
                name,
                security_group_id=destination,
                referenced_security_group_id=source,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                description=why,
                opts=pulumi.ResourceOptions(parent=self),
            )
        )

    def _egress(
        self,
        name: str,
        source: pulumi.Input[str],
        port: int,
        why: str,
        *,
        destination: pulumi.Input[str] | None = None,
        cidr: str | None = None,
    ) -> None:
        self.rules.append(
            vpc.SecurityGroupEgressRule(
                name,
                security_group_id=source,
                referenced_security_group_id=destination,
                cidr_ipv4=cidr,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                description=why,
                opts=pulumi.ResourceOptions(parent=self),
            )
        )
