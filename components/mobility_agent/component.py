"""The mobility agent on a wave's machines: documents, associations and their progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pulumi

from components.mobility_agent import document
from components.sdk import ssm
from dynamic_providers.agent_rollout import AgentRollout
from settings.schema.proxy import Proxy
from site_recovery.batches import batches
from site_recovery.declared import own_names

_TARGETS = 50
"""The maximum of instance ids in one association (CreateAssociation, Target.Values)."""

_SCHEDULE = "rate(30 minutes)"
"""The shortest interval of State Manager: a machine that was down, or failed, is tried again."""

_AT_ONCE = "20"
"""How many machines install at the same time: a limit for the load on the server and on the place
that the packages come from."""


@dataclass(frozen=True)
class MobilityAgentArgs:
    """The inputs of the rollout.

    Attributes:
        prefix: the prefix of names that must be unique in the AWS account.
        wave: the wave's name.
        experience: `classic` or `modernized`.
        machines: instance id and platform (`windows` or `linux`) by machine name.
        server_address: the private address of the server with which the agents register.
        secret_arn: the secret that they register with: a passphrase (classic) or the appliance's
            config.json (modernized). The machines' roles may read it.
        packages: by platform, the https URL of the agent's package, and its SHA-256 or None.
        region: the AWS region of machines and secret.
        timeout: how long one `pulumi up` waits for the machines, in real time.
        poll: the time between two polls.
        requires: the resources that must exist before a machine can install.
        proxy: the proxy through which the machines reach package and secret.
    """

    prefix: str
    wave: str
    experience: str
    machines: Mapping[str, tuple[str, str]]
    server_address: pulumi.Input[str]
    secret_arn: pulumi.Input[str]
    packages: Mapping[str, tuple[str, str | None]]
    region: str
    timeout: timedelta
    poll: timedelta
    requires: Sequence[pulumi.Resource] = ()
    proxy: Proxy | None = None


class MobilityAgent(pulumi.ComponentResource):
    """Installs the agent through Systems Manager, and tells which machines failed.

    Every association runs on a schedule, and the script does nothing on a machine that is done. So
    a machine that was stopped, or is added to its wave later, gets its agent without another run.

    Attributes:
        rollout: how far each machine is.
    """

    rollout: AgentRollout

    def __init__(
        self, name: str, args: MobilityAgentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ec2-to-azure:components:MobilityAgent", name, None, opts)
        associations: dict[str, pulumi.Input[str]] = {}
        made: list[pulumi.Resource] = []
        for platform in sorted({platform for _, platform in args.machines.values()}):
            for key, association in self._associations(name, args, platform).items():
                associations[key] = association.id
                made.append(association)
        self.rollout = AgentRollout(
            f"{name}-rollout",
            region=args.region,
            associations=associations,
            machines={
                machine: {"instance_id": instance_id, "platform": platform}
                for machine, (instance_id, platform) in args.machines.items()
            },
            timeout_seconds=args.timeout.total_seconds(),
            poll_seconds=args.poll.total_seconds(),
            opts=pulumi.ResourceOptions(parent=self, depends_on=made),
        )
        self.register_outputs({"failed": self.failed})

    @property
    def failed(self) -> pulumi.Output[Mapping[str, str]]:
        """By machine without a registered agent, why; its replication may not start yet."""
        return self.rollout.failed

    @property
    def bios_ids(self) -> pulumi.Output[Mapping[str, str]]:
        """By machine, the BIOS id that the installation found."""
        return self.rollout.bios_ids

    def _associations(
        self, name: str, args: MobilityAgentArgs, platform: str
    ) -> dict[str, ssm.Association]:
        installs = ssm.Document(
            f"{name}-{platform}",
            name=own_names.agents(args.prefix, args.wave, platform),
            document_type="Command",
            document_format="JSON",
            target_type="/AWS::EC2::Instance",
            content=document.content(platform),
            # A renamed stack keeps document and associations, and installs no agent again.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["name"]),
        )
        url, sha256 = args.packages[platform]
        instance_ids = sorted(i for i, of in args.machines.values() if of == platform)
        associations = {}
        for number, batch in enumerate(batches(instance_ids, _TARGETS)):
            suffix = f"-{number + 1}" if number else ""
            associations[f"{platform}{suffix}"] = ssm.Association(
                f"{name}-{platform}{suffix}",
                association_name=own_names.agents(args.prefix, args.wave, platform, number + 1),
                name=installs.name,
                # The number of the version, not $DEFAULT: so a changed script runs at once.
                document_version=installs.default_version,
                targets=[ssm.AssociationTargetArgs(key="InstanceIds", values=batch)],
                parameters={
                    "PackageUrl": url,
                    "PackageSha256": sha256 or "",
                    "ServerAddress": args.server_address,
                    "SecretId": args.secret_arn,
                    "Region": args.region,
                    "Experience": args.experience,
                    "Proxy": args.proxy.url if args.proxy else "",
                    "ProxyBypass": ",".join(args.proxy.bypass) if args.proxy else "",
                },
                schedule_expression=_SCHEDULE,
                max_concurrency=_AT_ONCE,
                # A machine that fails must not stop the rollout to the others.
                max_errors="100%",
                opts=pulumi.ResourceOptions(
                    parent=self, depends_on=args.requires, ignore_changes=["associationName"]
                ),
            )
        return associations
