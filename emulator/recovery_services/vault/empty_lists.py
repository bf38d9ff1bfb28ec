"""Lists that are always empty in a vault of physical machines.

Networks and storage classifications are those of Virtual Machine Manager, migration items those
of Azure Migrate, vCenters, clusters and intents those of other replication providers. Their lists
are answered, as recorded, for whoever reads a whole vault.
"""

from __future__ import annotations

from emulator.kernel.routes import Routes
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World
from emulator.recovery_services.wire.paths import (
    API_VERSIONS,
    CONTAINERS,
    FABRICS,
    VAULT,
    page,
    require_parents,
    require_vault,
)

routes = Routes(API_VERSIONS)

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
    (FABRICS, "replicationNetworks", "ReplicationNetworks"),
    (FABRICS, "replicationStorageClassifications", "ReplicationStorageClassifications"),
    (FABRICS, "replicationLogicalNetworks", "ReplicationLogicalNetworks"),
    (FABRICS, "replicationvCenters", "ReplicationvCenters"),
    (CONTAINERS, "replicationMigrationItems", "ReplicationMigrationItems"),
    (CONTAINERS, "replicationProtectionClusters", "ReplicationProtectionClusters"),
)
_BY = {FABRICS: "Fabrics", CONTAINERS: "ProtectionContainers"}


def _of_vault(world: World, request: Request, **path: str) -> Response:
    require_vault(world, path)
    return Response(200, page(request, []))


def _within(world: World, request: Request, **path: str) -> Response:
    require_parents(world, path)
    return Response(200, page(request, []))


for _name, _operation in _OF_VAULT:
    routes.route("GET", f"{VAULT}/{_name}", _operation)(_of_vault)
for _parent, _name, _group in _WITHIN:
    _operation = f"{_group}_ListByReplication{_BY[_parent]}"
    routes.route("GET", f"{_parent.template}/{_name}", _operation)(_within)
