"""Sites as documents. They are not created by PUT, but by registering a replication appliance.

Shapes: the operations ServerSitesController_Get, ServersController_GetMachine and
ServerRunAsAccountsController_Get (azure-rest-api-specs, Microsoft.OffAzure 2023-06-06); of run-as
accounts also azure-cli's recording `test_siterecovery_V2A_RCMInMage`. What a physical machine's
values look like was not recorded: [inferred].
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.kernel import resources
from emulator.kernel.resources import PRIVATE
from emulator.kernel.store import Document
from emulator.kernel.world import World

SERVER_SITES, VMWARE_SITES = "ServerSites", "VMwareSites"
CREDENTIAL_LESS = "credentialLessRunAsAccount"

_NAMESPACE = "Microsoft.OffAzure"
_MACHINES = f"{_NAMESPACE}/{SERVER_SITES}/machines".lower()


def site_id(group_id: str, kind: str, name: str) -> str:
    """The id of a site; `kind` is `ServerSites` or `VMwareSites`."""
    return f"{group_id}/providers/{_NAMESPACE}/{kind}/{name}"


def add(world: World, identifier: str, *, location: str, appliance: str) -> None:
    """Create a site with only the account that needs no credentials."""
    kind, name = identifier.split("/")[-2:]
    resources.put(
        world,
        {
            "id": identifier,
            "name": name,
            "type": f"{_NAMESPACE}/{kind}",
            "location": location,
            "tags": {},
            "properties": {
                "applianceName": appliance,
                "discoveryScenario": "DR",
                "provisioningState": "Succeeded",
            },
        },
    )
    account = world.guid("run-as-account", identifier.lower())
    resources.put(
        world,
        {
            "id": f"{identifier}/runasaccounts/{account}",
            "name": account,
            "type": f"{_NAMESPACE}/{kind}/runasaccounts",
            "properties": {
                "displayName": CREDENTIAL_LESS,
                "credentialType": "CredentialLessAccount",
                "createdTimestamp": _stamp(world),
                "updatedTimestamp": _stamp(world),
                "applianceName": appliance,
            },
        },
    )


def add_machine(world: World, site: str, name: str, properties: Document, instance: str) -> None:
    """Add a machine to a site, or update it with what it reports now."""
    identifier = f"{site}/machines/{name}"
    before = resources.find(world, identifier)
    created = before["properties"]["createdTimestamp"] if before else _stamp(world)
    private = before[PRIVATE] if before else {"instance": instance, "item": None, "agent": False}
    resources.put(
        world,
        {
            "id": identifier,
            "name": name,
            "type": f"{_NAMESPACE}/{SERVER_SITES}/machines",
            "properties": {
                **properties,
                "createdTimestamp": created,
                "updatedTimestamp": _stamp(world),
                "provisioningState": "Succeeded",
            },
            PRIVATE: private,
        },
    )


def machines(world: World, site: str) -> list[Document]:
    """The machines of a site, oldest first."""
    return _under(world, site, "machines")


def accounts(world: World, site: str) -> list[Document]:
    """The run-as accounts of a site."""
    return _under(world, site, "runasaccounts")


def machine(world: World, identifier: str) -> Document | None:
    """The machine with this id, or None."""
    found = resources.find(world, identifier)
    return found if found is not None and found["type"].endswith("/machines") else None


def machine_keys(world: World, site: str) -> list[str]:
    """The keys of a site's machines, oldest first."""
    return world.store.keys(_MACHINES, f"{site.rstrip('/')}/")


def view(world: World, key: str) -> Sequence[bytes]:
    """The machine of a key as JSON, in pieces."""

    def show() -> Document:
        found = world.store.peek(_MACHINES, key)
        assert found is not None
        return shown(world, found)

    return world.views.pieces((_MACHINES, key), show)


def shown(world: World, document: Document) -> Document:
    """A machine as it is shown. If EC2 does not list it any more, it is marked as deleted
    [inferred]."""
    instance = document[PRIVATE]["instance"]
    gone = all(one.id != instance or one.state == "terminated" for one in world.instances())
    properties = document["properties"] | {"isDeleted": gone}
    return {**resources.public(document), "properties": properties}


def remove(world: World, identifiers: Sequence[str]) -> None:
    """Remove sites with everything in them."""
    for identifier in identifiers:
        for document in (*machines(world, identifier), *accounts(world, identifier)):
            world.store.delete(document["type"].lower(), document["id"])
        site = resources.find(world, identifier)
        if site is not None:
            world.store.delete(site["type"].lower(), site["id"])


def _under(world: World, site: str, collection: str) -> list[Document]:
    kind = f"{_NAMESPACE}/{site.rstrip('/').split('/')[-2]}/{collection}".lower()
    return world.store.list(kind, f"{site.rstrip('/')}/")


def _stamp(world: World) -> str:
    return world.now.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
