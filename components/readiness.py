"""Checks and prepares the machines of a wave before they start to replicate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pulumi

from components.migration_server import MigrationServer
from components.mobility_agent import MobilityAgent, MobilityAgentArgs
from dynamic_providers.connectivity_check import ConnectivityCheck
from settings import Preflight, Settings
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.aws.regions import host_of


@dataclass(frozen=True)
class Readiness:
    """How ready a wave's machines are.

    Attributes:
        holds: by machine, why its replication may not start; only machines that are held.
        bios_ids: by machine, the BIOS id that the installation of its agent found.
    """

    holds: pulumi.Output[Mapping[str, str]]
    bios_ids: pulumi.Input[Mapping[str, str]]


def readiness(
    wave: str,
    prefix: str,
    settings: Settings,
    preflight: Preflight,
    server: MigrationServer,
    server_group_id: pulumi.Input[str],
    parent: pulumi.Resource,
    requires: Sequence[pulumi.Resource],
) -> Readiness:
    """Check the connections of a wave and roll out its agents."""
    members = {
        name: preflight.facts[name]
        for name in settings.waves[wave].machines
        if name in preflight.facts and name not in preflight.gone
    }
    # A machine that its cutover stopped cannot connect, but may be given back with its agent.
    stopped = {
        name: facts
        for name in settings.waves[wave].machines
        if (facts := preflight.facts.get(name)) is not None and facts.cut_over
    }
    held = {name: why for name, why in preflight.holds.items() if name in members}
    if pulumi.runtime.is_dry_run():
        # A preview does not know yet what the check and the rollout will find.
        for name, why in sorted(held.items()):
            pulumi.log.warn(f"{name}: {why}", parent)
    told: list[pulumi.Input[Any]] = [held]
    # The whole server component: the policy of the agents' secret, which lets the machines read
    # it, is a resource of its own.
    before = [*requires, server]
    check = _connectivity(wave, settings, members, server, server_group_id, parent, before)
    told.append(check.blocked)
    before = [*before, check]
    bios_ids: pulumi.Input[Mapping[str, str]] = {}
    if settings.replication.agent.installation == "ssm":
        agent = _agent(wave, prefix, settings, {**members, **stopped}, preflight, server, before)
        told.append(agent.failed)
        bios_ids = agent.bios_ids
    holds = pulumi.Output.all(*told).apply(
        lambda parts: {name: why for part in reversed(parts) for name, why in part.items()}
    )
    return Readiness(holds, bios_ids)


def _subnet(settings: Settings) -> str:
    """The server's subnet; empty for an appliance that this stack did not make."""
    if settings.experience == "classic":
        assert settings.source.configuration_server is not None
        return settings.source.configuration_server.subnet_id
    assert settings.source.replication_appliance is not None
    return settings.source.replication_appliance.subnet_id or ""


def _through_the_proxy(settings: Settings) -> dict[str, bool]:
    """By platform, whether the installation of an agent goes through the proxy.

    It fetches the package and reads the secret; both may be named in `source.proxy.bypass`.
    """
    agent, proxy = settings.replication.agent, settings.source.proxy
    if proxy is None or agent.installation != "ssm":
        return {}
    secrets = host_of("secretsmanager", settings.aws_region)
    packages = {"windows": agent.windows, "linux": agent.linux}
    return {
        platform: proxy.takes(secrets)
        or (package is not None and proxy.takes(urlsplit(package.url).hostname or ""))
        for platform, package in packages.items()
    }


def _connectivity(
    wave: str,
    settings: Settings,
    members: Mapping[str, MachineFacts],
    server: MigrationServer,
    server_group_id: pulumi.Input[str],
    parent: pulumi.Resource,
    requires: Sequence[pulumi.Resource],
) -> ConnectivityCheck:
    proxy = settings.source.proxy
    through = _through_the_proxy(settings)
    return ConnectivityCheck(
        wave,
        region=settings.aws_region,
        vpc_id=settings.source.vpc_id,
        experience=settings.experience,
        push=settings.replication.agent.installation == "push",
        server={
            "subnet_id": _subnet(settings),
            "private_ip": server.private_ip,
            "security_group_ids": [server_group_id],
            "instance_id": server.instance_id,
        },
        machines={
            name: {
                "instance_id": facts.instance_id,
                "private_ip": facts.private_ip,
                "platform": facts.platform,
                "proxied": through.get(facts.platform, False),
            }
            for name, facts in members.items()
            if facts.private_ip
        },
        proxy=None if proxy is None else {"host": proxy.host, "port": proxy.port},
        offline_preview=settings.convergence.offline_preview,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=requires),
    )


def _agent(
    wave: str,
    prefix: str,
    settings: Settings,
    members: Mapping[str, MachineFacts],
    preflight: Preflight,
    server: MigrationServer,
    requires: Sequence[pulumi.Resource],
) -> MobilityAgent:
    agent = settings.replication.agent
    packages = {"windows": agent.windows, "linux": agent.linux}
    return MobilityAgent(
        f"{wave}-agent",
        MobilityAgentArgs(
            prefix=prefix,
            wave=wave,
            experience=settings.experience,
            machines={
                name: (facts.instance_id, facts.platform)
                for name, facts in members.items()
                if name not in preflight.holds
            },
            server_address=server.private_ip,
            secret_arn=server.agent_secret_arn,
            packages={
                platform: (package.url, package.sha256)
                for platform, package in packages.items()
                if package is not None
            },
            region=settings.aws_region,
            timeout=settings.registration_timeout,
            poll=settings.convergence.poll,
            requires=requires,
            proxy=settings.source.proxy,
        ),
    )
