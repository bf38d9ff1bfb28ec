"""The configuration server beside the machines, and its registration with the vault."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pulumi
from pulumi_aws import ec2, iam

from dynamic_providers.fabric_registration import FabricRegistration
from settings import ConfigurationServer as ServerSettings

ROLE_TAG = "site-recovery:role"
VAULT_TAG = "site-recovery:vault"
ROOT_GIB = 80

_SSM_POLICY = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
_EC2_MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass(frozen=True)
class ConfigurationServerArgs:
    """What the server is made from.

    Attributes:
        prefix: what names begin with that are unique in the AWS account.
        settings: size, image, place.
        vault_id: the vault that it serves; also a tag, by which whoever installs it knows.
        security_group_id: the server's group.
        network_rules: the rules that it needs from its first boot on.
        registration_timeout: how long it may take to show up in the vault.
        poll: between two looks at the vault.
    """

    prefix: str
    settings: ServerSettings
    vault_id: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    network_rules: Sequence[pulumi.Resource]
    registration_timeout: timedelta
    poll: timedelta


class ConfigurationServer(pulumi.ComponentResource):
    """A Windows instance that is configuration server, process server and master target at once.

    It is managed through SSM alone: no public address, no key pair, no open RDP; its metadata
    service answers tokens only, one hop away; all its volumes are encrypted.

    Attributes:
        instance_id: the EC2 instance.
        private_ip: its address in the VPC.
        registration: what the vault knows of it once it has registered.
    """

    instance_id: pulumi.Output[str]
    private_ip: pulumi.Output[str]
    registration: FabricRegistration

    def __init__(
        self, name: str, args: ConfigurationServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ec2-to-azure:components:ConfigurationServer", name, None, opts)
        server = args.settings
        instance = ec2.Instance(
            "server",
            ami=server.ami_id,
            instance_type=server.instance_type,
            subnet_id=server.subnet_id,
            private_ip=server.private_ip,
            associate_public_ip_address=False,
            vpc_security_group_ids=[args.security_group_id],
            iam_instance_profile=self._profile(args.prefix).name,
            metadata_options=ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            monitoring=True,
            ebs_optimized=True,
            root_block_device=ec2.InstanceRootBlockDeviceArgs(
                volume_type="gp3", volume_size=ROOT_GIB, encrypted=True, delete_on_termination=True
            ),
            ebs_block_devices=[
                _volume("xvdf", server.cache_gib),
                _volume("xvdg", server.retention_gib),
            ],
            tags={
                "Name": server.name,
                ROLE_TAG: "configuration-server",
                VAULT_TAG: args.vault_id,
            },
            # Machines replicate through it: a newer image or another disk size in the config is
            # for the next server, not a reason to terminate this one.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=args.network_rules,
                ignore_changes=["ami", "ebsBlockDevices"],
            ),
        )
        # Registered after the instance is made, and so unregistered before it is terminated: the
        # vault would keep a server that nobody can reach any more.
        self.registration = FabricRegistration(
            "registration",
            vault_id=args.vault_id,
            server_name=server.name,
            timeout_seconds=args.registration_timeout.total_seconds(),
            poll_seconds=args.poll.total_seconds(),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[instance]),
        )
        self._name = server.name
        self.instance_id = instance.id
        self.private_ip = instance.private_ip
        self.register_outputs({"instanceId": self.instance_id, "privateIp": self.private_ip})

    def summary(self) -> dict[str, pulumi.Input[str]]:
        """The server in the stack's outputs."""
        return {
            "name": self._name,
            "instanceId": self.instance_id,
            "privateIp": self.private_ip,
            "fabricId": self.registration.fabric_id,
            "containerId": self.registration.container_id,
        }

    def _profile(self, prefix: str) -> iam.InstanceProfile:
        opts = pulumi.ResourceOptions(parent=self)
        role = iam.Role(
            "role",
            name=f"{prefix}-configuration-server",
            description="Site Recovery configuration server, managed through SSM",
            assume_role_policy=json.dumps(_EC2_MAY_ASSUME),
            opts=opts,
        )
        policy = iam.RolePolicyAttachment(
            "managed-by-ssm", role=role.name, policy_arn=_SSM_POLICY, opts=opts
        )
        return iam.InstanceProfile(
            "profile",
            name=f"{prefix}-configuration-server",
            role=role.name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )


def _volume(device: str, size_gib: int) -> ec2.InstanceEbsBlockDeviceArgs:
    return ec2.InstanceEbsBlockDeviceArgs(
        device_name=device,
        volume_type="gp3",
        volume_size=size_gib,
        encrypted=True,
        delete_on_termination=True,
    )
