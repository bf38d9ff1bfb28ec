"""Subscriptions, their regions and their resource providers.

Source: Microsoft.Resources, Subscriptions_* and Providers_* operations.
"""

from __future__ import annotations

from emulator.arm import roles
from emulator.arm.governance import locks
from emulator.arm.identity import TENANT
from emulator.arm.regions import REGIONS
from emulator.kernel.resources import listing
from emulator.kernel.routes import Routes
from emulator.kernel.store import Document
from emulator.kernel.wire import ArmError, Request, Response
from emulator.kernel.world import World

API_VERSIONS = (
    "2016-06-01",
    "2018-05-01",
    "2020-01-01",
    "2020-06-01",
    "2021-01-01",
    "2021-04-01",
    "2022-09-01",
    "2022-12-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-03-01",
    "2025-04-01",
)
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
ANOTHER_SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
SUBSCRIPTIONS = (SUBSCRIPTION, ANOTHER_SUBSCRIPTION)
"""All that exist."""
_NAMESPACES = {
    name.lower(): name
    for name in (
        "Microsoft.Compute",
        "Microsoft.Network",
        "Microsoft.RecoveryServices",
        "Microsoft.Resources",
        "Microsoft.Storage",
    )
}

routes = Routes(API_VERSIONS)


@routes.route("GET", "/subscriptions", "Subscriptions_List")
def list_subscriptions(world: World, request: Request) -> Response:
    """The subscriptions in which the caller has a role."""
    scopes = roles.scopes(world, request)
    return listing(
        _subscription(world, each)
        for each in SUBSCRIPTIONS
        if scopes is None or any(roles.reaches(f"/subscriptions/{each}", scope) for scope in scopes)
    )


@routes.route("GET", "/subscriptions/{subscription}", "Subscriptions_Get")
def get_subscription(world: World, request: Request, subscription: str) -> Response:
    """One subscription."""
    return Response(200, _subscription(world, subscription))


@routes.route("GET", "/subscriptions/{subscription}/locations", "Subscriptions_ListLocations")
def list_locations(world: World, request: Request, subscription: str) -> Response:
    """The regions."""
    return listing(
        {
            "id": f"/subscriptions/{subscription}/locations/{name}",
            "name": name,
            "displayName": shown,
            "regionalDisplayName": shown,
        }
        for name, shown in REGIONS.items()
    )


@routes.route("GET", "/subscriptions/{subscription}/providers", "Providers_List")
def list_providers(world: World, request: Request, subscription: str) -> Response:
    """The resource providers that this emulator has."""
    return listing(_provider(world, subscription, name) for name in _NAMESPACES.values())


@routes.route("GET", "/subscriptions/{subscription}/providers/{namespace}", "Providers_Get")
def get_provider(world: World, request: Request, subscription: str, namespace: str) -> Response:
    """One resource provider."""
    return Response(200, _provider(world, subscription, _require_namespace(namespace)))


@routes.route(
    "POST", "/subscriptions/{subscription}/providers/{namespace}/register", "Providers_Register"
)
def register_provider(
    world: World, request: Request, subscription: str, namespace: str
) -> Response:
    """Register a provider. All of them are registered already."""
    return Response(200, _provider(world, subscription, _require_namespace(namespace)))


def register(world: World) -> None:
    """Register no events."""


def _subscription(world: World, subscription: str) -> Document:
    return {
        "id": f"/subscriptions/{subscription}",
        "subscriptionId": subscription,
        "tenantId": TENANT,
        "displayName": "Emulator",
        "state": locks.state(world, subscription),
        "subscriptionPolicies": {"quotaId": "Emulator", "spendingLimit": "Off"},
        "authorizationSource": "RoleBased",
    }


def _provider(world: World, subscription: str, namespace: str) -> Document:
    return {
        "id": f"/subscriptions/{subscription}/providers/{namespace}",
        "namespace": namespace,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": "Registered",
        "resourceTypes": _types(world, namespace),
    }


def _types(world: World, namespace: str) -> list[Document]:
    """The resource types of a namespace, with the api-versions that their routes answer."""
    versions: dict[str, set[str]] = {}
    for route in world.routes.all():
        _, found, below = route.template.rpartition("/providers/")
        above, *segments = below.split("/")
        if not found or above != namespace or not route.api_versions:
            continue
        types = segments[::2]
        if types and not any(one.startswith("{") for one in types):
            versions.setdefault("/".join(types), set()).update(route.api_versions)
    return [
        {
            "resourceType": name,
            "locations": list(REGIONS.values()),
            "apiVersions": sorted(answered, reverse=True),
            "capabilities": "None",
        }
        for name, answered in sorted(versions.items())
    ]


def _require_namespace(namespace: str) -> str:
    known = _NAMESPACES.get(namespace.lower())
    if known is None:
        raise ArmError(
            404,
            "InvalidResourceNamespace",
            f"The resource namespace '{namespace}' is invalid.",
        )
    return known
