"""Rules about the server that the machines replicate through."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from settings.draft import Draft
from settings.rules import sizing
from settings.schema.experience import DEFAULT, SERVER_KEYS
from settings.schema.source import ConfigurationServer, ReplicationAppliance, Server
from site_recovery.config_paths import path
from site_recovery.fleet import ExperienceName
from site_recovery.problems import Problem
from site_recovery.server_names import SERVER_NAMES


def _number_of_machines(draft: Draft) -> Iterator[Problem]:
    count = len(draft.members)
    if count > sizing.MACHINES_MAX:
        server = SERVER_NAMES[draft.experience or DEFAULT]
        yield Problem(
            "waves",
            f"{count} machines are more than the {sizing.MACHINES_MAX} that one {server} serves",
            "Split them into stacks, each with a server and a vault of its own",
        )


def _server_is_declared(draft: Draft) -> Iterator[Problem]:
    kind = draft.experience
    if kind is None or draft.source_keys is None or SERVER_KEYS[kind] in draft.source_keys:
        return
    other: ExperienceName = "classic" if kind == "modernized" else "modernized"
    least = "subnetId, or registered" if kind == "modernized" else "subnetId"
    instead = (
        f"; or set experience: {other}, for which one is declared"
        if SERVER_KEYS[other] in draft.source_keys
        else ""
    )
    yield Problem(
        path("source", SERVER_KEYS[kind]),
        f"it is missing, and experience is {kind}",
        f"Declare the {SERVER_NAMES[kind]} there ({least}){instead}",
    )


def _registered_appliance(draft: Draft) -> Iterator[Problem]:
    if draft.experience != "modernized" or draft.appliance_keys is None:
        return
    place = path("source", SERVER_KEYS["modernized"])
    if "registered" not in draft.appliance_keys:
        if "subnetId" not in draft.appliance_keys:
            yield Problem(
                f"{place}.subnetId",
                "it is missing",
                "Add the subnet of the appliance; or name one that is there already with "
                "registered: {name, securityGroupId, privateIp}",
            )
        return
    others = sorted(draft.appliance_keys - {"registered"})
    if others:
        yield Problem(
            f"{place}.registered",
            f"it is set together with {', '.join(others)}, which would create another appliance",
            f"Remove {', '.join(others)}, or remove registered",
        )
    if draft.target is not None and not draft.target.adopts("vault"):
        yield Problem(
            "target.adopt",
            "an appliance that is registered belongs to a vault that exists",
            "Name that vault in target.vault, and adopt it: "
            "adopt: [resourceGroup, vault], beside what else exists",
        )


def _server_size(draft: Draft) -> Iterator[Problem]:
    kind, server = draft.experience, draft.server
    if kind is None or server is None or _is_registered(server):
        return
    count = len(draft.members)
    churn = _churn(server)
    place = path("source", SERVER_KEYS[kind])
    if churn > sizing.CHURN_GIB_PER_DAY_MAX:
        yield Problem(
            f"{place}.churnGiBPerDay",
            f"{churn} GiB a day are more than the {sizing.CHURN_GIB_PER_DAY_MAX} that one "
            f"{SERVER_NAMES[kind]} takes",
            "Split the machines into stacks, each with a server and a vault of its own",
        )
    size = sizing.needed(kind, count, churn)
    fleet = f"{count} machines" + (f" and {churn} GiB of churn a day" if churn else "")
    if server.instance_type is not None:
        problem = sizing.too_small(server.instance_type, size, SERVER_NAMES[kind], fleet)
        if problem:
            yield Problem(f"{place}.instanceType", *problem)
    if server.cache_gib is not None and server.cache_gib < size.cache_gib:
        yield Problem(
            f"{place}.cacheGiB",
            f"{server.cache_gib} GiB of cache are too few for {fleet}",
            f"Use at least {size.cache_gib}, or leave the key out",
        )


def _is_registered(server: Server) -> bool:
    return isinstance(server, ReplicationAppliance) and server.registered is not None


def _churn(server: Server) -> int:
    return (server.churn_gib_per_day or 0) if isinstance(server, ConfigurationServer) else 0


def _proxy(draft: Draft) -> Iterator[Problem]:
    if draft.experience != "classic" or draft.proxy is None or _is_address(draft.proxy.host):
        return
    yield Problem(
        path("source", "proxy", "url"),
        f"{draft.proxy.host} is a name, and Unified Setup takes the IP address of a proxy only",
        "Write its address",
    )


def _is_address(host: str) -> bool:
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True


RULES = (
    _number_of_machines,
    _server_is_declared,
    _registered_appliance,
    _proxy,
    _server_size,
)
