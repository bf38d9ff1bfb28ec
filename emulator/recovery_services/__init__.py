"""Azure Site Recovery: fabrics, discovery, replication, failovers, jobs."""

from __future__ import annotations

from emulator.kernel.routes import Routes
from emulator.kernel.world import World
from emulator.recovery_services import (
    agent_rollout,
    alert_settings,
    containers,
    control,
    empty_lists,
    events,
    experiences,
    fabrics,
    item_refusals,
    items,
    job_export,
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
    server_setup,
    supported_systems,
    target_sizes,
    vault_health,
)
from emulator.recovery_services.modernized import appliances

__all__ = ["register", "routes"]

routes = Routes()
for _service in (
    *(fabrics, containers, policies, mappings, protected_items, recovery_points, target_sizes),
    *(job_routes, operations, events, vault_health, control, plans, plans_operations),
    *(registrations, appliances, item_refusals, alert_settings, job_export),
    *(supported_systems, empty_lists),
):
    routes.include(_service.routes)
routes.include(job_export.files)


def register(world: World) -> None:
    """Make the world run what Site Recovery and its guests do by themselves."""
    jobs.register(world)
    items.register(world)
    plans_runs.register(world)
    experiences.register(world)
    server_setup.register(world)
    agent_rollout.register(world)
