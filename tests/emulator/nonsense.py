"""Malformed requests that are close enough to real ones to pass the first check."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from emulator import front
from emulator.estate.static import StaticEstate
from emulator.http import Application
from emulator.kernel.clock import Clock
from emulator.kernel.routes import Route
from emulator.kernel.store import Store
from emulator.kernel.world import World, resumed_clock
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    GROUP_NAME,
    SUBSCRIPTION,
    VAULT_NAME,
    Site,
)

WEB = support.windows(1)


@dataclass(frozen=True)
class Call:
    """One request as bytes."""

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Template:
    """A world with a protected machine and a recovery plan's worth of neighbours, to copy from."""

    def __init__(self) -> None:
        site = Site([WEB, support.linux(1)]).prepare()
        site.protect(WEB)
        self._documents = [
            (kind, key, site.store.get(kind, key))
            for kind in site.store.kinds()
            for key in site.store.keys(kind)
        ]
        self._estate = list(site.estate.machines)
        self.token = site.token
        fabric, container = site.container.split("/")[10:13:2]
        (point, *_) = site.get(f"{site.item(WEB)}/recoveryPoints")["value"]
        (job, *_) = site.get(f"/subscriptions/{SUBSCRIPTION}{_jobs()}")["value"]
        self.names = {
            "subscription": SUBSCRIPTION,
            "group": GROUP_NAME,
            "vault": VAULT_NAME,
            "fabric": fabric,
            "container": container,
            "item": WEB.name,
            "policy": "policy",
            "mapping": "mapping",
            "location": "westeurope",
            "point": point["name"],
            "job": job["name"],
            "operation": job["name"],
            "network": "vnet-prod",
            "subnet": "servers",
            "account": "stcache",
        }
        self.ids = [site.fabric, site.container, site.policy, site.item(WEB), site.host]
        self.ids += [support.NETWORK, support.STORAGE, support.GROUP, site.protectable(WEB)]
        self.bodies = _bodies(site)
        self.routes = [route for route in site.world.routes.all() if _may_run(route)]

    def world(self) -> World:
        """A new world in the state of the template."""
        store = Store()
        with store.transaction():
            for kind, key, document in self._documents:
                assert document is not None
                store.put(kind, key, document)
        kept = resumed_clock(store)
        # A request may let the clock run. What is due then would happen with a later one, also one
        # that is refused: so no real time passes.
        clock = Clock(kept.now(), kept.scale, real=lambda: 0.0)
        return front.create(store, clock, estate=StaticEstate(self._estate, support_groups()))

    # -- strategies -------------------------------------------------------------------------

    def calls(self) -> st.SearchStrategy[Call]:
        """Requests: some of arbitrary bytes, most of them close to an operation."""
        return st.one_of(self._any_bytes(), *[self._close() for _ in range(8)])

    def _any_bytes(self) -> st.SearchStrategy[Call]:
        header = st.tuples(st.binary(min_size=1, max_size=12), st.binary(max_size=40))
        return st.builds(
            Call,
            method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
            path=st.binary(max_size=80).map(lambda rest: b"/" + rest),
            query=st.binary(max_size=60),
            headers=st.lists(header, max_size=4).map(tuple),
            body=st.binary(max_size=200),
        )

    @st.composite
    @staticmethod
    def _near(draw: st.DrawFn, template: Template) -> Call:
        # One thing at a time is spoilt: two wrongs are refused for the first of them.
        spoilt = draw(st.sampled_from(["body"] * 8 + ["path", "path", "version", "query", "token"]))
        # Most operations only read, and most mistakes are made by those that do not.
        changing = [route for route in template.routes if route.operation_id in template.bodies]
        route: Route = draw(st.sampled_from(draw(st.sampled_from([template.routes, changing]))))
        path = route.template
        parameters = _parameters(route.template)
        wrong = draw(st.sampled_from(parameters)) if spoilt == "path" and parameters else None
        for name in parameters:
            value = template.names.get(name, "default")
            if name == wrong:
                value = draw(st.text(max_size=12))
            path = path.replace("{" + name + "}", quote(value, safe=""))
        version = draw(st.sampled_from(sorted(route.api_versions) or ["2025-08-01"]))
        if spoilt == "version":
            version = draw(st.text(max_size=12))
        query = f"api-version={quote(version)}"
        if spoilt == "query":
            name = draw(st.sampled_from(["$filter", "skipToken", "$expand", "t", "s"]))
            query += f"&{name}={quote(draw(st.text(max_size=20)), safe='')}"
        token = template.token if spoilt != "token" else draw(st.text(max_size=40))
        headers = (
            (b"host", b"127.0.0.1:5000"),
            (b"authorization", f"Bearer {token}".encode("utf-8", "replace")),
        )
        body = b""
        if route.changes or route.method in ("PUT", "POST", "PATCH"):
            body = draw(template._body(route.operation_id))
        return Call(route.method, path.encode(), query.encode(), headers, body)

    def _body(self, operation: str) -> st.SearchStrategy[bytes]:
        good = self.bodies.get(operation)
        if good is None:
            return st.one_of(self._json(), self._json(), st.binary(max_size=60))
        return st.one_of(
            st.just(json.dumps(good).encode()), self._spoilt(self, good), self._spoilt(self, good)
        )

    @st.composite
    @staticmethod
    def _spoilt(draw: st.DrawFn, template: Template, good: Any) -> bytes:
        """A valid body with one of its values replaced or removed, or with another value added."""
        body = json.loads(json.dumps(good))
        places = list(_places(body))
        holder, key = draw(st.sampled_from(places))
        how = draw(st.sampled_from(["replace", "replace", "replace", "remove", "add"]))
        if how == "remove":
            del holder[key]
        elif how == "add" and isinstance(holder, dict):
            holder[draw(st.sampled_from(_NAMES))] = draw(template._values())
        else:
            holder[key] = draw(template._values())
        return json.dumps(body).encode()

    def _close(self) -> st.SearchStrategy[Call]:
        return self._near(self)

    def _values(self) -> st.SearchStrategy[Any]:
        leaves = st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=12),
            st.sampled_from([*self.ids, *_VALUES]),
        )
        names = st.one_of(st.sampled_from(_NAMES), st.text(max_size=8))
        return st.recursive(
            leaves,
            lambda inner: st.one_of(
                st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=6)
            ),
            max_leaves=12,
        )

    def _json(self) -> st.SearchStrategy[bytes]:
        values = self._values()
        members = st.dictionaries(st.sampled_from(_NAMES), values, max_size=8)
        names = ("properties", "location", "tags", "sku")
        whole = st.fixed_dictionaries({}, optional=dict.fromkeys(names, members))
        return st.one_of(whole, members, values).map(lambda value: json.dumps(value).encode())


def send(application: Application, call: Call) -> Answer:
    """Send a request through the application, as a server would."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": call.method,
        "path": call.path.decode("latin-1"),
        "raw_path": call.path,
        "query_string": call.query,
        "headers": list(call.headers),
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": call.body, "more_body": False}

    async def answer(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(application(scope, receive, answer))
    start, *rest = sent
    body = b"".join(message.get("body", b"") for message in rest)
    return Answer(start["status"], dict(start["headers"]), body)


def state(world: World) -> dict[tuple[str, str], Any]:
    """The content of the store, except for the time and the next number."""
    store = world.store
    return {
        (kind, key): store.get(kind, key)
        for kind in store.kinds()
        if kind != "meta"
        for key in store.keys(kind)
    }


def support_groups() -> tuple[Any, ...]:
    return (support.PUSH, support.SERVER_GROUP)


def _may_run(route: Route) -> bool:
    # Faults make the very refusals and drops that are looked for here.
    return "/_emulator/faults" not in route.template


def _parameters(template: str) -> list[str]:
    return [part[1:-1] for part in template.split("/") if part.startswith("{")]


def _places(body: Any) -> Iterator[tuple[Any, Any]]:
    """The place of each value in a body: its container, and the key or index in it."""
    keys = body if isinstance(body, dict) else range(len(body)) if isinstance(body, list) else ()
    for key in keys:
        yield body, key
        yield from _places(body[key])


def _bodies(site: Site) -> dict[str, Any]:
    """A valid body for each operation that is tested."""
    located = {"location": "westeurope", "tags": {"a": "b"}}
    prefix = {"addressPrefix": "10.30.1.0/24"}
    network = {
        "addressSpace": {"addressPrefixes": ["10.30.0.0/16"]},
        "subnets": [{"name": "servers", "properties": prefix}],
    }
    soft_delete = {"softDeleteState": "Enabled", "softDeleteRetentionPeriodInDays": 20}
    security = {"securitySettings": {"softDeleteSettings": soft_delete}}
    identity = {"type": "SystemAssigned"}
    items = "ReplicationProtectedItems"
    point = f"{site.item(WEB)}/recoveryPoints/none"
    failover = support.failover_properties(point)
    return {
        "ResourceGroups_CreateOrUpdate": located,
        "VirtualNetworks_CreateOrUpdate": {**located, "properties": network},
        "Subnets_CreateOrUpdate": {"properties": prefix},
        "StorageAccounts_Create": {
            **located,
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
            "properties": {"minimumTlsVersion": "TLS1_2", "allowBlobPublicAccess": False},
        },
        "Vaults_CreateOrUpdate": {
            **located,
            "sku": {"name": "Standard"},
            "identity": identity,
            "properties": security,
        },
        "Vaults_Update": {"tags": {}, "identity": identity, "properties": security},
        "ReplicationPolicies_Create": support.policy_body(),
        "ReplicationPolicies_Update": {
            "properties": {
                "replicationProviderSettings": support.policy_body()["properties"][
                    "providerSpecificInput"
                ]
            }
        },
        "ReplicationProtectionContainerMappings_Create": support.mapping_body(site.policy),
        "ReplicationProtectionContainers_DiscoverProtectableItem": support.discover_body(WEB),
        f"{items}_Create": site.enable_body(WEB, disksToInclude=["a"], targetVmSize="Standard_A1"),
        f"{items}_Update": {
            "properties": {
                "recoveryAzureVMName": "web",
                "recoveryAzureVMSize": "Standard_D2s_v3",
                "vmNics": [{"nicId": "1", "ipConfigs": [{"isPrimary": True}]}],
                "providerSpecificDetails": {"instanceType": "InMageAzureV2"},
            }
        },
        f"{items}_TestFailover": {"properties": support.test_failover_properties()},
        f"{items}_TestFailoverCleanup": {"properties": {"comments": "done"}},
        f"{items}_UnplannedFailover": {"properties": failover},
        f"{items}_Delete": {"properties": {"disableProtectionReason": "MigrationComplete"}},
        "ReplicationRecoveryPlans_Create": {
            "properties": {
                "primaryFabricId": site.fabric,
                "recoveryFabricId": "Microsoft Azure",
                "failoverDeploymentModel": "ResourceManager",
                "groups": [
                    {
                        "groupType": "Boot",
                        "replicationProtectedItems": [{"id": site.item(WEB)}],
                        "startGroupActions": [],
                        "endGroupActions": [],
                    }
                ],
            }
        },
        "VaultCertificates_Create": {"properties": {"authType": "AAD", "certificate": "TUlJ"}},
        "VaultExtendedInfo_CreateOrUpdate": {"properties": {"integrityKey": "a"}},
        "_Emulator_SetClock": {"scale": 2},
        "_Emulator_AdvanceClock": {"seconds": 60},
        "_Emulator_SetThrottling": {"mode": "off", "limits": {"reads": {"capacity": 9}}},
        "_Emulator_Register": {"instanceId": "i-0server", "credential": "<a/>"},
    }


def _jobs() -> str:
    return (
        f"/resourceGroups/{GROUP_NAME}/providers/Microsoft.RecoveryServices/vaults/{VAULT_NAME}"
        "/replicationJobs"
    )


_NAMES = [
    *("properties", "providerSpecificDetails", "providerSpecificInput", "instanceType"),
    *("policyId", "protectableItemId", "processServerId", "masterTargetId", "runAsAccountId"),
    *("targetAzureVmName", "targetAzureV2ResourceGroupId", "targetAzureNetworkId"),
    *("failoverDirection", "networkType", "networkId", "recoveryPointId", "disksToInclude"),
    *("disableProtectionReason", "friendlyName", "ipAddress", "osType", "comments", "groups"),
    *("primaryFabricId", "recoveryFabricId", "groupType", "replicationProtectedItems", "id"),
    *("startGroupActions", "endGroupActions", "customDetails", "scale", "seconds", "mode"),
    *("addressSpace", "addressPrefixes", "subnets", "name", "addressPrefix", "kind", "sku"),
    *("securityRules", "priority", "access", "direction", "protocol", "location", "tags"),
    *("securitySettings", "softDeleteSettings", "softDeleteRetentionPeriodInDays"),
    *("certificate", "authType", "instanceId", "credential", "limits", "reads", "capacity"),
    *("recoveryPointHistory", "appConsistentFrequencyInMinutes", "multiVmSyncStatus"),
    *("targetVmTags", "identity", "type", "userAssignedIdentities", "algorithm", "jobName"),
]
_VALUES = [
    *("InMageAzureV2", "InMageRcm", "A2A", "PrimaryToRecovery", "VmNetworkAsInput", "Windows"),
    *("MigrationComplete", "Microsoft Azure", "10.20.0.0/16", "10.10.1.11", "westeurope"),
    *("Standard", "Standard_LRS", "StorageV2", "SystemAssigned", "UserAssigned", "AAD"),
    *("2026-01-05T08:00:00Z", "0001-01-01T00:00:00", "1", "-1", "\ud800", "\x00"),
]
