"""Azure Site Recovery: fabrics, discovery, replication, failovers, jobs."""

from __future__ import annotations

from emulator.kernel.routes import Routes
from emulator.kernel.world import World
from emulator.recovery_services import (
    containers,
    control,
    events,
    experiences,
    fabrics,
    items,
    job_routes,
    jobs,
    mappings,
    operations,
    plans,
    plans_operations,
    plans_runs,
    policies,
    protected_items,
    recovery_points,
    registrations,
    target_sizes,
    vault_health,
)

__all__ = ["register", "routes"]

routes = Routes()
for _service in (
    *(fabrics, containers, policies, mappings, protected_items, recovery_points, target_sizes),
    *(job_routes, operations, events, vault_health, control, plans, plans_operations),
    registrations,
):
    routes.include(_service.routes)


def register(world: World) -> None:
    """Make the world run what Site Recovery and its guests do by themselves."""
    jobs.register(world)
    items.register(world)
    plans_runs.register(world)
    experiences.register(world)
