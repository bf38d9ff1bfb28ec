"""What a vault of physical machines never has: lists that are empty, and things not found.

Networks and storage classifications are those of Virtual Machine Manager, migration items those
of Azure Migrate, vCenters, clusters and intents those of other replication providers. Their lists
are answered, as recorded, for whoever reads a whole vault.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.kernel.routes import Handler, Routes
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.paths import (
    API_VERSIONS,
    CONTAINERS,
    FABRICS,
    VAULT,
    Collection,
    not_found,
    page,
    require_parents,
    require_vault,
)

routes = Routes(API_VERSIONS)

_NETWORKS = Collection(f"{FABRICS.template}/replicationNetworks/{{network}}", "network")
_CLASSES = Collection(f"{FABRICS.template}/replicationStorageClassifications/{{class}}", "class")
_CLUSTERS = Collection(
    f"{CONTAINERS.template}/replicationProtectionClusters/{{cluster}}", "cluster"
)

_OF_VAULT = (
    ("replicationNetworks", "ReplicationNetworks_List"),
    ("replicationNetworkMappings", "ReplicationNetworkMappings_List"),
    ("replicationStorageClassifications", "ReplicationStorageClassifications_List"),
    ("replicationStorageClassificationMappings", "ReplicationStorageClassificationMappings_List"),
    ("replicationvCenters", "ReplicationvCenters_List"),
    ("replicationMigrationItems", "ReplicationMigrationItems_List"),
    ("replicationProtectionClusters", "ReplicationProtectionClusters_List"),
    ("replicationProtectionIntents", "ReplicationProtectionIntents_List"),
)
_WITHIN = (
    (_NETWORKS, "ReplicationNetworks", "ListByReplicationFabrics"),
    (_CLASSES, "ReplicationStorageClassifications", "ListByReplicationFabrics"),
    (
        Collection(f"{FABRICS.template}/replicationLogicalNetworks/{{network}}", "network"),
        "ReplicationLogicalNetworks",
        "ListByReplicationFabrics",
    ),
    (
        Collection(f"{FABRICS.template}/replicationvCenters/{{center}}", "center"),
        "ReplicationvCenters",
        "ListByReplicationFabrics",
    ),
    (
        Collection(f"{CONTAINERS.template}/replicationMigrationItems/{{migration}}", "migration"),
        "ReplicationMigrationItems",
        "ListByReplicationProtectionContainers",
    ),
    (_CLUSTERS, "ReplicationProtectionClusters", "ListByReplicationProtectionContainers"),
)
_UNDER = (
    (_NETWORKS, "replicationNetworkMappings", "ReplicationNetworkMappings", "Networks"),
    (
        _CLASSES,
        "replicationStorageClassificationMappings",
        "ReplicationStorageClassificationMappings",
        "StorageClassifications",
    ),
)


def _of_vault(world: World, request: Request, **path: str) -> Response:
    require_vault(world, path)
    return Response(200, page(request, []))


def _within(world: World, request: Request, **path: str) -> Response:
    require_parents(world, path)
    return Response(200, page(request, []))


def _missing(collection: Collection) -> Handler:
    def answer(world: World, request: Request, **path: str) -> Response:
        require_parents(world, path)
        raise not_found(collection, path[collection.parameter])

    return answer


def _add(template: str, operation: str, handler: Callable[..., Response]) -> None:
    routes.route("GET", template, operation)(handler)


for _name, _operation in _OF_VAULT:
    _add(f"{VAULT}/{_name}", _operation, _of_vault)
for _collection, _group, _listing in _WITHIN:
    _add(_collection.collection, f"{_group}_{_listing}", _within)
    _add(_collection.template, f"{_group}_Get", _missing(_collection))
for _collection, _name, _group, _parent in _UNDER:
    # What lies under something that is never there is not found with it.
    _add(
        f"{_collection.template}/{_name}",
        f"{_group}_ListByReplication{_parent}",
        _missing(_collection),
    )
    _add(f"{_collection.template}/{_name}/{{mapping}}", f"{_group}_Get", _missing(_collection))
