"""The base of the servers of both experiences: a hardened instance that sets itself up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

import pulumi

from components.only_server import only_server
from components.sdk import ec2, iam, secretsmanager, ssm
from components.server_setup import Role, Setup, user_data
from dynamic_providers.fabric_registration import FabricRegistration
from dynamic_providers.vault_clearance import VaultClearance
from settings.schema.packages import Package
from settings.schema.proxy import Proxy
from settings.schema.source import Server
from site_recovery.aws import regions
from site_recovery.aws.server_facts import ROLE_TAG, VAULT_TAG
from site_recovery.fleet import ExperienceName

ROOT_GIB = 80

_SSM_POLICY = "arn:{partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
_STARTING = {"state": "starting", "step": "", "message": "The instance starts."}
S = TypeVar("S", bound=Server)


@dataclass(frozen=True)
class ServerArgs(Generic[S]):
    """The inputs of a server.

    Attributes:
        prefix: the prefix of names that must be unique in the AWS account.
        region: the AWS region.
        settings: its subnet, name and installer.
        ami_id: its image. Like the next two, it is not used for a server that already exists.
        instance_type: its size.
        cache_gib: the size of its cache volume.
        vault_id: the vault that it serves; also a tag, for the person who installs it.
        security_group_id: the security group of the server.
        network_rules: the security group rules that it needs from its first boot.
        registration_timeout: how long to wait for it to appear in the vault (service time).
        poll: the time between two polls of the vault.
        agent_readers: the roles of the machines, which read the agents' secret: by ARN, their
            unique ids.
        vault_adopted: whether the vault existed before the stack, and stays.
        proxy: the proxy through which it reaches AWS and Azure.
        tags: its tags in AWS beside ours.
    """

    prefix: str
    region: str
    settings: S
    ami_id: str
    instance_type: str
    cache_gib: int
    vault_id: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    network_rules: Sequence[pulumi.Resource]
    registration_timeout: timedelta
    poll: timedelta
    agent_readers: Mapping[str, str] = field(default_factory=dict)
    vault_adopted: bool = False
    proxy: Proxy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def instance(self, role: Role, subnet_id: str, volumes_gib: Sequence[int]) -> ServerInstance:
        """The instance of a server that this stack makes."""
        settings = self.settings
        return ServerInstance(
            role=role,
            prefix=self.prefix,
            region=self.region,
            name=settings.name,
            subnet_id=subnet_id,
            private_ip=settings.private_ip,
            ami_id=self.ami_id,
            instance_type=self.instance_type,
            volumes_gib=volumes_gib,
            vault_id=self.vault_id,
            security_group_id=self.security_group_id,
            network_rules=self.network_rules,
            agent_readers=self.agent_readers,
            installer=settings.installer if settings.installation == "unattended" else None,
            proxy=self.proxy,
            tags=self.tags,
        )


@dataclass(frozen=True)
class ServerInstance:
    """The inputs of an instance and of its set-up script.

    Attributes:
        role: which server it becomes; also a tag.
        prefix: the prefix of names that must be unique in the AWS account.
        region: the AWS region.
        name: its computer name, which is also its name in the vault.
        volumes_gib: the sizes of its data volumes, at most two, in the order of their devices.
        vault_id: the vault that it serves; also a tag.
        network_rules: the security group rules that it needs from its first boot.
        agent_readers: the roles that may read the agents' secret: by ARN, their unique ids.
        installer: the package that it installs by itself; None if a person installs it.
        proxy: the proxy through which it reaches AWS and Azure.
        tags: its tags beside ours.
    """

    role: Role
    prefix: str
    region: str
    name: str
    subnet_id: str
    private_ip: str | None
    ami_id: str
    instance_type: str
    volumes_gib: Sequence[int]
    vault_id: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    network_rules: Sequence[pulumi.Resource]
    agent_readers: Mapping[str, str]
    installer: Package | None
    proxy: Proxy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CredentialSecret:
    """The secret with which an instance registers, and the version that must exist first."""

    arn: pulumi.Output[str]
    version: pulumi.Resource


class MigrationServer(pulumi.ComponentResource):
    """A Windows instance that migrates machines, and what the vault knows of it.

    It is managed through SSM alone: it has no public address, no key pair and no open RDP port. Its
    metadata service requires tokens, with a hop limit of one. All its volumes are encrypted. Its
    role may report the progress of its set-up, read the one secret with which it registers, and
    write the one that the machines' agents read.

    Attributes:
        instance_id: the EC2 instance; empty for a server that this stack did not make.
        private_ip: its address in the VPC.
        agent_secret_arn: the secret with which the machines' agents register.
        status_parameter: the SSM parameter in which it reports the progress of its set-up; empty
            if a person sets it up.
        registration: what the vault knows of it once it has registered.
    """

    instance_id: pulumi.Output[str]
    private_ip: pulumi.Output[str]
    agent_secret_arn: pulumi.Output[str]
    status_parameter: pulumi.Output[str]
    registration: FabricRegistration
    _clearance: VaultClearance

    def __init__(
        self, kind: str, name: str, server_name: str, opts: pulumi.ResourceOptions | None
    ) -> None:
        super().__init__(f"ec2-to-azure:components:{kind}", name, None, opts)
        self._name = server_name
        self.instance_id = self.private_ip = self.status_parameter = pulumi.Output.from_input("")

    def clear(self, args: ServerArgs[S], experience: ExperienceName, *, keep: bool) -> None:
        """Make sure that the vault has no server left once the instance is terminated.

        Normally the delete of the registration removes it before that. But if a run ended before
        the registration was recorded, nothing else would.
        """
        self._clearance = VaultClearance(
            "clearance",
            vault_id=args.vault_id,
            server_name=self._name,
            experience=experience,
            keep_server=keep,
            keep_vault=args.vault_adopted,
            poll_seconds=args.poll.total_seconds(),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def summary(self) -> dict[str, pulumi.Input[str]]:
        """The server in the stack's outputs."""
        return {
            "name": self._name,
            "instanceId": self.instance_id,
            "privateIp": self.private_ip,
            "fabricId": self.registration.fabric_id,
            "containerId": self.registration.container_id,
            "agentSecret": self.agent_secret_arn,
            "statusParameter": self.status_parameter,
        }

    def make_secret(self, name: str, full_name: str, description: str) -> secretsmanager.Secret:
        """A secret that destroy deletes at once, without a recovery window."""
        return secretsmanager.Secret(
            name,
            name=full_name,
            description=description,
            recovery_window_in_days=0,
            # A renamed stack keeps it: the server learned this name when it was launched.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["name"]),
        )

    def make_agent_secret(self, prefix: str, role: Role, readers: Mapping[str, str]) -> None:
        """The agents' secret, without a value: only the server itself or a person knows it.

        Its policy lets the machines' roles read it, so that these roles need no change. AWS keeps
        their unique ids, so a role that was deleted and made again may not read it, although its
        ARN is the same. The statement is named after these ids: then the policy is written anew.
        """
        secret = self.make_secret(
            "agent", f"{prefix}-{role}-agent", "With it the machines' agents find their server"
        )
        self.agent_secret_arn = secret.arn
        if readers:
            secretsmanager.SecretPolicy(
                "agent-readers",
                secret_arn=secret.arn,
                policy=_policy(
                    _allow("secretsmanager:GetSecretValue", secret.arn)
                    | {"Sid": f"Roles{_digest(readers)}", "Principal": {"AWS": sorted(readers)}}
                ),
                block_public_policy=True,
                opts=pulumi.ResourceOptions(parent=self),
            )

    def launch(
        self, server: ServerInstance, credential: CredentialSecret | None = None
    ) -> ec2.Instance:
        """Make the agents' secret and the instance with its role."""
        self.make_agent_secret(server.prefix, server.role, server.agent_readers)
        status = None if server.installer is None else self._status(server)
        profile = self._profile(server, status, credential)
        instance = ec2.Instance(
            "server",
            ami=server.ami_id,
            instance_type=server.instance_type,
            subnet_id=server.subnet_id,
            private_ip=server.private_ip,
            associate_public_ip_address=False,
            vpc_security_group_ids=[server.security_group_id],
            iam_instance_profile=profile.name,
            metadata_options=ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            monitoring=True,
            ebs_optimized=True,
            root_block_device=ec2.InstanceRootBlockDeviceArgs(
                volume_type="gp3", volume_size=ROOT_GIB, encrypted=True, delete_on_termination=True
            ),
            ebs_block_devices=[
                _volume(device, size)
                for device, size in zip(("xvdf", "xvdg"), server.volumes_gib, strict=False)
            ],
            user_data=self._user_data(server, server.installer, credential),
            tags={
                **server.tags,
                "Name": server.name,
                ROLE_TAG: server.role,
                VAULT_TAG: server.vault_id,
            },
            # Machines replicate through it: a newer image, another disk size or another set-up
            # script applies to the next server, and is no reason to stop or terminate this one.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[
                    self._clearance,
                    *server.network_rules,
                    *([credential.version] if credential else []),
                ],
                ignore_changes=["ami", "ebsBlockDevices", "userData"],
                hooks=pulumi.ResourceHookBinding(before_create=[only_server(server.region)]),
            ),
        )
        self.instance_id = instance.id
        self.private_ip = instance.private_ip
        return instance

    def register(
        self,
        args: ServerArgs[S],
        experience: ExperienceName,
        requires: Sequence[pulumi.Resource],
        *,
        keep: bool,
    ) -> None:
        """Wait until the server has registered with its vault.

        The registration depends on the instance, so it is removed before the instance is
        terminated. Otherwise the vault would keep a server that nobody can reach any more.
        """
        self.registration = FabricRegistration(
            "registration",
            vault_id=args.vault_id,
            server_name=self._name,
            experience=experience,
            keep=keep,
            region=args.region,
            status_parameter=self.status_parameter,
            timeout_seconds=args.registration_timeout.total_seconds(),
            poll_seconds=args.poll.total_seconds(),
            opts=pulumi.ResourceOptions(parent=self, depends_on=requires),
        )
        self.register_outputs({"instanceId": self.instance_id, "privateIp": self.private_ip})

    def _status(self, server: ServerInstance) -> ssm.Parameter:
        status = ssm.Parameter(
            "status",
            name=f"/{server.prefix}/{server.role}/status",
            description=f"How far the set-up of {server.name} is; written by itself",
            type="String",
            value=json.dumps(_STARTING),
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["name", "value"]),
        )
        self.status_parameter = status.name
        return status

    def _user_data(
        self,
        server: ServerInstance,
        installer: Package | None,
        credential: CredentialSecret | None,
    ) -> pulumi.Output[str] | None:
        if installer is None:
            return None
        where = pulumi.Output.all(
            status=self.status_parameter,
            agent=self.agent_secret_arn,
            credential=credential.arn if credential else None,
        )
        return where.apply(
            lambda found: user_data(
                Setup(
                    role=server.role,
                    region=server.region,
                    computer_name=server.name,
                    status_parameter=found["status"],
                    agent_secret_id=found["agent"],
                    installer_url=installer.url,
                    installer_sha256=installer.sha256,
                    credential_secret_id=found["credential"],
                    proxy=server.proxy.url if server.proxy else None,
                    proxy_bypass=server.proxy.bypass if server.proxy else (),
                )
            )
        )

    def _profile(
        self,
        server: ServerInstance,
        status: ssm.Parameter | None,
        credential: CredentialSecret | None,
    ) -> iam.InstanceProfile:
        opts = pulumi.ResourceOptions(parent=self)
        # A renamed stack keeps both: the running server uses the role.
        named = pulumi.ResourceOptions(parent=self, ignore_changes=["name"])
        full_name = f"{server.prefix}-{server.role}"
        role = iam.Role(
            "role",
            name=full_name,
            description=f"Site Recovery {server.role.replace('-', ' ')}, managed through SSM",
            assume_role_policy=_ec2_may_assume(server.region),
            opts=named,
        )
        managed = iam.RolePolicyAttachment(
            "managed-by-ssm",
            role=role.name,
            policy_arn=_SSM_POLICY.format(partition=regions.partition_of(server.region)),
            opts=opts,
        )
        statements = [_allow("secretsmanager:PutSecretValue", self.agent_secret_arn)]
        if status is not None:
            statements.append(_allow("ssm:PutParameter", status.arn))
        if credential is not None:
            statements.append(_allow("secretsmanager:GetSecretValue", credential.arn))
        own = iam.RolePolicy(
            "sets-itself-up",
            name="sets-itself-up",
            role=role.name,
            policy=_policy(*statements),
            opts=opts,
        )
        return iam.InstanceProfile(
            "profile",
            name=full_name,
            role=role.name,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[managed, own], ignore_changes=["name"]
            ),
        )


def _ec2_may_assume(region: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": regions.ec2_principal(region)},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _allow(action: str, resource: pulumi.Output[str]) -> dict[str, object]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _digest(readers: Mapping[str, str]) -> str:
    return hashlib.sha256(" ".join(sorted(readers.values())).encode()).hexdigest()[:16]


def _policy(*statements: dict[str, object]) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _volume(device: str, size_gib: int) -> ec2.InstanceEbsBlockDeviceArgs:
    return ec2.InstanceEbsBlockDeviceArgs(
        device_name=device,
        volume_type="gp3",
        volume_size=size_gib,
        encrypted=True,
        delete_on_termination=True,
    )
